# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The launch file without ROS: what it makes of its arguments, and in which order things start.

The real launch system runs it in test_fuse_launch.py, where there is one.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fake_launch
import pytest
from fake_launch import Made

from degfuse_ros.ros.dds_profile import profile_variable
from degfuse_ros.ros.parameter_table import TABLE

ROOT = Path(__file__).resolve().parents[2]
OWN = ['visible', 'thermal', 'params_file', 'namespace', 'autostart', 'log_level', 'dds_profile',
       'use_sim_time']


@pytest.fixture
def description(monkeypatch: pytest.MonkeyPatch) -> list[Made]:
    """What the launch file describes: its arguments, then the function that starts the node."""
    monkeypatch.delenv(profile_variable())
    for name, module in fake_launch.modules(str(ROOT)).items():
        monkeypatch.setitem(sys.modules, name, module)
    spec = importlib.util.spec_from_file_location(
        'fuse_launch', ROOT / 'launch' / 'fuse.launch.py')
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.generate_launch_description().given[0]


def start(description: list[Any], **arguments: str) -> list[Any]:
    """Start with some arguments given; return the event handlers and, last, the node."""
    defaults = {argument.given[0]: argument.default_value for argument in description[:-1]}
    assert {name for name in arguments if '.' not in name} <= defaults.keys()
    return description[-1].function(
        SimpleNamespace(launch_configurations={**defaults, **arguments}))


def remappings(visible: str, thermal: str, prefix: str = '') -> dict[str, str]:
    """Return the remappings of one rig whose cameras are in folders of their own."""
    result: dict[str, str] = {}
    for camera, topic in (('visible', visible), ('thermal', thermal)):
        folder = topic.rpartition('/')[0]
        result |= {f'{prefix}{camera}/image': topic,
                   f'{prefix}{camera}/camera_info': f'{folder}/camera_info'}
    return result


def test_arguments_are_the_files_own_and_the_table(description: list[Any]) -> None:
    assert {item.kind for item in description[:-1]} == {'DeclareLaunchArgument'}
    assert [item.given[0] for item in description[:-1]] == [*OWN, *(row.name for row in TABLE)]
    assert all(len(item.description) > 10 for item in description[:-1])


def test_without_arguments_the_files_of_the_package_hold(description: list[Any]) -> None:
    node = start(description)[-1]
    assert (node.kind, node.package, node.executable, node.name, node.namespace) == (
        'LifecycleNode', 'degfuse_ros', 'fuse_node', 'fuse', '')
    assert node.parameters == [str(ROOT / 'config' / 'fuse.yaml'), {}]
    assert node.additional_env == {profile_variable(): str(ROOT / 'config' / 'fastdds.xml')}
    assert dict(node.remappings) == remappings('visible/image', 'thermal/image')


def test_given_arguments_reach_the_node(description: list[Any]) -> None:
    node = start(description, sync_slop='1', sync_queue_size='5', device='cpu', namespace='robot',
                 use_sim_time='True', dds_profile='none', log_level='debug')[-1]
    assert node.parameters[1] == {
        'sync_slop': 1.0, 'sync_queue_size': 5, 'device': 'cpu', 'use_sim_time': True}
    assert type(node.parameters[1]['sync_slop']) is float
    assert node.namespace == 'robot' and node.additional_env is None
    assert node.ros_arguments == ['--log-level', 'debug']
    assert start(description, model='lite')[-1].parameters[1] == {'model': 'lite'}
    assert start(description, use_sim_time='false')[-1].parameters[1] == {'use_sim_time': False}


@pytest.mark.parametrize(('visible', 'camera_info'), [
    ('/rgb/image_raw', '/rgb/camera_info'), ('rgb/image_raw', 'rgb/camera_info'),
    ('/image', '/camera_info'), ('image', 'camera_info')])
def test_camera_info_is_read_beside_the_visible_image(
        description: list[Any], visible: str, camera_info: str) -> None:
    found = dict(start(description, visible=visible, thermal='/ir')[-1].remappings)
    assert (found['visible/image'], found['thermal/image']) == (visible, '/ir')
    assert found['visible/camera_info'] == camera_info


def test_every_rig_has_its_inputs(description: list[Any]) -> None:
    node = start(description, rigs='[front,rear]', visible='cam/image_raw', **{
        'front.thermal': '/ir/front/image', 'rear.sync_slop': '0.1',
        'front.output_encoding': 'mono8'})[-1]
    assert node.parameters[1] == {'rigs': ['front', 'rear'], 'rear.sync_slop': 0.1,
                                  'front.output_encoding': 'mono8'}
    assert dict(node.remappings) == {
        **remappings('front/cam/image_raw', '/ir/front/image', 'front/'),
        **remappings('rear/cam/image_raw', 'rear/thermal/image', 'rear/')}


def test_topics_of_a_rig_that_the_params_file_names(description: list[Any]) -> None:
    node = start(description, **{'front.visible': '/cam/image_raw'})[-1]
    assert node.parameters[1] == {}
    assert {**remappings('/cam/image_raw', 'front/thermal/image', 'front/'),
            **remappings('visible/image', 'thermal/image')} == dict(node.remappings)


@pytest.mark.parametrize(('name', 'value', 'reason'), [
    ('sync_slop', 'fast', "sync_slop must be 0.0001 to 10.0 (double). Got 'fast'"),
    ('sync_queue_size', '0', 'sync_queue_size must be 1 to 1000 (integer). Got 0'),
    ('use_sim_time', 'banana', "use_sim_time must be true or false. Got 'banana'"),
    ('rigs', '[front,front]', 'rigs must be one or more different names'),
    ('front.sync_slop', '99', 'sync_slop must be 0.0001 to 10.0 (double). Got 99.0'),
    ('dds_profile', '/nowhere.xml', "path of a file, or none. Got '/nowhere.xml'"),
])
def test_a_bad_argument_is_one_clear_line(
        description: list[Any], name: str, value: str, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        start(description, **{name: value})
    assert reason in str(caught.value) and '\n' not in str(caught.value)


@pytest.mark.parametrize(('arguments', 'reason'), [
    ({'visible': '/cam'}, 'visible is one topic for 2 rigs. Got /cam; give each its own by '
     'RIG.visible:=TOPIC'),
    ({'front.sync_slopp': '1'}, 'no such argument: front.sync_slopp. A rig has visible, thermal'),
    ({'front.device': 'cpu'}, 'no such argument: front.device'),
])
def test_what_does_not_fit_the_rigs_is_one_clear_line(
        description: list[Any], arguments: dict[str, str], reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        start(description, rigs='front,rear', **arguments)
    assert reason in str(caught.value) and '\n' not in str(caught.value)


def test_the_node_is_configured_when_it_runs_and_activated_once_configured(
        description: list[Any]) -> None:
    # The handlers first: one that is registered after the node's start would miss it.
    *registered, node = start(description)
    assert [item.kind for item in registered] == ['RegisterEventHandler'] * 2
    for item in registered:
        assert item.condition.kind == 'IfCondition'
        assert item.condition.given[0].given == ('autostart',)
    running, configured = (item.given[0] for item in registered)
    assert (running.kind, running.target_action) == ('OnProcessStart', node)
    assert (configured.kind, configured.target_lifecycle_node) == ('OnStateTransition', node)
    assert (configured.start_state, configured.goal_state) == ('configuring', 'inactive')
    for [action], transition in ((running.on_start, fake_launch.CONFIGURE),
                                 (configured.entities, fake_launch.ACTIVATE)):
        assert (action.kind, action.event.kind) == ('EmitEvent', 'ChangeState')
        assert action.event.transition_id == transition
        assert action.event.lifecycle_node_matcher.given == (node,)
