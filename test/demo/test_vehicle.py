# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Vehicles: their size in the picture, their heat, their lamps."""
import numpy as np
import pytest

from degfuse_ros.demo.layers import Layers
from degfuse_ros.demo.shell import build_shell
from degfuse_ros.demo.vehicle import Vehicle
from degfuse_ros.demo.viewpoint import Viewpoint


def empty(view: Viewpoint) -> Layers:
    shape = (view.height, view.width)
    return Layers(view, np.full((*shape, 3), 0.2, np.float32), np.zeros((*shape, 3), np.float32),
                  np.full(shape, 0.3, np.float32), np.full(shape, 500.0, np.float32),
                  np.zeros(shape, np.uint8))


@pytest.mark.parametrize(('kind', 'width', 'height'), [('car', 1.8, 1.49), ('van', 1.92, 2.15)])
def test_a_vehicle_ahead_has_the_size_that_perspective_gives_it(
        kind: str, width: float, height: float) -> None:
    view = Viewpoint(640, 480)
    layers = empty(view)
    shell = build_shell(kind)
    Vehicle(shell, '9b1f1c').draw(layers, (0.0, 20.0, 0.0), 3)
    mask = layers.objects == 3
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    # The widest part lies between the rear end and the middle.
    rear = 20.0 - shell.length / 2
    assert view.focal * width / 20 - 2 < columns[-1] - columns[0] < view.focal * width / rear + 2
    assert view.focal * height / 21.5 - 2 < rows[-1] - rows[0] < view.focal * height / rear + 2


def test_a_running_engine_is_warmer_than_a_cold_one() -> None:
    means = []
    for running in (True, False):
        layers = empty(Viewpoint(320, 240))
        Vehicle(build_shell('car'), '9b1f1c', running).draw(layers, (0.0, 12.0, np.pi), 1)
        means.append(layers.thermal[layers.objects == 1].mean())
    assert means[0] > means[1] + 0.08


def test_from_ahead_head_lamps_show_and_from_behind_tail_lamps() -> None:
    vehicle = Vehicle(build_shell('car'), '9b1f1c')
    towards, away = vehicle.lamps((-3.0, 20.0, np.pi)), vehicle.lamps((0.0, 20.0, 0.0))
    assert len(towards) == len(away) == 2
    assert all(colour[2] > 0.5 for _, colour in towards)  # white
    assert all(colour[2] < 0.1 < colour[0] for _, colour in away)  # red
    assert all(place[2] < 20 for place, _ in [*towards, *away])  # on the near end


def test_what_stands_nearer_hides_a_vehicle() -> None:
    layers = empty(Viewpoint(320, 240))
    layers.depth[:] = 5.0
    Vehicle(build_shell('van'), 'd9dadb').draw(layers, (0.0, 12.0, 0.0), 1)
    assert not (layers.objects == 1).any()
