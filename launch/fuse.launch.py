# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Start the fusion node and bring it to active.

    ros2 launch degfuse_ros fuse.launch.py visible:=/camera/image_raw thermal:=/ir/image_raw
    ros2 launch degfuse_ros fuse.launch.py rigs:=[front,rear] front.visible:=/front_cam/image_raw

Every parameter of the node is an argument too, from the table that declares it. With several
rigs, an argument of one rig has its name in front: front.thermal:=/ir/image, front.sync_slop:=0.1.
"""

import os
from typing import Any

from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument, EmitEvent, OpaqueFunction, RegisterEventHandler
from launch.conditions import IfCondition
from launch.event_handlers import OnProcessStart
from launch.events import matches_action
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState
from lifecycle_msgs.msg import Transition

from degfuse_ros.ros.dds_profile import profile_variable
from degfuse_ros.ros.parameter_table import ROWS, TABLE, row_of
from launch import LaunchContext, LaunchDescription

CONFIG = os.path.join(get_package_share_directory('degfuse_ros'), 'config')

# What a parameter's argument reads where it is not given.
FROM_FILE = 'as in params_file'


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments and start the node from them."""
    return LaunchDescription([*_arguments(), OpaqueFunction(function=_start)])


def _arguments() -> list[DeclareLaunchArgument]:
    # A profile that the environment already names is the user's own choice: keep it.
    profile = os.environ.get(profile_variable()) or os.path.join(CONFIG, 'fastdds.xml')
    own = [
        ('visible', 'visible/image', 'Topic of the visible image; camera_info is read beside it. '
         'A relative one is in the namespace of each rig; RIG.visible:=TOPIC names that of one.'),
        ('thermal', 'thermal/image', 'Topic of the thermal image; the same holds.'),
        ('params_file', os.path.join(CONFIG, 'fuse.yaml'), 'Parameters of the node.'),
        ('namespace', '', 'Namespace of the node and of all its relative topics.'),
        ('autostart', 'true', 'Whether to configure and activate the node; false leaves it to a '
         'lifecycle manager.'),
        ('log_level', 'info', 'One of debug, info, warn, error, fatal.'),
        ('dds_profile', profile, 'Fast DDS profile with room for images; none leaves the '
         'environment as it is.'),
        ('use_sim_time', FROM_FILE, 'Whether to take the time from /clock, as for bags played '
         'with --clock: true or false.'),
    ]
    table = [(row.name, FROM_FILE, f'{row.description} [{row.allowed}; default {row.default!r}]')
             for row in TABLE]
    return [DeclareLaunchArgument(name, default_value=default, description=description)
            for name, default, description in [*own, *table]]


def _start(context: LaunchContext) -> list[Any]:
    """Start the node, with those parameters that were given as arguments."""
    given = {name: LaunchConfiguration(name).perform(context)
             for name in ('visible', 'thermal', 'params_file', 'namespace', 'log_level',
                          'dds_profile', 'rigs')}
    of_rigs = _arguments_of_rigs(context, given['rigs'])
    profile = _profile(given['dds_profile'])
    node = LifecycleNode(
        package='degfuse_ros', executable='fuse_node', name='fuse', namespace=given['namespace'],
        output='screen', parameters=[given['params_file'], _overrides(context, of_rigs)],
        remappings=_remappings(given, of_rigs), ros_arguments=['--log-level', given['log_level']],
        additional_env={profile_variable(): profile} if profile else None)
    return [*_autostart(node), node]


def _arguments_of_rigs(context: LaunchContext, rigs: str) -> dict[str, dict[str, str]]:
    """Return the arguments that were given for one rig alone, as front.visible, by rig and name.

    They cannot be declared: how the rigs are called is an argument itself, or stands in the
    params file.
    """
    result: dict[str, dict[str, str]] = {
        rig: {} for rig in ([''] if rigs == FROM_FILE else ROWS['rigs'].parse(rigs))}
    for name, text in context.launch_configurations.items():
        rig, _, own = name.partition('.')
        if own in ('visible', 'thermal') or (own and row_of(name)):
            result.setdefault(rig, {})[own] = text
        elif own and rig in result:
            raise ValueError(f'no such argument: {name}. A rig has visible, thermal, '
                             f'{", ".join(row.name for row in TABLE if row.per_rig)}')
    return result


def _remappings(given: dict[str, str], of_rigs: dict[str, dict[str, str]]
                ) -> list[tuple[str, str]]:
    """Lead every input of every rig to the topic that was given for it."""
    result = []
    for camera in ('visible', 'thermal'):
        common = [rig for rig, own in of_rigs.items() if camera not in own]
        if given[camera].startswith('/') and len(common) > 1:
            raise ValueError(f'{camera} is one topic for {len(common)} rigs. Got {given[camera]}; '
                             f'give each its own by RIG.{camera}:=TOPIC')
        for rig, own in of_rigs.items():
            prefix = f'{rig}/' if rig else ''
            relative = '' if given[camera].startswith('/') else prefix
            topic = own.get(camera, f'{relative}{given[camera]}')
            # Beside the image, as camera drivers have it.
            folder, slash, _ = topic.rpartition('/')
            result += [(f'{prefix}{camera}/image', topic),
                       (f'{prefix}{camera}/camera_info', f'{folder}{slash}camera_info')]
    return result


def _overrides(context: LaunchContext, of_rigs: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Return the parameters that were given as arguments, by name."""
    result: dict[str, Any] = {}
    use_sim_time = LaunchConfiguration('use_sim_time').perform(context)
    if use_sim_time != FROM_FILE:
        if use_sim_time.lower() not in ('true', 'false'):
            raise ValueError(f'use_sim_time must be true or false. Got {use_sim_time!r}')
        result['use_sim_time'] = use_sim_time.lower() == 'true'
    for row in TABLE:
        text = LaunchConfiguration(row.name).perform(context)
        if text != FROM_FILE:
            result[row.name] = row.parse(text)
    for rig, own in of_rigs.items():
        result.update({f'{rig}.{name}': ROWS[name].parse(text) for name, text in own.items()
                       if name in ROWS})
    return result


def _profile(path: str) -> str:
    """Return the path of the Fast DDS profile, '' for none."""
    if path == 'none':
        return ''
    if not os.path.isfile(path):
        raise ValueError(f'dds_profile must be the path of a file, or none. Got {path!r}')
    return path


def _autostart(node: LifecycleNode) -> list[RegisterEventHandler]:
    """Configure the node once it runs, activate it once it is configured."""
    def change(transition: int) -> EmitEvent:
        return EmitEvent(event=ChangeState(
            lifecycle_node_matcher=matches_action(node), transition_id=transition))

    wanted = IfCondition(LaunchConfiguration('autostart'))
    return [
        RegisterEventHandler(OnProcessStart(
            target_action=node, on_start=[change(Transition.TRANSITION_CONFIGURE)]),
            condition=wanted),
        # From configuring only: a node that a person deactivates later must stay inactive.
        RegisterEventHandler(OnStateTransition(
            target_lifecycle_node=node, start_state='configuring', goal_state='inactive',
            entities=[change(Transition.TRANSITION_ACTIVATE)]), condition=wanted)]
