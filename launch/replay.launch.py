# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Play a bag through the live node.

    ros2 launch degfuse_ros replay.launch.py bag:=recording visible:=/rgb/image_raw \
        thermal:=/ir/image_raw rate:=0.5

The node is that of fuse.launch.py, with all of its arguments, and takes the time from the bag. The
bag begins once the node is active. Where it ends, everything does.
"""

import math
import os
import shutil
from typing import Any

from ament_index_python.packages import (
    PackageNotFoundError,
    get_package_prefix,
    get_package_share_directory,
)
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    IncludeLaunchDescription,
    OpaqueFunction,
    RegisterEventHandler,
    Shutdown,
    TimerAction,
)
from launch.event_handlers import OnProcessExit
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.event_handlers import OnStateTransition

from degfuse_ros.ros.dds_profile import profile_variable
from launch import LaunchContext, LaunchDescription

# Times a second at which the bag's time is published: the default of ros2 bag.
CLOCK = '40'
# Seconds after the bag's last message in which its pair is fused and recorded.
DRAIN = 2.0
# What the node publishes, of any rig and in any namespace.
FUSED = '(^|/)fused/'


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments and start everything from them."""
    arguments = [
        ('bag', None, 'The bag: a folder or a file.'),
        ('rate', '1.0', 'Seconds of the bag per second.'),
        ('loop', 'false', 'Whether to play the bag again and again: true or false.'),
        ('start_offset', '0.0', 'Seconds of the bag to leave out at its beginning.'),
        ('delay', '2.0', 'Seconds in which the player and the node find each other before the '
         'first message; above 0.'),
        ('record', '', 'Folder of a new bag for all that the node publishes, by ros2 bag record; '
         'empty for none.'),
    ]
    return LaunchDescription([
        *(DeclareLaunchArgument(name, default_value=default, description=description)
          for name, default, description in arguments),
        OpaqueFunction(function=_start)])


def _start(context: LaunchContext) -> list[Any]:
    """Start the node and the recorder, and have the player wait for the node."""
    options = _player_options(context)
    # Handlers first: they must not miss what they wait for. Once: a node that a person takes down
    # and up again meanwhile must not get a second player.
    started = RegisterEventHandler(OnStateTransition(
        goal_state='active', entities=[OpaqueFunction(function=_play, args=[options])],
        handle_once=True))
    node = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(os.path.join(
            get_package_share_directory('degfuse_ros'), 'launch', 'fuse.launch.py')),
        launch_arguments=[('use_sim_time', 'true')])
    return [started, *_recorder(_text(context, 'record')), node]


def _play(context: LaunchContext, options: list[str]) -> list[Any]:
    """Start the player; where it ends, everything ends a little later."""
    profile = _text(context, 'dds_profile')
    environment = {} if profile == 'none' else {profile_variable(): profile}
    if _has_ros2_bag():
        player = ExecuteProcess(cmd=['ros2', 'bag', 'play', *options], output='screen',
                                additional_env=environment)
    else:
        player = Node(package='degfuse_ros', executable='bag_player', arguments=options,
                      output='screen', additional_env=environment)
    end = TimerAction(period=DRAIN, actions=[Shutdown(reason='the bag has been played')])
    return [RegisterEventHandler(OnProcessExit(target_action=player, on_exit=[end])), player]


def _player_options(context: LaunchContext) -> list[str]:
    """Return the options that both players have, the bag first.

    Raises:
        ValueError: an argument cannot be used; the message is one line.
    """
    bag, loop = _text(context, 'bag'), _text(context, 'loop').lower()
    if not os.path.exists(bag):
        raise ValueError(f'bag must be a folder or a file. Got {bag!r}')
    if loop not in ('true', 'false'):
        raise ValueError(f'loop must be true or false. Got {loop!r}')
    rate, delay = _number(context, 'rate', 'above 0'), _number(context, 'delay', 'above 0')
    start = _number(context, 'start_offset', '0 or more')
    return [bag, '--clock', CLOCK, '--rate', rate, '--delay', delay, '--start-offset', start,
            *(['--loop'] if loop == 'true' else [])]


def _recorder(folder: str) -> list[Any]:
    """Record what the node publishes, where that is asked for.

    Raises:
        ValueError: it cannot be recorded; the message is one line.
    """
    if not folder:
        return []
    if os.path.exists(folder):
        raise ValueError(f'record names a bag that exists already. Got {folder!r}')
    if not _has_ros2_bag():
        raise ValueError('record needs ros2 bag: install ros-$ROS_DISTRO-ros2bag, or write the '
                         'results by degfuse bag, without the live node')
    return [ExecuteProcess(cmd=['ros2', 'bag', 'record', '--output', folder, '--use-sim-time',
                                '--regex', FUSED], output='screen')]


def _has_ros2_bag() -> bool:
    """Tell whether the commands ros2 bag play and record are there."""
    try:
        get_package_prefix('ros2bag')
    except PackageNotFoundError:
        return False
    return shutil.which('ros2') is not None


def _text(context: LaunchContext, name: str) -> str:
    return LaunchConfiguration(name).perform(context)


def _number(context: LaunchContext, name: str, allowed: str) -> str:
    """Return a number as the players read it.

    Raises:
        ValueError: it is not one of those that are allowed.
    """
    text = _text(context, name)
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not math.isfinite(number) or number < 0 or (number == 0 and allowed == 'above 0'):
        raise ValueError(f'{name} must be a number, {allowed}. Got {text!r}')
    return text
