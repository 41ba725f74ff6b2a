# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Bringing a node up, and the reasons why not. The node itself runs as another process would."""

from __future__ import annotations

import threading

import pytest
from fuse_graph import FuseGraph

from degfuse_ros.ros.lifecycle_manager import bring_up


def test_bring_up_from_every_state(ros_domain: int) -> None:
    with FuseGraph(ros_domain) as graph:
        bring_up(timeout=30.0)
        assert graph.state == 'active'
        bring_up(timeout=30.0)
        assert graph.state == 'active'


def test_the_nodes_own_reason_is_given(ros_domain: int) -> None:
    with FuseGraph(ros_domain, model='/nowhere/model.safetensors') as graph:
        with pytest.raises(RuntimeError) as caught:
            bring_up(timeout=30.0)
        assert '/nowhere/model.safetensors' in str(caught.value)
        assert '(state unconfigured)' in str(caught.value) and '\n' not in str(caught.value)
        assert graph.state == 'unconfigured'


def test_the_reason_is_not_another_robots(ros_domain: int) -> None:
    def robot(name: str) -> FuseGraph:
        return FuseGraph(ros_domain, ['-r', f'__ns:=/{name}'],
                         model=f'/nowhere/{name}.safetensors')

    with robot('front'), robot('rear'):
        for name in ('front', 'rear', 'front'):
            with pytest.raises(RuntimeError, match=f'/nowhere/{name}.safetensors'):
                bring_up(f'/{name}/fuse')


def test_absent_node_is_named(ros_domain: int) -> None:
    assert ros_domain
    with pytest.raises(RuntimeError, match='no lifecycle node /absent. Start it first'):
        bring_up('/absent', timeout=0.5)


def test_it_can_be_called_from_any_thread(ros_domain: int) -> None:
    with FuseGraph(ros_domain) as graph:
        thread = threading.Thread(target=bring_up)
        thread.start()
        thread.join(30)
        assert graph.state == 'active'
