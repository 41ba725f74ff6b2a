# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""As much of launch and launch_ros as a launch file needs to be read without them."""

from __future__ import annotations

from collections.abc import Collection
from types import ModuleType, SimpleNamespace
from typing import Any

CONFIGURE, ACTIVATE = 1, 3  # of lifecycle_msgs/Transition

NAMES = {
    'launch': ['LaunchContext', 'LaunchDescription'],
    'launch.actions': ['DeclareLaunchArgument', 'EmitEvent', 'ExecuteProcess',
                       'IncludeLaunchDescription', 'OpaqueFunction', 'RegisterEventHandler',
                       'Shutdown', 'TimerAction'],
    'launch.conditions': ['IfCondition'],
    'launch.event_handlers': ['OnProcessExit', 'OnProcessStart'],
    'launch.events': ['matches_action'],
    'launch.launch_description_sources': ['PythonLaunchDescriptionSource'],
    'launch.substitutions': ['LaunchConfiguration'],
    'launch_ros': [],
    'launch_ros.actions': ['LifecycleNode', 'Node'],
    'launch_ros.event_handlers': ['OnStateTransition'],
    'launch_ros.events': [],
    'launch_ros.events.lifecycle': ['ChangeState'],
}


class Made:
    """Anything that the launch file makes: keeps what it was made from.

    Attributes:
        kind: name of its class in launch or launch_ros.
        given: positional arguments.
    """

    kind = ''

    def __init__(self, *given: Any, **named: Any) -> None:
        """Keep the arguments; the named ones become attributes."""
        self.given = given
        self.__dict__.update(named)

    def perform(self, context: SimpleNamespace) -> str:
        """Return a launch configuration's text; the context has nothing else here."""
        return context.launch_configurations[self.given[0]]


def modules(share: str, installed: Collection[str] = ()) -> dict[str, ModuleType]:
    """Return the modules by name.

    Args:
        share: what every package's share folder is said to be.
        installed: packages that have a prefix.
    """
    def prefix(package: str) -> str:
        if package not in installed:
            raise LookupError(package)
        return '/opt/ros'

    result = {name: ModuleType(name) for name in NAMES}
    for name, kinds in NAMES.items():
        for kind in kinds:
            setattr(result[name], kind, type(kind, (Made,), {'kind': kind}))
    packages = ModuleType('ament_index_python.packages')
    packages.get_package_share_directory = lambda package: share  # type: ignore[attr-defined]
    packages.get_package_prefix = prefix  # type: ignore[attr-defined]
    packages.PackageNotFoundError = LookupError  # type: ignore[attr-defined]
    messages = ModuleType('lifecycle_msgs.msg')
    messages.Transition = SimpleNamespace(  # type: ignore[attr-defined]
        TRANSITION_CONFIGURE=CONFIGURE, TRANSITION_ACTIVATE=ACTIVATE)
    return {**result, 'ament_index_python': ModuleType('ament_index_python'),
            'ament_index_python.packages': packages,
            'lifecycle_msgs': ModuleType('lifecycle_msgs'), 'lifecycle_msgs.msg': messages}
