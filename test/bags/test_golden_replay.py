# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A replay sees the images that `degfuse bag` writes; and a device that fails."""
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bag_files import decoded, street

from degfuse_ros.bags.bag_error import BagError
from degfuse_ros.bags.fuse_bag import BagFusion, BagJob
from degfuse_ros.bags.golden_replay import replay
from degfuse_ros.bags.reader import BagReader
from degfuse_ros.bags.topics import find_cameras
from degfuse_ros.engine import FusionEngine
from degfuse_ros.ros.parameter_file import read_parameters


def test_the_images_are_those_that_the_bag_tool_writes(tmp_path: Path) -> None:
    # One camera is silent for a while: the other one's images are results too.
    bag = street(tmp_path / 'bag', 5.0, rate=4.0, gaps=(('visible', 1.0, 3.5),))
    values, _ = read_parameters(None, ['model=lite', 'device=cpu', 'lost_after=1.0'])
    engine = FusionEngine.load('lite', 'cpu')
    with BagFusion(BagJob(bag, tmp_path / 'fused', values)) as fusion:
        fusion.run(engine)
    written = decoded(tmp_path / 'fused', '/fused/image')
    told: list[int] = []
    with BagReader(bag) as reader:
        frames, summary = replay(reader, find_cameras(reader.topics), values, engine, told.append)
    assert len(frames) == len(written) and not summary.drops.counts
    alone = [frame for frame in frames if not frame.visible]
    assert 5 < len(alone) < len(frames) and {frame.label for frame in alone} == {''}
    assert sum(told) == len(frames)
    for frame, message in zip(frames, written, strict=True):
        pixels = np.asarray(message.data).reshape(message.height, message.width, 3)
        np.testing.assert_allclose(frame.mean, pixels.reshape(-1, 3).mean(0), atol=1e-3)
        stamp = message.header.stamp.sec * 10 ** 9 + message.header.stamp.nanosec
        assert stamp == frame.visible or (not frame.visible and stamp == frame.thermal)


def test_a_device_that_fails_is_one_line(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: object) -> None:
        raise RuntimeError('no memory\nleft.')

    bag = street(tmp_path / 'bag', 0.3)
    values, _ = read_parameters(None, [])
    engine = FusionEngine.load('lite', 'cpu')
    monkeypatch.setattr(engine, 'fuse', fail)
    with BagReader(bag) as reader, pytest.raises(BagError, match='^no memory left after 0 pairs$'):
        replay(reader, find_cameras(reader.topics), values, engine)
