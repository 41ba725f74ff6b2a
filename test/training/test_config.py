# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Training settings: files, overrides, and one line for whatever is wrong with them."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

from degfuse_ros.training.config import ConfigError, FusionConfig, GuidanceConfig, load_config

SHIPPED = Path(__file__).resolve().parents[2] / 'config' / 'train'
NEEDED: dict[type[Any], tuple[str, ...]] = {
    GuidanceConfig: ('data=images', 'out=guidance.safetensors'),
    FusionConfig: ('data=images', 'guidance=guidance.safetensors', 'out=base.safetensors')}
STAGES: list[tuple[type[Any], str]] = [(GuidanceConfig, 'guidance'), (FusionConfig, 'fusion')]


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    path = tmp_path / 'empty.yaml'
    path.write_text('')
    return path


def refusal(path: Path, *overrides: str, kind: type[Any] = FusionConfig) -> str:
    """Return the one line with which settings are refused."""
    with pytest.raises(ConfigError) as caught:
        load_config(kind, path, (*NEEDED[kind], *overrides))
    message = str(caught.value)
    assert '\n' not in message
    return message


def fields(kind: type[Any]) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


@pytest.mark.parametrize(('kind', 'stage'), STAGES)
def test_shipped_files_name_every_setting_but_the_needed_ones(kind: type[Any], stage: str):
    path = SHIPPED / f'{stage}.yaml'
    needed = {text.partition('=')[0] for text in NEEDED[kind]}
    assert set(yaml.safe_load(path.read_text())) == fields(kind) - needed
    config = load_config(kind, path, NEEDED[kind])
    assert config.data == 'images'


@pytest.mark.parametrize(('kind', 'stage'), STAGES)
def test_shipped_files_and_defaults_agree(kind: type[Any], stage: str, empty: Path):
    shipped = dataclasses.asdict(load_config(kind, SHIPPED / f'{stage}.yaml', NEEDED[kind]))
    default = dataclasses.asdict(load_config(kind, empty, NEEDED[kind]))
    # Data of a stranger has none of the sources whose terms the shipped weights keep to.
    assert shipped.pop('exclude_sources') == ('kaist', 'llvip')
    assert default.pop('exclude_sources') == ()
    assert shipped == default


def test_lite_differs_from_stage_2_in_what_it_names():
    path = SHIPPED / 'lite.yaml'
    needed = [*NEEDED[FusionConfig], 'teacher=base.safetensors']
    lite = load_config(FusionConfig, path, needed)
    base = load_config(FusionConfig, SHIPPED / 'fusion.yaml', needed)
    assert lite.model == 'lite' and lite.exclude_sources == ('kaist', 'llvip')
    changed = {name for name in fields(FusionConfig)
               if getattr(lite, name) != getattr(base, name)}
    assert changed <= set(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize('name', ['guidance', 'fusion', 'lite'])
def test_every_setting_has_its_reason(name: str):
    lines = [line for line in (SHIPPED / f'{name}.yaml').read_text().splitlines()
             if not line.startswith('#')]
    assert lines and all(len(line.partition('#')[2]) > 3 for line in lines)


def test_every_shipped_file_is_one_of_these():
    names = {path.name for path in SHIPPED.iterdir()}
    assert names == {'guidance.yaml', 'fusion.yaml', 'lite.yaml', 'ablations.txt'}


def test_values_come_from_the_file_and_overrides_win(tmp_path: Path):
    path = tmp_path / 'own.yaml'
    path.write_text('data: images\nout: a.safetensors\nsteps: 7\nbatch: 8\nsize: [64, 96]\n')
    config = load_config(GuidanceConfig, path, ['steps=9', 'out=b=c.safetensors', 'zoom=[1, 2]'])
    assert (config.steps, config.batch, config.size, config.zoom) == (9, 8, (64, 96), (1, 2))
    assert config.out == 'b=c.safetensors'
    assert config.split == 'train'


@pytest.mark.parametrize('text', ['5e-4', '5.0e-4', '0.0005', '+5E-4'])
def test_floats_in_every_notation(empty: Path, tmp_path: Path, text: str):
    path = tmp_path / 'own.yaml'
    path.write_text(f'learning_rate: {text}\n')
    for config in (load_config(FusionConfig, path, NEEDED[FusionConfig]),
                   load_config(FusionConfig, empty, [*NEEDED[FusionConfig],
                                                     f'learning_rate={text}'])):
        assert config.learning_rate == 0.0005 and isinstance(config.learning_rate, float)


def test_whole_numbers_of_any_notation_are_integers(empty: Path):
    config = load_config(FusionConfig, empty, [*NEEDED[FusionConfig], 'steps=2e3', 'batch=16.0'])
    assert (config.steps, config.batch) == (2000, 16)
    assert isinstance(config.steps, int) and isinstance(config.batch, int)


@pytest.mark.parametrize(('wrong', 'near'), [
    ('learning_rte', 'learning_rate'), ('bath', 'batch'), ('zom', 'zoom'), ('Steps', 'steps'),
    ('exclude_source', 'exclude_sources')])
def test_an_unknown_setting_names_the_nearest(empty: Path, wrong: str, near: str):
    message = refusal(empty, f'{wrong}=1')
    assert repr(wrong) in message and repr(near) in message


def test_a_setting_of_the_other_stage_is_unknown(empty: Path):
    assert "'lora_rank'" in refusal(empty, 'lora_rank=4')
    assert "'teacher'" in refusal(empty, 'teacher=a', kind=GuidanceConfig)


def test_all_missing_settings_are_named(empty: Path):
    with pytest.raises(ConfigError) as caught:
        load_config(FusionConfig, empty, ['data=images'])
    assert 'guidance' in str(caught.value) and 'out' in str(caught.value)
    assert 'data' not in str(caught.value).split(':')[0]


def test_null_does_not_count_as_given(empty: Path):
    assert 'data' in refusal(empty, 'data=null')


@pytest.mark.parametrize('wrong', [
    'steps=many', 'steps=2.5', 'steps=null', 'steps=[1]', 'steps=.inf', 'steps=.nan', 'steps=true',
    'learning_rate=fast', 'learning_rate=null', 'batch={}', 'size=64', 'size=null', 'steps=0',
    'steps=-3', 'batch=0', 'log_every=0', 'size=[30, 64]', 'size=[64, 40]', 'size=[0, 0]',
    'size=[64]', 'size=[64, 64, 64]', 'size=64x64', 'size=[a, b]', 'size=[64.5, 64]', 'zoom=[1]',
    'zoom=wide', 'exclude_sources=kaist', 'exclude_sources=[1]', 'real=32', 'real=-1', 'out=5',
    'data=[images]', 'start=3', 'device=1', 'save_every=0', 'out=[', 'batch', 'ema=on',
    'ema=-0.1', 'ema=1.1', 'precision=int8', 'precision=16', 'minutes=0', 'minutes=-1',
    'minutes=soon', 'resume=1', 'grid_every=0', 'tensorboard=maybe', 'capture=2', 'model=large',
    'zoom=[0, 1]', 'zoom=[2, 1]', 'teacher=1', 'distillation_weight=on',
    'active=0', 'active=two', 'dense=2', 'out=runs/lr0.1', 'validation_split=train',
    'clean_share=30', 'clean_share=-0.1', 'learning_rate=0', 'learning_rate=-1e-4', 'warmup=-1',
    'weight_decay=-1e-4', 'pixel_weight=-1',
    'enhancement=0', 'enhancement=null', 'guidance_input=cooked', 'guidance_input=null'])
def test_a_value_that_cannot_work_is_refused_by_name(empty: Path, wrong: str):
    message = refusal(empty, wrong)
    assert wrong.partition('=')[0] in message


def test_guidance_from_pkdm_is_refused_without_it(empty: Path):
    message = refusal(empty, 'enhancement=false', 'guidance_input=enhanced')
    assert 'enhancement' in message and 'guidance_input' in message


def test_minutes_may_be_a_fraction_or_none(empty: Path):
    for text, value in (('2.5', 2.5), ('25', 25.0), ('null', None)):
        assert load_config(FusionConfig, empty, [*NEEDED[FusionConfig], f'minutes={text}']
                           ).minutes == value


@pytest.mark.parametrize('text', ['steps: [', '- steps\n- batch\n', 'steps', '\tsteps: 1', '5: 6'])
def test_a_file_that_is_no_mapping_is_named(tmp_path: Path, text: str):
    path = tmp_path / 'own.yaml'
    path.write_text(text)
    assert str(path) in (message := refusal(path)) or '5' in message


def test_a_folder_to_write_to_is_refused(empty: Path, tmp_path: Path):
    assert str(tmp_path) in refusal(empty, f'out={tmp_path}')


def test_a_missing_file_is_named(tmp_path: Path):
    assert str(tmp_path / 'none.yaml') in refusal(tmp_path / 'none.yaml')
    assert str(tmp_path) in refusal(tmp_path)
