# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The ledger: who failed is named, means are means, and lines carry what the model said."""

from collections.abc import Callable

import numpy as np
import pytest
from made_scene import make_scene

from degfuse_ros.engine import CLASSES, DEGRADATIONS, Degradation, Fusion
from degfuse_ros.evaluation.degradations import CASES
from degfuse_ros.evaluation.ledger import Ledger
from degfuse_ros.evaluation.method import Method, Product
from degfuse_ros.evaluation.scene import Scene

FOG = next(case for case in CASES if case.name == 'fog_uniform_2')


def copy(scene: Scene) -> Product:
    return Product(scene.thermal, scene.visible)


def nothing(scene: Scene) -> None:
    return None


def failing(error: Exception) -> Callable[[Scene], Product | None]:
    def fuse(scene: Scene) -> Product | None:
        raise error
    return fuse


def saying(label: str) -> Product:
    """What a model returns that sees this class, with a severity of 0.75."""
    scene = make_scene()
    severity = {name: 0.75 if name == label else 0.0 for name in DEGRADATIONS}
    scores = {name: float(name == label) for name in CLASSES}
    fusion = Fusion(scene.visible, Degradation(label, scores, severity),
                    np.array([[0.25, 0.75]], np.float32))
    return Product(scene.visible, scene.visible, None, fusion)


@pytest.mark.parametrize('error', [
    ValueError('no image\nof it'), RuntimeError('no image  of it\n' + 9000 * 'memory ')])
def test_a_method_that_fails_is_named_in_one_line_and_the_rest_goes_on(error: Exception) -> None:
    ledger = Ledger()
    methods = [Method('broken', 'folder', failing(error)), Method('copy', 'baseline', copy)]
    products = ledger.produce(make_scene(), methods)
    assert list(products) == ['copy']
    assert len(ledger.left_out) == 1
    assert ledger.left_out[0].startswith('broken, set/one: no image of it')
    assert '\n' not in ledger.left_out[0]
    assert len(ledger.left_out[0]) < 400


def test_the_case_in_which_a_method_failed_is_named() -> None:
    ledger = Ledger()
    methods = [Method('broken', 'folder', failing(ValueError('gone')))]
    ledger.produce(make_scene().degraded(FOG, 0), methods)
    assert ledger.left_out == ['broken, set/one (fog_uniform_2): gone']


def test_a_method_that_has_nothing_for_a_scene_has_not_failed() -> None:
    ledger = Ledger()
    assert ledger.produce(make_scene(), [Method('theirs', 'folder', nothing)]) == {}
    assert ledger.left_out == []


def test_a_bug_is_not_hidden_as_bad_input() -> None:
    with pytest.raises(TypeError):
        Ledger().produce(make_scene(), [Method('bug', 'model', failing(TypeError('bug')))])


@pytest.mark.parametrize('part', ['scores', 'severity', 'routing'])
def test_an_answer_that_is_not_a_number_is_left_out_once(part: str) -> None:
    product = saying('fog')
    assert product.fusion is not None
    if part == 'routing':
        product.fusion.routing[0, 0] = np.nan
    else:
        getattr(product.fusion.degradation, part)['fog'] = float('inf')
    ledger, damaged = Ledger(), Method('damaged', 'model', lambda scene: product)
    for _ in range(2):  # as it is, and as the benchmark's original
        assert ledger.produce(make_scene('a'), [damaged]) == {}
    assert len(ledger.left_out) == 1
    assert 'damaged' in ledger.left_out[0] and 'not finite' in ledger.left_out[0]


def test_means_are_taken_over_each_group_and_method() -> None:
    ledger = Ledger()
    for name, group, level in (('a', 'zoo', 1.0), ('b', 'zoo', 2.0), ('c', 'farm', 10.0)):
        scene = make_scene(name, group)
        ledger.score(scene, '', {'mean': {'EN': level, 'SF': -level}, 'max': {'EN': 0.5}})
        ledger.score(scene, 'clean', {'mean': {'EN': 1000.0}})
    means = ledger.means(lambda entry: None if entry.case else entry.group)
    assert means == {
        'zoo_val': {'mean': {'images': 2, 'EN': 1.5, 'SF': -1.5}, 'max': {'images': 2, 'EN': 0.5}},
        'farm_val': {'mean': {'images': 1, 'EN': 10.0, 'SF': -10.0},
                     'max': {'images': 1, 'EN': 0.5}}}
    assert list(means) == ['zoo_val', 'farm_val']
    assert ledger.means(lambda entry: entry.case or None) == {
        'clean': {'mean': {'images': 3, 'EN': 1000.0}}}


def test_a_metric_that_only_some_images_have_is_averaged_over_those() -> None:
    ledger = Ledger()
    ledger.score(make_scene('a'), FOG.name, {'base': {'kept': 0.2, 'PSNR': 20.0}})
    ledger.score(make_scene('b'), FOG.name, {'base': {'kept': 0.4}})
    means = ledger.means(lambda entry: entry.case)
    assert means[FOG.name]['base'] == pytest.approx({'images': 2, 'kept': 0.3, 'PSNR': 20.0})


def test_of_the_models_it_is_kept_what_they_said_and_what_is_true() -> None:
    ledger, scene = Ledger(), make_scene(condition='clean')
    ledger.observe(scene, {'mean': copy(scene), 'base': saying('fog')})
    ledger.observe(scene.degraded(FOG, 0), {'base': saying('rain')})
    assert len(ledger.observations) == 2  # the mean says nothing
    clean, foggy = ledger.observations
    assert (clean.model, clean.pair, clean.group) == ('base', 'set/one', 'set_val')
    assert (clean.case, clean.condition, clean.labels) == ('', 'clean', ('clean',))
    assert clean.severity is None
    assert not clean.right
    assert (foggy.case, foggy.condition, foggy.labels) == (FOG.name, 'fog_uniform', ('fog',))
    assert foggy.severity == {'fog': 0.6}
    assert foggy.degradation.label == 'rain'
    assert foggy.routing.tolist() == [[0.25, 0.75]]


def test_a_pair_that_nobody_has_named_has_no_truth() -> None:
    ledger = Ledger()
    ledger.observe(make_scene(condition='unknown'), {'base': saying('fog')})
    assert ledger.observations[0].condition == 'unknown'
    assert ledger.observations[0].labels == ()


def test_lines_carry_scores_and_what_the_model_said_of_this_very_image() -> None:
    ledger, scene = Ledger(), make_scene()
    foggy = scene.degraded(FOG, 0)
    ledger.score(scene, '', {'mean': {'EN': 1.0}, 'base': {'EN': 2.0}})
    ledger.observe(scene, {'base': saying('fog')})
    ledger.score(scene, 'clean', {'base': {'kept': 0.5}})
    ledger.score(foggy, FOG.name, {'base': {'kept': 0.25, 'PSNR': 19.0}})
    ledger.observe(foggy, {'base': saying('rain')})
    plain, model, original, degraded = ledger.lines()
    assert plain == {'group': 'set_val', 'pair': 'set/one', 'case': '', 'method': 'mean',
                     'EN': 1.0}
    assert {**model} == {
        'group': 'set_val', 'pair': 'set/one', 'case': '', 'method': 'base', 'EN': 2.0,
        'class': 'fog', 'severity_fog': 0.75, 'severity_low_light': 0.0,
        'severity_overexposed': 0.0, 'severity_rain': 0.0}
    # The benchmark's clean originals are the pairs as they are: asked once.
    assert (original['case'], original['class']) == ('clean', 'fog')
    assert (degraded['class'], degraded['severity_rain'], degraded['PSNR']) == ('rain', 0.75, 19.0)
