# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Low light against the physics of exposure and of photons."""

import pytest
import torch
from degraded import BATCH, LEVELS, at, falls, generator, pictures, plain, rises

from degfuse_ros.training.degradations import low_light
from degfuse_ros.training.degradations.draws import to_display, to_light
from degfuse_ros.training.degradations.low_light import _sensor


def test_severity_is_proportional_to_stops_of_light():
    # Six stops at severity 1, within a tenth and what lamps make of it.
    for severity in (0.3, 0.6):
        dark = torch.cat([at(low_light, severity, plain(0.9), seed) for seed in range(4)])
        # Light is a power of about 2.2 of display, whichever curve the camera has.
        stops = 2.2 * (0.9 / dark.mean((1, 2, 3))).log2()
        assert stops.mean().item() == pytest.approx(6 * severity, rel=0.1)
        assert stops.std() < 0.2 * 6 * severity


def test_low_light_takes_light_and_edges():
    clean = pictures()
    results = [at(low_light, level, clean) for level in LEVELS]
    assert falls([result.mean().item() for result in results])
    assert falls([result.std((2, 3)).mean().item() for result in results])


def test_both_curves_and_back():
    display = torch.linspace(0, 1, 256).view(1, 1, 16, 16).expand(2, 1, 16, 16)
    toe = torch.tensor([True, False]).view(2, 1, 1, 1)
    light = to_light(display, toe)
    # IEC 61966-2-1: an eighteenth part of grey card and a step in the blacks, by hand.
    assert to_light(torch.full((1, 1, 1, 1), 0.5), toe[:1]).item() == pytest.approx(0.21404, 1e-3)
    assert to_light(torch.full((1, 1, 1, 1), 0.02), toe[:1]).item() == pytest.approx(0.02 / 12.92)
    torch.testing.assert_close(light[1], display[1] ** 2.2)
    torch.testing.assert_close(to_display(light, toe), display, rtol=0, atol=1e-5)
    assert to_display(light + 1, toe).max() == 1


def test_noise_grows_with_the_root_of_light():
    # Photons: twice the deviation for four times the light, once read noise is small beside it.
    light = torch.full((64, 3, 48, 48), 0.8)
    light[..., :24, :] = 0.2
    noisy = _sensor(light, torch.ones(64, 1, 1, 1), generator())
    bright, dim = noisy[..., 24:, :], noisy[..., :24, :]
    for part, value in ((bright, 0.8), (dim, 0.2)):
        assert part.mean().item() == pytest.approx(value, rel=0.01)
    ratio = bright.std((1, 2, 3)) / dim.std((1, 2, 3))
    assert ratio.median().item() == pytest.approx(2, rel=0.05)
    # From phones' pixels to good cameras'.
    deviations = bright.std((1, 2, 3))
    assert deviations.max() > 2.5 * deviations.min()


def test_some_sensors_have_bands():
    noisy = _sensor(torch.zeros(64, 3, 48, 96), torch.ones(64, 1, 1, 1), generator())
    rows, columns = noisy.mean(3).std((1, 2)), noisy.mean(2).std((1, 2))
    banded = rows / columns
    # Without bands means over 96 and over 48 pixels deviate by the root of two.
    assert (banded > 1.5).float().mean() == pytest.approx(0.45, abs=0.25)
    assert (banded < 0.9).any()


def test_the_dark_is_noisy_and_in_8_bit_steps_or_jpeg():
    dark = at(low_light, 1.0, plain(0.7))
    assert dark.std((2, 3)).mean() > 1 / 255
    in_steps = ((dark * 255 - (dark * 255).round()).abs().amax((1, 2, 3)) < 1e-3)
    assert 0 < in_steps.float().mean() < 1


def test_colours_are_cast_more_the_darker_it_is():
    casts = []
    for level in LEVELS:
        mean = torch.cat([at(low_light, level, plain(0.8), seed) for seed in range(3)])
        mean = mean.mean((2, 3))
        casts.append((mean.amax(1) / mean.amin(1)).mean().item())
    assert rises(casts) and casts[-1] > 1.05


def test_lit_places_differ_in_half_of_the_pictures():
    dark = torch.cat([at(low_light, 0.7, plain(0.9), seed) for seed in range(4)])
    coarse = torch.nn.functional.avg_pool2d(dark.mean(1, True), 16)
    uneven = coarse.amax((1, 2, 3)) / coarse.amin((1, 2, 3))
    assert uneven.max() > 1.3 and uneven.min() < 1.15
    assert len(dark) == 4 * BATCH
