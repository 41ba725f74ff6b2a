# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""All plots as files."""

from pathlib import Path

import cv2
import numpy as np
from evaluation_results import make_nothing, make_results, make_undegraded

from degfuse_ros.evaluation.plots import write_all
from degfuse_ros.evaluation.tables import CHAPTERS


def test_everything_evaluated_has_a_plot(tmp_path: Path) -> None:
    plots = write_all(make_results(), tmp_path / 'new' / 'plots')
    chapters = [title.partition(': ')[0] for title, _ in plots]
    assert list(dict.fromkeys(chapters)) == [name for name in CHAPTERS if name != 'Models']
    assert len({path for _, path in plots}) == len(plots)
    for _, path in plots:
        image = cv2.imread(str(path))
        assert image is not None and np.std(image) > 5
        assert (image[-1] == 255).all() and (image[:, -1] == 255).all()  # nothing is cut off


def test_one_expert_has_no_routing_to_show(tmp_path: Path) -> None:
    results = {**make_nothing(), 'routing': make_results()['routing']}
    titles = [title for title, _ in write_all(results, tmp_path)]
    assert [title for title in titles if title.startswith('Routing')] == [
        'Routing: gate weights, degfuse', 'Routing: distance between conditions, degfuse']


def test_names_that_look_alike_as_files_keep_their_own_plots(tmp_path: Path) -> None:
    routing = make_results()['routing']['degfuse']
    plots = write_all({**make_nothing(), 'routing': {'K 1': routing, 'k-1': routing}}, tmp_path)
    assert len(plots) == 5 and len({path for _, path in plots}) == 5  # one is of the quality


def test_models_without_synthetic_images_have_what_is_left(tmp_path: Path) -> None:
    titles = [title for title, _ in write_all(make_undegraded(), tmp_path)]
    assert [title for title in titles if title.startswith(('Re', 'Ro'))] == [
        'Recognition: confusion, degfuse', 'Recognition: confusion, degfuse, dense',
        'Routing: gate weights, degfuse']


def test_what_was_not_evaluated_has_no_plot(tmp_path: Path) -> None:
    assert [title for title, _ in write_all(make_nothing(), tmp_path)] == [
        'Quality: edges kept, pairs']
