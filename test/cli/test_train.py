# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse train`: exit statuses, one line per error, and one JSON line on success."""

import json
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from training_pairs import register_tower, write_pairs

from degfuse_ros.cli.main import main
from degfuse_ros.network.config import ModelConfig
from degfuse_ros.network.dagm import DegradationGuidance
from degfuse_ros.network.model_file import load_model, save_model

CONFIGS = Path(__file__).resolve().parents[2] / 'config' / 'train'
SMALL = ('size=[64, 64]', 'steps=2', 'batch=4', 'log_every=1', 'device=cpu',
         'tensorboard=false')
TINY = ModelConfig(
    widths=(8, 8, 16), hidden=(6, 6, 8), guidance_dim=32,
    tower={'image_size': 32, 'patch_size': 8, 'width': 32, 'layers': 1, 'heads': 2,
           'mlp_ratio': 2.0, 'embed_dim': 16})


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp('pairs'), [
        *[('made', 'train', name) for name in ('clean', 'clean', 'unknown', 'low_light')],
        ('made', 'val', 'clean')])


@pytest.fixture(scope='module')
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A guidance file of a network that takes milliseconds."""
    path = tmp_path_factory.mktemp('tiny') / 'guidance.safetensors'
    torch.manual_seed(3)
    save_model(path, TINY, DegradationGuidance(TINY).state_dict(), {}, {})
    return path


def process(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does."""
    return subprocess.run([sys.executable, '-m', 'degfuse_ros.cli.main', 'train', *arguments],
                          capture_output=True, text=True, timeout=170, check=False)


def refusal(capsys: pytest.CaptureFixture[str], status: int, *arguments: str) -> str:
    """Run the command here; return the one line that it leaves."""
    assert main(['train', *arguments]) == status
    output = capsys.readouterr()
    assert output.out == ''
    lines = output.err.splitlines()
    assert len(lines) == 1 and lines[0].startswith('degfuse train: ')
    return lines[0]


def result_of(stdout: str) -> dict[str, float | str]:
    """Return the last line's object; no other line may be one."""
    *others, last = stdout.splitlines()
    assert not any(line.startswith('{') for line in others)
    return json.loads(last)


def test_both_stages_with_the_shipped_settings(data: Path, tmp_path: Path,
                                               capsys: pytest.CaptureFixture[str]) -> None:
    guidance, out = tmp_path / 'guidance.safetensors', tmp_path / 'deep' / 'base.safetensors'
    # The small model and a tower of milliseconds.
    assert main(['train', 'guidance', '--config', str(CONFIGS / 'guidance.yaml'), f'data={data}',
                 f'out={guidance}', *SMALL, 'model=lite',
                 f'clip_name={register_tower(tmp_path)}']) == 0
    result = result_of(capsys.readouterr().out)
    assert {'synthetic', 'contrastive', 'severity', 'seconds'} <= set(result)
    assert result['model'] == str(guidance) and Path(str(result['checkpoint'])).is_file()
    assert load_model(guidance).part('guidance')

    assert main(['train', 'fusion', '--config', str(CONFIGS / 'fusion.yaml'), f'data={data}',
                 f'guidance={guidance}', f'out={out}', *SMALL, 'real=1']) == 0
    result = result_of(capsys.readouterr().out)
    assert {'visible_psnr', 'fused_psnr', 'loss', 'pixel', 'prior', 'seconds'} <= set(result)
    assert load_model(out).part('fusion')
    assert out.with_suffix('.csv').is_file()


def settings(data: Path, tiny: Path, out: Path, *others: str) -> list[str]:
    return ['fusion', '--config', str(CONFIGS / 'fusion.yaml'), f'data={data}',
            f'guidance={tiny}', f'out={out}', *SMALL, 'real=1', *others]


def test_a_stopped_run_names_the_command_that_goes_on(
        data: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / 'with space.safetensors'
    assert main(['train', *settings(data, tiny, out, 'minutes=1e-9')]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert 'after step 1 of 2' in last and str(out.with_suffix('.checkpoint.pt')) in last
    program, *command = shlex.split(last.partition('Go on with: ')[2])
    assert program == 'degfuse' and command[-1] == 'resume=true'
    assert main(command) == 0
    output = capsys.readouterr().out
    assert 'from step 1 on' in output and result_of(output)['steps'] == 2


def test_a_killed_run_leaves_a_checkpoint_and_says_so(data: Path, tiny: Path,
                                                      tmp_path: Path) -> None:
    out = tmp_path / 'base.safetensors'
    command = [sys.executable, '-m', 'degfuse_ros.cli.main', 'train',
               *settings(data, tiny, out, 'steps=100000', 'grid_every=100000')]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as running:
        limit = time.monotonic() + 100
        while not out.with_suffix('.csv').exists() and time.monotonic() < limit:
            time.sleep(0.1)
        running.send_signal(signal.SIGTERM)
        stdout, stderr = running.communicate(timeout=60)
    assert running.returncode == 128 + signal.SIGTERM, stderr
    last = stdout.splitlines()[-1]
    assert 'SIGTERM' in last and 'resume=true' in last
    assert 'Traceback' not in stderr and load_model(out).part('fusion')
    state = torch.load(out.with_suffix('.checkpoint.pt'), weights_only=True)
    assert 1 <= state['step'] < 100000


def test_a_missing_config_ends_with_one_line_and_status_2(tmp_path: Path) -> None:
    done = process('fusion', '--config', str(tmp_path / 'none.yaml'))
    assert done.returncode == 2
    assert done.stdout == ''
    assert done.stderr.splitlines() == [
        f'degfuse train: no config file at {tmp_path / "none.yaml"}. The package ships '
        'config/train/*.yaml.']


@pytest.mark.parametrize(('setting', 'said'), [
    ('stepps=3', "'steps'"), ('steps=none', 'steps'), ('size=[64, 65]', 'size'),
    ('steps', 'key=value'), ('device=coda', "'coda'"), ('clip_name=ViT-X', "'ViT-X'"),
    ('clip_checkpoint=no/clip.pt', 'no/clip.pt')])
def test_settings_that_cannot_work(data: Path, tmp_path: Path, setting: str, said: str,
                                   capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ('guidance', '--config', str(CONFIGS / 'guidance.yaml'), f'data={data}',
                 f'out={tmp_path / "out.safetensors"}', *SMALL, setting)
    assert main(['train', *arguments]) == 2
    output = capsys.readouterr()
    assert len(output.err.splitlines()) == 1 and said in output.err
    assert '{' not in output.out
    assert not (tmp_path / 'out.safetensors').exists()


@pytest.mark.parametrize('stage', ['guidance', 'fusion'])
def test_needed_settings_are_asked_for(stage: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = refusal(capsys, 2, stage, '--config', str(CONFIGS / f'{stage}.yaml'))
    assert 'data' in line and 'out' in line


@pytest.mark.parametrize('stage', ['guidance', 'fusion'])
def test_no_data(stage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    needed = [f'data={tmp_path}', f'out={tmp_path / "out.safetensors"}']
    needed += ['guidance=none.safetensors'] if stage == 'fusion' else []
    line = refusal(capsys, 1, stage, '--config', str(CONFIGS / f'{stage}.yaml'), *needed, *SMALL,
                   *(['real=0'] if stage == 'fusion' else []))
    assert str(tmp_path) in line and 'pairs.csv' in line


def test_no_guidance_file(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / 'guidance.safetensors'
    assert main(['train', 'fusion', '--config', str(CONFIGS / 'fusion.yaml'), f'data={data}',
                 f'guidance={path}', f'out={tmp_path / "out.safetensors"}', *SMALL,
                 'real=0']) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and str(path) in lines[0]


def test_too_little_memory_is_one_line(data: Path, tiny: Path, tmp_path: Path,
                                      monkeypatch: pytest.MonkeyPatch,
                                      capsys: pytest.CaptureFixture[str]) -> None:
    def full(*arguments: object) -> None:
        raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 20 MiB. GPU 0 has')
    monkeypatch.setattr('degfuse_ros.training.fusion.train', full)
    line = refusal(capsys, 1, *settings(data, tiny, tmp_path / 'out.safetensors'))
    assert 'CUDA out of memory. Halve batch' in line


def test_a_folder_that_cannot_be_made(data: Path, tmp_path: Path,
                                      capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / 'file').write_text('in the way')
    assert main(['train', 'guidance', '--config', str(CONFIGS / 'guidance.yaml'), f'data={data}',
                 f'out={tmp_path / "file" / "out.safetensors"}', *SMALL]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if 'degfuse train' in line]
    assert len(lines) == 1 and str(tmp_path / 'file') in lines[0]


@pytest.mark.parametrize('arguments', [[], ['guidance'], ['vision', '--config', 'a.yaml'],
                                       ['fusion', '--config']])
def test_an_incomplete_command_line(arguments: list[str],
                                    capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(['train', *arguments])
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
