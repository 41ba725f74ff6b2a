# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""`degfuse train`: exit statuses, one line per error, and one JSON line on success."""
import json
import subprocess
import sys
from pathlib import Path

import pytest
from training_pairs import write_pairs

from degfuse_ros.cli.main import main
from degfuse_ros.network.model_file import load_model

CONFIGS = Path(__file__).resolve().parents[2] / 'config' / 'train'
SMALL = ('size=[64, 64]', 'steps=2', 'batch=4', 'log_every=1', 'device=cpu')


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pairs(tmp_path_factory.mktemp('pairs'), [
        *[('made', 'train', name) for name in ('clean', 'clean', 'unknown', 'low_light')],
        ('made', 'val', 'clean')])


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


def result_of(stdout: str) -> dict[str, float]:
    """Return the last line's object; no other line may be one."""
    *others, last = stdout.splitlines()
    assert not any(line.startswith('{') for line in others)
    return json.loads(last)


def test_both_stages_with_the_shipped_settings(data: Path, tmp_path: Path,
                                               capsys: pytest.CaptureFixture[str]) -> None:
    guidance, out = tmp_path / 'guidance.safetensors', tmp_path / 'deep' / 'base.safetensors'
    done = process('guidance', '--config', str(CONFIGS / 'guidance.yaml'), f'data={data}',
                   f'out={guidance}', *SMALL)
    assert done.returncode == 0, done.stderr
    result = result_of(done.stdout)
    assert {'synthetic', 'contrastive', 'severity', 'seconds'} <= set(result)
    assert all(isinstance(value, float | int) for value in result.values())
    assert 'Traceback' not in done.stderr
    assert load_model(guidance).part('guidance')

    assert main(['train', 'fusion', '--config', str(CONFIGS / 'fusion.yaml'), f'data={data}',
                 f'guidance={guidance}', f'out={out}', *SMALL, 'real=1']) == 0
    result = result_of(capsys.readouterr().out)
    assert {'loss', 'pixel', 'prior', 'seconds'} <= set(result)
    assert load_model(out).part('fusion')
    assert out.with_suffix('.csv').is_file()


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
