# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""FusionEngine's contract, with the shipped weights and with small models of known behaviour."""

import dataclasses
import json
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from degfuse_ros.engine import (
    CLASSES,
    DEGRADATIONS,
    DeviceError,
    Fusion,
    FusionEngine,
    ModelError,
    Pair,
)
from degfuse_ros.network.config import ModelConfig
from degfuse_ros.network.dagm import DegradationGuidance
from degfuse_ros.network.fusion_network import FusionNetwork
from degfuse_ros.network.model_file import save_model, tensor_hash

Image = NDArray[np.uint8]
SIZES = [(32, 32), (33, 47), (100, 75), (480, 640), (481, 639)]
CONFIG = ModelConfig(
    widths=(6, 8, 8, 8), hidden=(3, 3, 3, 3), guidance_dim=16, sentence_groups=5,
    tower={'image_size': 32, 'patch_size': 8, 'width': 32, 'layers': 1, 'heads': 2,
           'mlp_ratio': 2.0, 'embed_dim': 16})


def write_small_model(path: Path, scale: float) -> Path:
    """Save a small model; scale 0 leaves it untrained, otherwise every parameter moves."""
    torch.manual_seed(0)
    guidance, network = DegradationGuidance(CONFIG), FusionNetwork(CONFIG)
    guidance.sentences.normal_()
    guidance.sentence_class.copy_(torch.arange(5))
    with torch.no_grad():
        for parameter in (*guidance.parameters(), *network.parameters()):
            parameter.add_(scale * torch.randn_like(parameter))
    save_model(path, CONFIG, guidance.state_dict(), network.state_dict(), {})
    return path


@pytest.fixture(scope='module')
def shipped() -> FusionEngine:
    """The shipped weights on the CPU."""
    return FusionEngine.load(device='cpu')


@pytest.fixture(scope='module')
def moved_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model in which every layer changes the output."""
    return write_small_model(tmp_path_factory.mktemp('moved') / 'small.safetensors', 0.1)


@pytest.fixture(scope='module')
def moved(moved_path: Path) -> FusionEngine:
    """Engine of that model."""
    return FusionEngine.load(str(moved_path), 'cpu')


def pair(height: int, width: int, seed: int = 0) -> tuple[Image, Image]:
    """Noise: every pixel differs from its neighbours, so that no shift goes unseen."""
    random = np.random.default_rng(seed)
    return (random.integers(0, 256, (height, width, 3), np.uint8),
            random.integers(0, 256, (height, width), np.uint8))


def same(first: Fusion, second: Fusion) -> bool:
    """Bitwise equality of everything in two results."""
    return (np.array_equal(first.image, second.image)
            and np.array_equal(first.routing, second.routing)
            and first.degradation == second.degradation)


def check_contract(engine: FusionEngine, fusion: Fusion, height: int, width: int) -> None:
    """What holds for every result, whatever the weights."""
    assert fusion.image.shape == (height, width, 3)
    assert fusion.image.dtype == np.uint8 and fusion.image.flags['C_CONTIGUOUS']
    degradation = fusion.degradation
    assert tuple(degradation.scores) == CLASSES
    assert sum(degradation.scores.values()) == pytest.approx(1, abs=1e-9)
    assert degradation.label == max(degradation.scores, key=degradation.scores.__getitem__)
    assert tuple(degradation.severity) == DEGRADATIONS
    assert all(0 <= value <= 1 for value in degradation.severity.values())
    json.dumps([degradation.scores, degradation.severity])  # plain floats
    assert fusion.routing.dtype == np.float32
    assert fusion.routing.shape == (len(engine.layer_names), 8)
    np.testing.assert_allclose(fusion.routing.sum(1), 1, atol=1e-6)
    assert ((fusion.routing > 0).sum(1) == 2).all()


@pytest.mark.parametrize('height, width', SIZES)
def test_every_size_keeps_the_contract(moved: FusionEngine, height: int, width: int):
    check_contract(moved, moved.fuse(*pair(height, width)), height, width)


@pytest.mark.parametrize('height, width', [(33, 47), (480, 640)])
def test_shipped_weights_keep_the_contract(shipped: FusionEngine, height: int, width: int):
    check_contract(shipped, shipped.fuse(*pair(height, width)), height, width)


def test_attributes_say_what_runs(shipped: FusionEngine):
    path = Path(__file__).resolve().parents[2] / 'models' / 'base.safetensors'
    with safe_open(str(path), framework='np') as file:
        assert shipped.model_hash == file.metadata()['sha256']
    assert shipped.model_path == path
    assert shipped.device == 'cpu' and 'CPU' in shipped.device_name
    assert shipped.precision == 'float32'
    assert shipped.memory_bytes() == 0
    assert len(shipped.layer_names) == len(set(shipped.layer_names)) == 11


@pytest.mark.parametrize('height, width', SIZES)
def test_untrained_weights_give_the_brighter_source_pixel_by_pixel(
        tmp_path: Path, height: int, width: int):
    engine = FusionEngine.load(str(write_small_model(tmp_path / 'new.safetensors', 0)), 'cpu')
    visible, thermal = pair(height, width)
    grey = visible @ np.array([0.299, 0.587, 0.114])
    rise = np.maximum(grey, thermal) - grey
    expected = np.clip(visible + rise[..., None], 0, 255).round()
    found = engine.fuse(visible, thermal).image.astype(float)
    assert np.abs(found - expected).max() <= 1
    assert (found != expected).mean() < 0.01  # only values that lie halfway may round apart


def test_padding_is_reflection_and_guidance_sees_the_raw_pair(
        moved: FusionEngine, moved_path: Path):
    visible, thermal = pair(37, 50)
    tensors = {name: tensor.float() for name, tensor in load_file(moved_path).items()}

    def part(prefix: str) -> dict[str, Any]:
        return {name.removeprefix(prefix): tensor for name, tensor in tensors.items()
                if name.startswith(prefix)}

    guidance, network = DegradationGuidance(CONFIG).eval(), FusionNetwork(CONFIG).eval()
    guidance.load_state_dict(part('guidance.'))
    network.load_state_dict(part('fusion.'))
    more = (0, 48 - 37), (0, 64 - 50)
    padded = (np.pad(visible, (*more, (0, 0)), mode='reflect'),
              np.pad(thermal, more, mode='reflect')[..., None])
    seen, heat, wide_seen, wide_heat = (
        torch.from_numpy(image.transpose(2, 0, 1)[None] / np.float32(255))
        for image in (visible, thermal[..., None], *padded))
    with torch.no_grad():
        judged = guidance(seen, heat)
        routing = network.route(judged.vector)
        fused, _ = network.fuse(network.enhance(wide_seen, wide_heat), routing)
    expected = fused.image[0, :, :37, :50].permute(1, 2, 0) * 255
    fusion = moved.fuse(visible, thermal)
    assert np.abs(fusion.image - expected.numpy()).max() <= 0.51
    np.testing.assert_allclose(fusion.routing, routing.decision.gates[:, 0].numpy(), atol=1e-5)
    names = ('clean', 'fog', 'low_light', 'overexposed', 'rain')
    assert fusion.degradation.scores == pytest.approx(
        dict(zip(names, judged.scores[0].tolist())), abs=1e-5)
    assert fusion.degradation.severity == pytest.approx(
        dict(zip(names[1:], judged.severity[0].tolist())), abs=1e-5)


def test_same_pair_same_bits(moved: FusionEngine, moved_path: Path):
    first = moved.fuse(*pair(61, 83))
    moved.fuse(*pair(40, 40, seed=1))  # nothing is remembered from other frames
    assert same(first, moved.fuse(*pair(61, 83)))
    assert same(first, FusionEngine.load(str(moved_path), 'cpu').fuse(*pair(61, 83)))


def test_shipped_weights_give_the_same_bits_twice(shipped: FusionEngine):
    assert same(shipped.fuse(*pair(96, 130)), shipped.fuse(*pair(96, 130)))


def test_both_images_matter(moved: FusionEngine):
    visible, thermal = pair(48, 48)
    plain = moved.fuse(visible, thermal).image
    assert (moved.fuse(visible[::-1], thermal).image != plain).mean() > 0.5
    assert (moved.fuse(visible, thermal[::-1]).image != plain).mean() > 0.5
    assert (moved.fuse(visible[..., ::-1], thermal).image != plain).mean() > 0.5


@pytest.mark.parametrize('view', ['flipped', 'swapped', 'window', 'fortran', 'read-only'])
def test_memory_layout_does_not_matter(moved: FusionEngine, view: str):
    visible, thermal = pair(80, 96)
    if view == 'flipped':
        visible, thermal = visible[::-1, ::-1], thermal[::-1, ::-1]
    elif view == 'swapped':
        visible = visible[..., ::-1]  # BGR as RGB
    elif view == 'window':
        visible, thermal = visible[5:69:2, 3:67], thermal[5:69:2, 3:67]
    elif view == 'fortran':
        visible, thermal = np.asfortranarray(visible), np.asfortranarray(thermal)
    else:
        visible.flags.writeable = thermal.flags.writeable = False
    expected = moved.fuse(np.array(visible, order='C'), np.array(thermal, order='C'))
    before = visible.copy(), thermal.copy()
    assert same(moved.fuse(visible, thermal), expected)
    assert np.array_equal(visible, before[0]) and np.array_equal(thermal, before[1])


def test_results_do_not_share_memory(moved: FusionEngine):
    first = moved.fuse(*pair(40, 40))
    kept = first.image.copy()
    moved.fuse(*pair(40, 40, seed=1))
    assert np.array_equal(first.image, kept)


GOOD = pair(40, 48)


@pytest.mark.parametrize('visible, thermal, got', [
    (GOOD[0].astype(np.float32), GOOD[1], 'float32'),
    (GOOD[0], GOOD[1].astype(np.uint16), 'uint16'),
    (GOOD[0][..., 0], GOOD[1], '(40, 48)'),
    (np.dstack((GOOD[0], GOOD[1])), GOOD[1], '(40, 48, 4)'),
    (GOOD[0], GOOD[0], '(40, 48, 3)'),
    (GOOD[0], GOOD[1][..., None], '(40, 48, 1)'),
    (GOOD[0], GOOD[1][:-1], '(39, 48)'),
    (GOOD[0][:, :-1], GOOD[1], '(40, 47)'),
    (GOOD[0].transpose(2, 0, 1), GOOD[1], '(3, 40, 48)'),
    (GOOD[0][:31], GOOD[1][:31], '31 x 48'),
    (GOOD[0][:, :31], GOOD[1][:, :31], '40 x 31'),
    (GOOD[0][:1], GOOD[1][:1], '1 x 48'),
    (GOOD[0][:0], GOOD[1][:0], '0 x 48'),
])
def test_a_wrong_pair_is_refused_with_what_was_got(
        moved: FusionEngine, visible: Image, thermal: Image, got: str):
    with pytest.raises(ValueError) as caught:
        moved.fuse(visible, thermal)
    assert got in str(caught.value) and '\n' not in str(caught.value)
    check_contract(moved, moved.fuse(*GOOD), 40, 48)  # the engine goes on


def test_parts_that_only_training_needs_are_not_loaded(shipped: FusionEngine):
    assert shipped._network.visible_head is None and shipped._network.thermal_head is None
    with safe_open(str(shipped.model_path), framework='np') as file:
        stored = set(file.keys())
    loaded = {f'fusion.{name}' for name in shipped._network.state_dict()}
    loaded |= {f'guidance.{name}' for name in shipped._guidance.state_dict()}
    assert {name.split('.')[1] for name in stored - loaded} == {'visible_head', 'thermal_head'}
    parts = {part for name in stored for part in name.split('.')}
    assert not parts & {'text', 'text_projection', 'token_embedding', 'lora_A', 'lora_B'}
    for module in (shipped._network, shipped._guidance):
        assert not module.training
        assert not any(parameter.requires_grad for parameter in module.parameters())


def test_only_the_routed_experts_are_computed(shipped: FusionEngine):
    network = shipped._network
    mixtures = [*network.visible_encoder.levels, *network.thermal_encoder.levels,
                *network.decoder.values()]
    computed = np.zeros((len(mixtures), 8), int)
    hooks = []
    for row, mixture in enumerate(mixtures):
        for column, expert in enumerate(mixture.experts):
            def count(*_arguments, row=row, column=column):
                computed[row, column] += 1
            hooks.append(expert.get_submodule('shape').register_forward_hook(count))
    fusion = shipped.fuse(*pair(64, 64))
    for hook in hooks:
        hook.remove()
    np.testing.assert_array_equal(computed, fusion.routing > 0)


def test_warm_up_takes_any_size_and_fuses_it(
        moved: FusionEngine, monkeypatch: pytest.MonkeyPatch):
    shapes: list[list[tuple[int, ...]]] = []
    fuse_batch = moved.fuse_batch

    def watched(pairs: Sequence[Pair]) -> list[Fusion]:
        shapes.append([pair.thermal.shape for pair in pairs])
        return fuse_batch(pairs)

    monkeypatch.setattr(moved, 'fuse_batch', watched)
    moved.warm_up(50, 70)
    moved.warm_up(1, 1, batch=2)
    assert shapes == [[(50, 70)], [(32, 32), (32, 32)]]


def test_a_worker_thread_gets_the_same_result(moved: FusionEngine):
    results: list[Fusion] = []
    worker = threading.Thread(target=lambda: results.append(moved.fuse(*pair(40, 52))))
    worker.start()
    worker.join()
    assert same(results[0], moved.fuse(*pair(40, 52)))


def test_torchs_global_state_is_left_alone(moved: FusionEngine):
    flags = torch.backends.cudnn
    before, state = (flags.benchmark, flags.deterministic), torch.get_rng_state()
    moved.fuse(*pair(40, 40))
    assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
    assert (flags.benchmark, flags.deterministic) == before
    assert torch.equal(torch.get_rng_state(), state)


def test_a_result_cannot_be_reassigned(moved: FusionEngine):
    fusion = moved.fuse(*pair(32, 32))
    with pytest.raises(dataclasses.FrozenInstanceError):
        fusion.image = fusion.image  # type: ignore[misc]


def refuse(path: Path) -> str:
    """Load a model that must be refused; return the one line that says why."""
    with pytest.raises(ModelError) as caught:
        FusionEngine.load(str(path), 'cpu')
    message = str(caught.value)
    assert '\n' not in message and str(path) in message
    return message


def rewrite(path: Path, tmp_path: Path, drop: str = '', **config: Any) -> Path:
    """Copy a model with a valid hash, without some tensors or with another structure."""
    with safe_open(str(path), framework='pt') as file:
        metadata = dict(file.metadata())
    tensors = {name: tensor for name, tensor in load_file(path).items()
               if not drop or not name.startswith(drop)}
    metadata['sha256'] = tensor_hash(tensors)
    metadata['config'] = json.dumps({**json.loads(metadata['config']), **config})
    changed = tmp_path / 'changed.safetensors'
    save_file(tensors, changed, metadata=metadata)
    return changed


def test_missing_weights_are_refused(tmp_path: Path):
    assert 'Restore' in refuse(tmp_path / 'absent.safetensors')


def test_altered_weights_are_refused_with_both_hashes(moved_path: Path, tmp_path: Path):
    content = bytearray(moved_path.read_bytes())
    content[-1] ^= 64
    altered = tmp_path / 'altered.safetensors'
    altered.write_bytes(bytes(content))
    message = refuse(altered)
    with safe_open(str(altered), framework='pt') as file:
        assert file.metadata()['sha256'] in message
    assert 'expected' in message and 'found' in message


@pytest.mark.parametrize('drop', ['guidance.', 'fusion.', 'fusion.gate.weight', ''])
def test_weights_that_do_not_fit_the_structure_are_refused(
        moved_path: Path, tmp_path: Path, drop: str):
    config = {} if drop else {'widths': [6, 8, 8, 12]}
    refuse(rewrite(moved_path, tmp_path, drop, **config))


@pytest.mark.parametrize('tower', [
    {}, {'image_size': 32}, {**CONFIG.tower, 'wings': 2}, {**CONFIG.tower, 'heads': 0}])
def test_an_impossible_tower_is_refused(moved_path: Path, tmp_path: Path, tower: dict[str, Any]):
    refuse(rewrite(moved_path, tmp_path, tower=tower))


def test_a_tower_that_needs_openclip_says_so(
        moved_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, 'open_clip', None)
    tower = {'open_clip': 'RN50', 'image_size': 32, 'embed_dim': 16}
    message = refuse(rewrite(moved_path, tmp_path, tower=tower))
    assert 'pip install' in message and 'RN50' in message


def test_scores_that_are_not_finite_are_refused():
    engine = FusionEngine.load(device='cpu')
    with torch.no_grad():
        engine._guidance.sentences.fill_(float('nan'))
    with pytest.raises(RuntimeError, match='not finite') as refused:
        engine.fuse(*pair(32, 32))
    assert '\n' not in str(refused.value)


def test_a_device_without_room_is_no_fault_of_the_weights(monkeypatch):
    def full(*_arguments, **_settings):
        raise RuntimeError('CUDA out of memory.\nTried to allocate 20 MiB')

    monkeypatch.setattr(torch.nn.Module, 'to', full)
    with pytest.raises(DeviceError, match='CUDA out of memory. Tried') as refused:
        FusionEngine.load(device='cpu')
    assert '\n' not in str(refused.value) and 'Free memory' in str(refused.value)


def test_a_closed_engine_holds_no_weights():
    engine = FusionEngine.load(device='cpu')
    engine.close()
    assert not [value for value in vars(engine).values() if isinstance(value, torch.nn.Module)]
