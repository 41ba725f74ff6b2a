# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Methods: every row shows a scorer, a person and the PSNR what it should."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from made_scene import HEIGHT, WIDTH, make_scene
from small_model import write_small_model
from training_pairs import write_image

from degfuse_ros.evaluation.degradations import CASES
from degfuse_ros.evaluation.fused_folder import FusedFolder
from degfuse_ros.evaluation.loaded_model import LoadedModel
from degfuse_ros.evaluation.method import (
    Method,
    Product,
    classical_methods,
    folder_method,
    model_method,
)
from degfuse_ros.evaluation.scene import Scene

CLASSICAL = {method.name: method for method in classical_methods()}
CASE = {case.name: case for case in CASES}


def grey(image: np.ndarray) -> np.ndarray:
    """BT.601 luma by OpenCV."""
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(int)


def colourfulness(image: np.ndarray) -> float:
    """Mean distance of the chroma from grey, by OpenCV."""
    chroma = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)[..., 1:].astype(int) - 128
    return float(np.hypot(*chroma.reshape(-1, 2).T).mean())


def produce(method: Method, scene: Scene) -> Product:
    product = method.fuse(scene)
    assert product is not None
    return product


def test_the_rows_that_are_always_there() -> None:
    assert [(method.name, method.kind) for method in classical_methods()] == [
        ('visible only', 'source'), ('thermal only', 'source'), ('mean', 'baseline'),
        ('max', 'baseline'), ('Laplacian pyramid', 'baseline'),
        ('auto-levels + Laplacian pyramid', 'baseline'), ('two-stage (CLAHE)', 'two-stage'),
        ('two-stage (curve)', 'two-stage')]


@pytest.mark.parametrize('method', classical_methods(), ids=lambda method: method.name)
@pytest.mark.parametrize('case', [None, 'fog_depth_3', 'rain_low_light_3'])
def test_what_is_seen_is_what_is_scored(method: Method, case: str | None) -> None:
    scene = make_scene().degraded(CASE[case], 0) if case else make_scene()
    product = produce(method, scene)
    assert product.scored.shape == (HEIGHT, WIDTH)
    assert product.picture.shape == (HEIGHT, WIDTH, 3)
    assert product.scored.dtype == product.picture.dtype == np.uint8
    assert product.fusion is None
    # The picture's luma is the scored one, but where a saturated colour clips.
    difference = np.abs(grey(product.picture) - product.scored)
    assert np.median(difference) <= 1
    assert np.array_equal(scene.clean, make_scene().clean)  # no method wrote into its input


def test_one_camera_alone_is_that_camera() -> None:
    scene = make_scene().degraded(CASE['low_light_3'], 0)
    visible = produce(CLASSICAL['visible only'], scene)
    assert np.array_equal(visible.picture, scene.visible)
    assert np.abs(grey(scene.visible) - visible.scored).max() <= 1
    assert visible.restore is not None
    assert np.array_equal(visible.restore(), scene.visible)  # degraded as it is
    thermal = produce(CLASSICAL['thermal only'], scene)
    assert np.array_equal(thermal.scored, scene.thermal)
    assert np.array_equal(thermal.picture, np.dstack([scene.thermal] * 3))
    assert thermal.restore is None  # it knows nothing of the visible image


def test_simple_baselines_by_hand() -> None:
    scene = make_scene()
    both = np.stack([grey(scene.visible), scene.thermal])
    for name, expected in (('mean', both.mean(0)), ('max', both.max(0))):
        product = produce(CLASSICAL[name], scene)
        assert np.abs(product.scored - expected).max() <= 1
        assert product.restore is None


@pytest.mark.parametrize('name', ['two-stage (CLAHE)', 'two-stage (curve)'])
def test_two_stage_rows_are_told_what_is_wrong_and_nothing_else(name: str) -> None:
    method, scene = CLASSICAL[name], make_scene(condition='clean')
    dark = scene.degraded(CASE['low_light_3'], 0)
    restored = produce(method, dark).restore
    assert restored is not None
    assert grey(restored()).mean() > 1.5 * grey(dark.visible).mean()
    # The same dark picture, called clean or by nobody: left alone.
    for condition in ('clean', 'unknown'):
        pair = make_scene(condition=condition).pair
        untold = produce(method, Scene(pair, dark.visible, dark.visible, dark.thermal))
        assert untold.restore is not None
        assert np.array_equal(untold.restore(), dark.visible)
        plain = CLASSICAL['Laplacian pyramid'].fuse(dark)
        assert plain is not None
        assert np.array_equal(untold.scored, plain.scored)


@pytest.mark.parametrize('name', ['two-stage (CLAHE)', 'two-stage (curve)'])
def test_two_stage_pictures_have_the_restored_colours(name: str) -> None:
    foggy = make_scene().degraded(CASE['fog_uniform_3'], 0)
    product = produce(CLASSICAL[name], foggy)
    assert product.restore is not None
    assert colourfulness(product.picture) > 1.5 * colourfulness(foggy.visible)
    assert colourfulness(product.picture) == pytest.approx(colourfulness(product.restore()),
                                                           rel=0.2)


def test_folders_show_their_image_as_it_is(tmp_path: Path) -> None:
    colours = make_scene('other').visible
    write_image(tmp_path / 'one.png', colours)
    write_image(tmp_path / 'two.png', colours[..., 1])
    method = folder_method('theirs', FusedFolder(tmp_path))
    assert (method.name, method.kind) == ('theirs', 'folder')
    coloured, plain = (produce(method, make_scene(name)) for name in ('one', 'two'))
    assert np.array_equal(coloured.scored, colours)
    assert np.array_equal(coloured.picture, colours)
    assert np.array_equal(plain.scored, colours[..., 1])
    assert np.array_equal(plain.picture, np.dstack([colours[..., 1]] * 3))
    for product in (coloured, plain):
        assert product.restore is None
        assert product.fusion is None
    with pytest.raises(ValueError, match=r'no fused image three'):
        method.fuse(make_scene('three'))
    assert method.fuse(make_scene('one').degraded(CASE['rain_1'], 0)) is None


def test_models_fuse_and_restore_the_degraded_image_and_never_see_the_clean_one(
        tmp_path: Path) -> None:
    model = LoadedModel.load('small', str(write_small_model(tmp_path / 'm.safetensors')), 'cpu')
    method = model_method('small', model.engine, model.reconstruction)
    scene = make_scene().degraded(CASE['fog_depth_3'], 0)
    product = produce(method, scene)
    direct = model.engine.fuse(scene.visible, scene.thermal)
    assert product.fusion is not None
    assert product.fusion.degradation == direct.degradation
    for image in (product.scored, product.picture):
        assert np.array_equal(image, direct.image)
    # An untrained model restores nothing: it hands back the degraded image.
    assert product.restore is not None
    assert np.array_equal(product.restore(), scene.visible)
    blind = Scene(scene.pair, np.zeros_like(scene.clean), scene.visible, scene.thermal, scene.case)
    assert np.array_equal(produce(method, blind).scored, product.scored)
