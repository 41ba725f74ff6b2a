# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Plots of what models say: what they draw is what was found."""

import numpy as np
from evaluation_results import KERNELS, LAYERS, make_results

from degfuse_ros.evaluation.plot_models import (
    confusion_matrices,
    routing_distance,
    routing_maps,
    severity_bars,
)

RESULTS = make_results()


def test_confusion_is_coloured_by_the_share_of_the_truth() -> None:
    whole, night = confusion_matrices(RESULTS['recognition']['degfuse']).axes
    shares = np.asarray(whole.images[0].get_array())
    np.testing.assert_allclose(shares.sum(1), 1)
    assert shares[2, 2] == 83 / 95
    assert [text.get_text() for text in night.texts][10:15] == ['1', '0', '19', '1', '0']
    assert not any(text.get_text() for text in night.texts[:10])  # no such truth
    assert whole.get_title('left') == 'synthetic (475): 90%, mean over classes'
    assert night.get_title('left') == 'msrs_val_night (21), real: 90%'


def test_severity_bars_are_those_of_every_model() -> None:
    error, absent, order = severity_bars(RESULTS['recognition']).axes
    for axes, key in ((error, 'severity_error'), (absent, 'severity_absent'),
                      (order, 'severity_order')):
        heights = [bar.get_height() for bar in axes.patches]  # type: ignore[attr-defined]
        assert heights == [value for found in RESULTS['recognition'].values()
                           for value in found['synthetic'][key].values()]


def test_routing_has_a_map_per_condition_and_one_for_all() -> None:
    found = RESULTS['routing']['degfuse']
    axes = [each for each in routing_maps(found).axes if each.images]
    assert [each.get_title('left') for each in axes] == [
        'clean', 'fog', 'low light', 'overexposed', 'rain', 'load: all conditions alike']
    np.testing.assert_allclose(np.asarray(axes[1].images[0].get_array()), found['heat']['fog'])
    assert len({each.images[0].get_clim() for each in axes}) == 1  # one scale
    assert [label.get_text() for label in axes[0].get_yticklabels()] == LAYERS
    assert [label.get_text() for label in axes[0].get_xticklabels()] == [
        f'{number} · {kernel}' for number, kernel in enumerate(KERNELS)]


def test_distance_is_on_the_scale_of_bits() -> None:
    image = routing_distance(RESULTS['routing']['degfuse']).axes[0].images[0]
    assert image.get_clim() == (0, 1)
    np.testing.assert_allclose(np.asarray(image.get_array()),
                               RESULTS['routing']['degfuse']['distance'])
