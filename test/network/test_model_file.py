# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The weight file: round trip, hash, and one clear line for everything that can be wrong."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from privilege import WITHOUT_PRIVILEGE
from safetensors import safe_open
from safetensors.numpy import load_file as load_numpy
from safetensors.torch import load_file, save_file
from torch import Tensor

from degfuse_ros.network.config import ModelConfig
from degfuse_ros.network.model_file import (
    ModelFileError,
    load_model,
    save_model,
    tensor_hash,
)

SHIPPED = Path(__file__).resolve().parents[2] / 'models' / 'base.safetensors'
CONFIG = ModelConfig(widths=(8, 16), hidden=(4, 4), guidance_dim=24)


def states() -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Two small state dicts; the names share prefixes on purpose."""
    torch.manual_seed(0)
    guidance = {'tower.weight': torch.randn(5, 4), 'logit_scale': torch.tensor(17.0)}
    return guidance, {'head.weight': torch.randn(3, 2, 3, 3), 'fusion.bias': torch.zeros(3)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A small valid weight file in a folder that `save_model` had to make."""
    written = tmp_path / 'deep' / 'model.safetensors'
    save_model(written, CONFIG, *states(), {'seed': '3', 'epochs': '2'})
    return written


def metadata_of(path: Path) -> dict[str, str]:
    """Metadata as SafeTensors itself reads it."""
    with safe_open(str(path), framework='np') as file:
        return file.metadata() or {}


def refuse(path: Path) -> str:
    """Load a bad file and return the message, which names the path and the way out on one line."""
    with pytest.raises(ModelFileError) as caught:
        load_model(path)
    message = str(caught.value)
    assert str(path) in message
    assert '\n' not in message
    assert 'Restore the file' in message
    return message


def test_round_trip(path: Path):
    guidance, fusion = states()
    file = load_model(path)
    assert file.config == CONFIG
    for prefix, state in (('guidance', guidance), ('fusion', fusion)):
        part = file.part(prefix)
        assert part.keys() == state.keys()
        for name, tensor in part.items():
            assert tensor.dtype == torch.float32
            # Half precision keeps 11 bits.
            torch.testing.assert_close(tensor, state[name], rtol=2 ** -11, atol=1e-7)


def test_what_is_loaded_can_be_saved_again_without_change(path: Path, tmp_path: Path):
    file = load_model(path)
    again = tmp_path / 'again.safetensors'
    found = save_model(again, file.config, file.part('guidance'), file.part('fusion'), {})
    assert found == file.sha256


def test_metadata_holds_structure_hash_and_notes(path: Path):
    metadata = metadata_of(path)
    assert ModelConfig.from_json(metadata['config']) == CONFIG
    assert metadata['sha256'] == load_model(path).sha256
    assert json.loads(metadata['notes']) == {'seed': '3', 'epochs': '2'}


def test_hash_is_sha256_over_names_types_shapes_and_bytes(path: Path):
    digest = hashlib.sha256()
    for name, array in sorted(load_numpy(path).items()):
        assert array.dtype == np.float16
        digest.update(f'{name}|torch.float16|{array.shape}|'.encode() + array.tobytes())
    assert metadata_of(path)['sha256'] == digest.hexdigest()


def test_hash_does_not_depend_on_order_or_memory_layout():
    tensors = {'a': torch.arange(6.0).view(2, 3), 'b': torch.ones(2)}
    shuffled = {'b': torch.ones(2), 'a': torch.arange(6.0).view(2, 3).T.contiguous().T}
    assert tensor_hash(tensors) == tensor_hash(shuffled)


@pytest.mark.parametrize('altered', [
    {'a': torch.tensor([1.0, 2.0, 3.0, 4.0 + 1e-6])},
    {'a': torch.tensor([[1.0, 2.0], [3.0, 4.0]])},
    {'a': torch.tensor([1.0, 2.0, 3.0, 4.0]).half()},
    {'b': torch.tensor([1.0, 2.0, 3.0, 4.0])},
    {'a': torch.tensor([1.0, 2.0, 3.0, 4.0]), 'b': torch.zeros(0)},
    {},
])
def test_hash_changes_with_value_shape_type_name_and_number(altered: dict[str, Tensor]):
    original = {'a': torch.tensor([1.0, 2.0, 3.0, 4.0])}
    assert tensor_hash(altered) != tensor_hash(original)


def test_a_missing_file_is_named(tmp_path: Path):
    assert 'no weight file' in refuse(tmp_path / 'absent.safetensors')


def test_a_path_that_cannot_be_looked_at_is_named_with_the_reason(tmp_path: Path):
    # The system refuses so long a name to everybody; a missing permission it forgives root.
    assert 'File name too long' in refuse(tmp_path / ('x' * 300))


def test_a_weight_file_without_permission_is_not_called_missing(path: Path):
    path.chmod(0)
    program = ('import sys\nfrom pathlib import Path\n'
               'from degfuse_ros.network.model_file import load_model\n'
               'load_model(Path(sys.argv[1]))')
    result = subprocess.run([*WITHOUT_PRIVILEGE, sys.executable, '-c', program, str(path)],
                            capture_output=True, text=True, timeout=100, check=False)
    last = result.stderr.splitlines()[-1]
    assert 'ModelFileError: cannot open' in last and 'Permission denied' in last
    assert '--model' in last


def test_a_folder_is_not_a_weight_file(tmp_path: Path):
    assert 'no weight file' in refuse(tmp_path)


@pytest.mark.parametrize('content', [
    b'', b'not a weight file at all', b'\xff' * 64, b'\x00' * 4096,
    b'version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 16713452\n'])
def test_garbage_is_not_readable(tmp_path: Path, content: bytes):
    bad = tmp_path / 'bad.safetensors'
    bad.write_bytes(content)
    assert 'cannot read' in refuse(bad)


@pytest.mark.parametrize('kept', [4, 40, -10, -1])
def test_a_truncated_file_is_not_readable(path: Path, kept: int):
    path.write_bytes(path.read_bytes()[:kept])
    assert 'cannot read' in refuse(path)


def test_one_flipped_bit_is_found_with_both_hashes(path: Path):
    expected = metadata_of(path)['sha256']
    content = bytearray(path.read_bytes())
    content[-3] ^= 1  # the tensors lie at the end
    path.write_bytes(bytes(content))
    found = tensor_hash(load_file(path))
    message = refuse(path)
    assert 'altered' in message
    assert re.findall('[0-9a-f]{64}', message) == [expected, found]
    assert expected != found


def test_a_removed_tensor_is_found(path: Path):
    metadata, tensors = metadata_of(path), load_file(path)
    del tensors['fusion.fusion.bias']
    save_file(tensors, path, metadata=metadata)
    assert 'altered' in refuse(path)


@pytest.mark.parametrize('metadata', [None, {}, {'format': 'pt'}])
def test_a_file_of_another_origin_is_refused(tmp_path: Path, metadata: dict[str, str] | None):
    foreign = tmp_path / 'foreign.safetensors'
    save_file({'weight': torch.ones(3)}, foreign, metadata=metadata)
    message = refuse(foreign)
    assert 'not a degfuse model' in message
    assert 'degfuse-model-1' in message


@pytest.mark.parametrize('config', [None, '', '{}', '{"widths": [8]}', '[1, 2]'])
def test_an_unreadable_structure_is_refused(path: Path, config: str | None):
    metadata, tensors = metadata_of(path), load_file(path)
    del metadata['config']
    if config is not None:
        metadata['config'] = config
    save_file(tensors, path, metadata=metadata)
    assert 'structure' in refuse(path)


def test_the_shipped_file_is_intact_and_within_its_budget():
    assert SHIPPED.stat().st_size <= 16 * 2 ** 20
    file = load_model(SHIPPED)
    assert all(torch.isfinite(tensor).all() for tensor in file.tensors.values())
    assert {name.split('.')[0] for name in file.tensors} == {'guidance', 'fusion'}


def test_a_written_file_is_readable_for_everyone(path: Path):
    assert path.stat().st_mode & 0o777 == 0o644
