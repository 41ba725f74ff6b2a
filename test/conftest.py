# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""What every test needs: the tree's own code, a private ROS graph, quick image transport.

The environment is set on import, because rclpy reads it once.
"""

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Domains 1 to 100 keep all DDS ports below the range from which Linux hands out client ports.
FIRST_DOMAIN, LAST_DOMAIN = 1, 100


def _prepend(name: str, value: str) -> None:
    """Put a path in front of a path list in the environment."""
    rest = [part for part in os.environ.get(name, '').split(os.pathsep) if part and part != value]
    os.environ[name] = os.pathsep.join([value, *rest])


def _set_environment() -> None:
    """Point Python, ament, Fast DDS and the logs at this tree and this environment."""
    # Where a script started the tests in its background, interrupts are ignored, and every process
    # that they start would inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.path[:0] = [str(ROOT), str(ROOT / 'test' / 'support')]
    _prepend('PYTHONPATH', str(ROOT / 'test' / 'support'))
    _prepend('PYTHONPATH', str(ROOT))
    if (Path(sys.prefix) / 'share' / 'ament_index').is_dir():
        _prepend('AMENT_PREFIX_PATH', sys.prefix)
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    from degfuse_ros.ros.dds_profile import profile_variable
    os.environ[profile_variable()] = str(ROOT / 'config' / 'fastdds.xml')
    os.environ['ROS_LOG_DIR'] = tempfile.mkdtemp(prefix='degfuse_ros_log_')


_set_environment()
# Two test runs at once start at different places, so that they do not race for one domain.
_candidates = count(os.getpid())


@contextmanager
def _free_domain() -> Iterator[int]:
    """Put a ROS domain that nobody uses into ROS_DOMAIN_ID for a while."""
    from degfuse_ros.cli.ros_environment import is_free
    size = LAST_DOMAIN - FIRST_DOMAIN + 1
    domain = next((number for number in (FIRST_DOMAIN + next(_candidates) % size
                                         for _ in range(size)) if is_free(number)), None)
    if domain is None:
        pytest.fail(f'ROS domains {FIRST_DOMAIN} to {LAST_DOMAIN} are all in use; '
                    'stop some ROS processes')
    before = os.environ.get('ROS_DOMAIN_ID')
    os.environ['ROS_DOMAIN_ID'] = str(domain)
    yield domain
    if before is None:
        del os.environ['ROS_DOMAIN_ID']
    else:
        os.environ['ROS_DOMAIN_ID'] = before


@pytest.fixture
def ros_domain() -> Iterator[int]:
    """A ROS domain that nobody uses, in ROS_DOMAIN_ID for the duration of the test."""
    with _free_domain() as domain:
        yield domain


@pytest.fixture(scope='module')
def module_domain() -> Iterator[int]:
    """The same for tests of one module that share a graph."""
    with _free_domain() as domain:
        yield domain
