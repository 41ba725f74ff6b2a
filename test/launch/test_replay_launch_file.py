# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The replay launch file without ROS: with and without ros2 bag, and in which order things start.

The real launch system runs it in test_replay_launch.py, where there is one.
"""
from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fake_launch
import pytest

from degfuse_ros.ros.dds_profile import profile_variable
from degfuse_ros.ros.parameter_table import ROWS

ROOT = Path(__file__).resolve().parents[2]
Start = Callable[..., list[Any]]


def describe(monkeypatch: pytest.MonkeyPatch, has_ros2_bag: bool) -> list[Any]:
    """Read the launch file on a machine with ros2 bag or without."""
    monkeypatch.setattr(shutil, 'which', lambda name: f'/opt/ros/bin/{name}')
    installed = ['ros2bag'] if has_ros2_bag else []
    for name, module in fake_launch.modules(str(ROOT), installed).items():
        monkeypatch.setitem(sys.modules, name, module)
    spec = importlib.util.spec_from_file_location(
        'replay_launch', ROOT / 'launch' / 'replay.launch.py')
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.generate_launch_description().given[0]


def start(description: list[Any], bag: Path, **arguments: str) -> tuple[list[Any], list[Any]]:
    """Return what starts at once, and what follows once the node is active."""
    defaults = {argument.given[0]: argument.default_value for argument in description[:-1]}
    assert arguments.keys() <= {*defaults, 'dds_profile'}
    context = SimpleNamespace(launch_configurations={
        **defaults, 'bag': str(bag), 'dds_profile': '/profile.xml', **arguments})
    at_once = description[-1].function(context)
    # Whatever node becomes active: this launch file starts one.
    [active] = at_once[0].given
    assert (active.kind, active.goal_state, active.handle_once) == (
        'OnStateTransition', 'active', True)
    [play] = active.entities
    return at_once, play.function(context, *play.args)


def test_arguments_read_well_and_are_none_of_the_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = describe(monkeypatch, True)[:-1]
    names = [argument.given[0] for argument in arguments]
    assert names == ['bag', 'rate', 'loop', 'start_offset', 'delay', 'record']
    assert not {*names} & {*ROWS, 'visible', 'thermal', 'namespace', 'params_file'}
    assert all(len(argument.description) > 10 for argument in arguments)
    assert arguments[0].default_value is None  # has to be given


def test_the_node_is_that_of_the_other_launch_file_in_the_bags_time(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    at_once, _ = start(describe(monkeypatch, True), tmp_path)
    handler, node = at_once
    assert (handler.kind, node.kind) == ('RegisterEventHandler', 'IncludeLaunchDescription')
    assert node.given[0].given == (str(ROOT / 'launch' / 'fuse.launch.py'),)
    assert node.launch_arguments == [('use_sim_time', 'true')]


def test_ros2_bag_plays_where_there_is_one(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _, [ending, player] = start(describe(monkeypatch, True), tmp_path, rate='0.5', loop='true')
    assert player.kind == 'ExecuteProcess' and player.cmd == [
        'ros2', 'bag', 'play', str(tmp_path), '--clock', '40', '--rate', '0.5', '--delay', '2.0',
        '--start-offset', '0.0', '--loop']
    assert player.additional_env == {profile_variable(): '/profile.xml'}
    [left] = ending.given
    assert (left.kind, left.target_action) == ('OnProcessExit', player)
    [timer] = left.on_exit
    assert timer.kind == 'TimerAction' and [each.kind for each in timer.actions] == ['Shutdown']


def test_our_own_player_understands_the_same_options(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from degfuse_ros.bag_player import parser
    _, [_, player] = start(describe(monkeypatch, False), tmp_path, start_offset='3',
                           dds_profile='none')
    assert (player.kind, player.package, player.executable) == (
        'Node', 'degfuse_ros', 'bag_player')
    args = parser().parse_args(player.arguments)
    assert (args.bag, args.rate, args.clock, args.start_offset, args.delay, args.loop) == (
        tmp_path, 1.0, 40.0, 3.0, 2.0, False)
    assert player.additional_env == {}


def test_results_are_recorded_where_asked_for(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    at_once, _ = start(describe(monkeypatch, True), tmp_path, record=str(tmp_path / 'new'))
    assert [each.kind for each in at_once] == [
        'RegisterEventHandler', 'ExecuteProcess', 'IncludeLaunchDescription']
    assert at_once[1].cmd == ['ros2', 'bag', 'record', '--output', str(tmp_path / 'new'),
                              '--use-sim-time', '--regex', '(^|/)fused/']


@pytest.mark.parametrize(('arguments', 'reason'), [
    ({'bag': '/nowhere'}, "bag must be a folder or a file. Got '/nowhere'"),
    ({'rate': 'fast'}, "rate must be a number, above 0. Got 'fast'"),
    ({'rate': '0'}, "rate must be a number, above 0. Got '0'"),
    ({'delay': '0'}, "delay must be a number, above 0. Got '0'"),
    ({'start_offset': '-1'}, "start_offset must be a number, 0 or more. Got '-1'"),
    ({'loop': 'often'}, "loop must be true or false. Got 'often'"),
    ({'record': '/'}, "record names a bag that exists already. Got '/'"),
    ({'record': '/new'}, 'record needs ros2 bag: install ros-$ROS_DISTRO-ros2bag'),
])
def test_a_bad_argument_is_one_clear_line(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: dict[str, str],
        reason: str) -> None:
    description = describe(monkeypatch, False)
    given = {'bag': str(tmp_path), **arguments}
    with pytest.raises(ValueError) as caught:
        start(description, Path(given.pop('bag')), **given)
    assert reason in str(caught.value) and '\n' not in str(caught.value)
