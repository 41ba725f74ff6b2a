# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Checks of a replay as JUnit XML, as CI servers show it."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from degfuse_ros.bags.golden_check import CheckResult


def checked(title: str, results: Sequence[CheckResult]) -> bytes:
    """Return the file of a replay that was checked: one test case per check.

    Args:
        title: of the test suite.
        results: of the checks.
    """
    suite = _suite(title, len(results), sum(bool(result.lines) for result in results), 0)
    for result in results:
        case = ElementTree.SubElement(suite, 'testcase', classname=title, name=result.name)
        if result.lines:
            failure = ElementTree.SubElement(case, 'failure', message=result.lines[0])
            failure.text = '\n'.join(result.lines)
    return _file(suite)


def not_checked(title: str, reason: str) -> bytes:
    """Return the file of a replay that could not be checked.

    Args:
        title: of the test suite.
        reason: one line.
    """
    suite = _suite(title, 1, 0, 1)
    case = ElementTree.SubElement(suite, 'testcase', classname=title, name='replay')
    ElementTree.SubElement(case, 'error', message=reason)
    return _file(suite)


def _suite(title: str, tests: int, failures: int, errors: int) -> ElementTree.Element:
    return ElementTree.Element('testsuite', name=title, tests=str(tests), failures=str(failures),
                               errors=str(errors), skipped='0')


def _file(suite: ElementTree.Element) -> bytes:
    suites = ElementTree.Element('testsuites')
    suites.append(suite)
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding='utf-8', xml_declaration=True) + b'\n'
