# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The JUnit files, read back by an XML parser."""
from __future__ import annotations

from xml.etree import ElementTree

from degfuse_ros.bags.golden_check import CheckResult
from degfuse_ros.cli.junit import checked, not_checked


def test_checks_become_cases_with_all_differences() -> None:
    bad = CheckResult('class', 0.05)
    for number in range(9):
        bad.add(0.5, f'frame {number}', '<fog>', '"rain" & more')
    suites = ElementTree.fromstring(checked('a & b', [CheckResult('pairs', 0.0), bad]))
    [suite] = suites
    assert (suites.tag, suite.tag, suite.get('name')) == ('testsuites', 'testsuite', 'a & b')
    assert [suite.get(name) for name in ('tests', 'failures', 'errors', 'skipped')] == [
        '2', '1', '0', '0']
    good, failed = suite
    assert (good.get('name'), len(good)) == ('pairs', 0)
    [failure] = failed
    assert failure.tag == 'failure' and str(failure.text).count('\n') == 8
    assert failure.get('message') == ('frame 0: got <fog>, expected "rain" & more (off by 0.5, '
                                      'tolerance 0.05)')


def test_a_replay_that_could_not_be_checked_is_an_error() -> None:
    [suite] = ElementTree.fromstring(not_checked('bag', 'no model'))
    [[error]] = suite
    assert (suite.get('tests'), suite.get('errors')) == ('1', '1')
    assert (error.tag, error.get('message')) == ('error', 'no model')
