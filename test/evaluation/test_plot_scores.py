# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Plots of scores: what they draw is what was found."""

import numpy as np
import pytest
from evaluation_results import METHODS, make_results
from matplotlib.axes import Axes

from degfuse_ros.evaluation.plot_scores import (
    detection_bars,
    edge_scatter,
    flicker_bars,
    robustness_curves,
)
from degfuse_ros.evaluation.tables import kinds_of

RESULTS = make_results()
KINDS = kinds_of(RESULTS)
JUDGED = [name for name, row in METHODS.items() if row[0] != 'source']


def bars(axes: Axes) -> dict[str, float]:
    """Return the lengths of lying bars by their names, which the first axes have."""
    axes.figure.canvas.draw()  # older matplotlib has no names before
    names = [label.get_text() for label in axes.figure.axes[0].get_yticklabels()]
    return dict(zip(names, (bar.get_width() for bar in axes.patches)))  # type: ignore[attr-defined]


def test_scatter_has_a_named_point_for_all_but_the_sources() -> None:
    scores = RESULTS['quality']['msrs_val_day']
    axes = edge_scatter('msrs_val_day', scores, KINDS).axes[0]
    points = np.concatenate([np.asarray(each.get_offsets()) for each in axes.collections
                             if len(np.asarray(each.get_offsets()))])
    expected = [(scores[name]['vQ'], scores[name]['tQ']) for name in JUDGED]
    np.testing.assert_allclose(points, expected)
    assert [text.get_text() for text in axes.texts] == JUDGED
    assert 'visible only 1.00, 0.09; thermal only 0.22, 0.78' in axes.get_xlabel()


def test_one_method_can_be_drawn() -> None:
    axes = edge_scatter('pairs', {'mean': {'vQ': 0.4, 'tQ': 0.3}}, {'mean': 'baseline'}).axes[0]
    assert [text.get_text() for text in axes.texts] == ['mean']


def test_curves_are_kept_over_the_level() -> None:
    part = RESULTS['robustness']
    panels = {axes.get_title('left'): axes for axes in robustness_curves(part, KINDS).axes}
    line = {line.get_label(): line for line in panels['fog depth'].lines}['degfuse']
    assert list(np.asarray(line.get_xdata())) == [0, 1, 2, 3]
    assert list(np.asarray(line.get_ydata())) == pytest.approx(
        [part['clean']['degfuse']['kept'],
         *(part['by_case'][f'fog_depth_{level}']['degfuse']['kept'] for level in (1, 2, 3))])
    assert [each.get_label() for each in panels['rain'].lines] == JUDGED
    assert len([title for title in panels if title]) == len(set(part['kinds']))


def test_detection_bars_are_sorted_by_recall() -> None:
    figure = detection_bars(RESULTS['detection'], KINDS)
    recall, _, average = (bars(axes) for axes in figure.axes)
    assert list(recall.values()) == sorted(recall.values())
    for name, row in RESULTS['detection']['mean'].items():
        assert recall[name] == row['recall']
    assert list(average.values()) == [RESULTS['detection']['mean'][name]['AP50']
                                      for name in recall]


def test_flicker_bars_have_the_inputs_as_their_measure() -> None:
    clip = RESULTS['flicker']['m3svd_smoke']
    axes = flicker_bars('m3svd_smoke', clip, KINDS).axes[0]
    assert bars(axes) == {name: row['relative'] for name, row in clip['methods'].items()}
    assert list(np.asarray(axes.lines[0].get_xdata())) == [1, 1]
