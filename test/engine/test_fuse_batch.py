# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Batches and guidance over time, through FusionEngine."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from moved_model import Pair, moved_modules, shaded_pairs

from degfuse_ros.engine import DeviceError, Fusion, FusionEngine
from degfuse_ros.network.model_file import save_model


@pytest.fixture(scope='module')
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a small model with routing that depends on the pair."""
    guidance, network = moved_modules()
    file = tmp_path_factory.mktemp('moved') / 'moved.safetensors'
    save_model(file, network.config, guidance.state_dict(), network.state_dict(), {})
    return file


@pytest.fixture
def load(path: Path) -> Callable[..., FusionEngine]:
    """Loads an engine of that model on the CPU."""
    return lambda **options: FusionEngine.load(str(path), 'cpu', **options)


def same(first: Fusion, second: Fusion) -> bool:
    """Bitwise equality of everything in two results."""
    return (np.array_equal(first.image, second.image)
            and np.array_equal(first.routing, second.routing)
            and first.degradation == second.degradation)


def test_a_batch_equals_its_pairs_one_by_one(load: Callable[..., FusionEngine]):
    engine, pairs = load(), shaded_pairs(4, 45, 51)
    expected = [engine.fuse(*pair) for pair in pairs]
    assert len({fusion.routing.tobytes() for fusion in expected}) > 1
    found = engine.fuse_batch(pairs)
    assert len(found) == 4 and all(same(*both) for both in zip(found, expected))
    assert same(engine.fuse_batch(pairs[2:3])[0], expected[2])
    assert engine.fuse_batch([]) == []


@pytest.mark.parametrize('pairs, got', [
    ([*shaded_pairs(1, 40, 48), *shaded_pairs(1, 40, 50)], '(40, 48), (40, 50)'),
    ([*shaded_pairs(2, 40, 48), (np.zeros((40, 48), np.uint8),) * 2], '(40, 48), uint8'),
    ([*shaded_pairs(1, 40, 48), *shaded_pairs(1, 31, 48)], '31 x 48')])
def test_a_wrong_batch_is_refused_with_what_was_got(
        load: Callable[..., FusionEngine], pairs: list[Pair], got: str):
    with pytest.raises(ValueError) as caught:
        load().fuse_batch(pairs)
    assert got in str(caught.value) and '\n' not in str(caught.value)


def count_looks(engine: FusionEngine) -> list[int]:
    """Let an engine note each run of its guidance."""
    looks: list[int] = []
    engine._guidance.register_forward_hook(lambda *_: looks.append(1))
    return looks


def test_by_default_every_frame_stands_for_itself(load: Callable[..., FusionEngine]):
    engine, fresh = load(), load()
    looks = count_looks(engine)
    streams = shaded_pairs(4, 40, 48)
    found = [engine.fuse(*pair) for pair in streams]
    assert len(looks) == 4 and engine.guidance_period == 1
    assert all(same(fusion, fresh.fuse(*pair))
               for fusion, pair in zip(found[::-1], streams[::-1]))


def test_a_period_looks_in_every_nth_frame_only(load: Callable[..., FusionEngine]):
    engine, single = load(guidance_period=3), load()
    looks, pairs, counts = count_looks(engine), shaded_pairs(7, 40, 48), []
    found = []
    for pair in pairs:
        found.append(engine.fuse(*pair))
        counts.append(len(looks))
    assert counts == [1, 1, 1, 2, 2, 2, 3]
    assert same(found[0], single.fuse(*pairs[0])), 'the first look counts in full'
    for frame in (1, 2, 4, 5):
        assert found[frame].degradation == found[frame - 1].degradation
        assert np.array_equal(found[frame].routing, found[frame - 1].routing)
        assert not np.array_equal(found[frame].image, found[frame - 1].image)
    assert found[3].degradation != found[2].degradation


def test_a_new_size_a_new_batch_and_a_reset_forget(load: Callable[..., FusionEngine]):
    engine, single = load(guidance_period=4), load()
    small, large = shaded_pairs(2, 40, 48), shaded_pairs(1, 50, 48)
    expected = single.fuse(*small[1])
    engine.fuse(*small[0])
    assert not same(engine.fuse(*small[1]), expected)
    engine.reset()
    assert same(engine.fuse(*small[1]), expected)
    assert same(engine.fuse(*large[0]), single.fuse(*large[0]))
    assert same(engine.fuse(*small[1]), expected)
    assert same(engine.fuse_batch(small)[1], expected)
    assert not same(engine.fuse_batch(small[::-1])[0], expected), 'rows have a past each'


def test_another_stream_forgets_and_the_same_goes_on(load: Callable[..., FusionEngine]):
    engine, single = load(guidance_period=4), load()
    first, second = shaded_pairs(2, 40, 48)
    expected = single.fuse(*second)
    assert same(engine.fuse_batch([first], stream='front')[0], single.fuse(*first))
    assert same(engine.fuse_batch([second], stream='rear')[0], expected)
    assert same(engine.fuse_batch([first], stream='front')[0], single.fuse(*first))
    assert not same(engine.fuse_batch([second], stream='front')[0], expected)


def test_warming_up_leaves_no_trace(load: Callable[..., FusionEngine]):
    engine, pair = load(guidance_period=5), shaded_pairs(1, 40, 48)[0]
    engine.warm_up(40, 48)
    assert same(engine.fuse(*pair), load().fuse(*pair))


def test_a_wrong_period_is_refused_before_weights_are_read():
    with pytest.raises(ValueError, match='guidance_period must be'):
        FusionEngine.load('/absent.safetensors', 'cpu', guidance_period=0)


def test_what_ran_is_told(load: Callable[..., FusionEngine]):
    engine = load(compile=True)  # without effect on a CPU
    engine.fuse(*shaded_pairs(1, 40, 48)[0])
    assert (engine.execution, engine.memory_fallbacks, engine.problem) == ('plain', 0, '')


@pytest.mark.parametrize('text', [
    'CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be',
    'cuDNN error: CUDNN_STATUS_EXECUTION_FAILED'])
def test_a_lost_device_is_reported_on_one_line(
        load: Callable[..., FusionEngine], monkeypatch: pytest.MonkeyPatch, text: str):
    engine = load(guidance_period=2)
    engine.fuse(*shaded_pairs(1, 40, 48)[0])

    def lost(*_arguments: Any) -> None:
        raise RuntimeError(text)

    monkeypatch.setattr(engine._path, 'fuse', lost)
    with pytest.raises(DeviceError) as caught:
        engine.fuse(*shaded_pairs(1, 40, 48)[0])
    message = str(caught.value)
    assert text.split('\n')[0] in message and '\n' not in message and "'cpu'" in message
    monkeypatch.undo()
    looks = count_looks(engine)
    engine.fuse(*shaded_pairs(1, 40, 48)[0])
    assert looks, 'nothing is remembered from before the failure'


def test_a_mistake_in_the_program_is_not_taken_for_a_lost_device(
        load: Callable[..., FusionEngine], monkeypatch: pytest.MonkeyPatch):
    engine = load()
    with torch.no_grad():
        engine._network.project[0].weight.data = torch.zeros(1, 1, 1, 1)
    with pytest.raises(RuntimeError) as caught:
        engine.fuse(*shaded_pairs(1, 40, 48)[0])
    assert not isinstance(caught.value, DeviceError)


def test_beyond_the_coverage_lies_the_restored_visible_image(load: Callable[..., FusionEngine]):
    engine, (pair,) = load(), shaded_pairs(1, 45, 51)
    fused, restored = engine.fuse(pair.visible, pair.thermal), engine.restore(pair.visible)
    assert not np.array_equal(fused.image, restored.image)
    coverage = np.tile(np.clip(np.linspace(-1, 2, 51, dtype=np.float32), 0, 1), (45, 1))
    found = engine.fuse(pair.visible, pair.thermal, coverage).image
    assert np.array_equal(found[:, :17], restored.image[:, :17])
    assert np.array_equal(found[:, -17:], fused.image[:, -17:])
    seam = restored.image + coverage[..., None] * (fused.image.astype(float) - restored.image)
    assert np.abs(found - seam).max() <= 1.01


def test_what_is_restored_is_pkdms_image_whatever_the_thermal_one(
        load: Callable[..., FusionEngine]):
    engine, (pair,) = load(), shaded_pairs(1, 48, 64)
    _, network = moved_modules()
    seen = torch.from_numpy(pair.visible).permute(2, 0, 1)[None] / 255
    with torch.no_grad():
        assert network.enhancement is not None
        expected = (255 * network.enhancement.visible(seen)[0])[0].permute(1, 2, 0).numpy()
    # Rounding to grey levels, and that of weights in their file.
    assert np.abs(engine.restore(pair.visible).image - expected).max() < 1.0
    nothing = np.zeros((48, 64), np.float32)
    found = engine.fuse(pair.visible, pair.thermal, nothing).image
    assert np.array_equal(found, engine.restore(pair.visible).image)


def test_pairs_with_and_without_coverage_share_a_batch(load: Callable[..., FusionEngine]):
    engine, (first, second) = load(), shaded_pairs(2, 40, 48)
    half = np.tile(np.linspace(0, 1, 48, dtype=np.float32), (40, 1))
    found = engine.fuse_batch([first._replace(coverage=half), second])
    assert same(found[0], engine.fuse(first.visible, first.thermal, half))
    assert same(found[1], engine.fuse(second.visible, second.thermal))


@pytest.mark.parametrize('coverage, got', [
    (np.zeros((40, 47), np.float32), '(40, 47)'), (np.zeros((40, 48)), 'float64')])
def test_a_wrong_coverage_is_refused(load: Callable[..., FusionEngine], coverage: np.ndarray,
                                     got: str):
    (pair,) = shaded_pairs(1, 40, 48)
    with pytest.raises(ValueError, match='coverage') as caught:
        load().fuse(pair.visible, pair.thermal, coverage)
    assert got in str(caught.value)


@pytest.mark.parametrize('image', [None, np.zeros((40, 48), np.uint8), np.zeros((40, 48, 3))])
def test_what_is_no_visible_image_is_not_restored(load: Callable[..., FusionEngine],
                                                  image: np.ndarray):
    with pytest.raises(ValueError, match='visible'):
        load().restore(image)
