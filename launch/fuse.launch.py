# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Start the fusion node and bring it to active.

    ros2 launch degfuse_ros fuse.launch.py visible:=/camera/image_raw thermal:=/ir/image_raw

Every parameter of the node is an argument too, from the table that declares it.
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
from degfuse_ros.ros.parameter_table import TABLE
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
        ('visible', 'visible/image', 'Topic of the visible image; camera_info is read beside it.'),
        ('thermal', 'thermal/image', 'Topic of the thermal image.'),
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
                          'dds_profile')}
    camera_info = f'{given["visible"].rpartition("/")[0]}/camera_info'.lstrip('/')
    if given['visible'].startswith('/'):
        camera_info = f'/{camera_info}'
    profile = _profile(given['dds_profile'])
    node = LifecycleNode(
        package='degfuse_ros', executable='fuse_node', name='fuse', namespace=given['namespace'],
        output='screen', parameters=[given['params_file'], _overrides(context)],
        remappings=[('visible/image', given['visible']), ('thermal/image', given['thermal']),
                    ('visible/camera_info', camera_info)],
        ros_arguments=['--log-level', given['log_level']],
        additional_env={profile_variable(): profile} if profile else None)
    return [*_autostart(node), node]


def _overrides(context: LaunchContext) -> dict[str, Any]:
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
