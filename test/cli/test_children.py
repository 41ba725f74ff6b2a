# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Child processes end with their parent, and what they said is not lost."""
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from degfuse_ros.cli.children import Children
from degfuse_ros.cli.command_error import CommandError


def wait_for(condition: object) -> None:
    deadline = time.monotonic() + 20
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_leaving_the_context_ends_a_child(tmp_path: Path) -> None:
    with Children(tmp_path) as children:
        children.start('server', 'http.server', '0', '--bind', '127.0.0.1')
        assert children.runs('server')
        children.require('server')
    assert children._running['server'].returncode is not None


def test_a_child_that_fails_is_reported_with_its_last_words(tmp_path: Path) -> None:
    with Children(tmp_path) as children:
        children.start('broken', 'no_such_module')
        with pytest.raises(CommandError, match='(?s)broken ended with status 1.*no_such_module'):
            wait_for(lambda: not children.runs('broken'))


def test_a_child_that_ends_too_early_is_reported_even_without_an_error(tmp_path: Path) -> None:
    with Children(tmp_path) as children:
        children.start('short', 'this')
        wait_for(lambda: not children.runs('short'))
        with pytest.raises(CommandError, match='(?s)before its time.*Namespaces are'):
            children.require('short')


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_parent_ends_the_child(tmp_path: Path, number: int) -> None:
    program = """
import sys, time
from pathlib import Path
from degfuse_ros.cli.children import Children
with Children(Path(sys.argv[1])) as children:
    children.start('server', 'http.server', '0', '--bind', '127.0.0.1')
    print(children._running['server'].pid, flush=True)
    time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, '-c', program, str(tmp_path)],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.send_signal(number)
    assert parent.wait(30) != 0
    wait_for(lambda: not alive(child))
    parent.stdout.close()
