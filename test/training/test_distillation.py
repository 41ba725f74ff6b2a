# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Distillation: the loss against SciPy, the teacher against the engine, a student that learns."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage
from small_model import write_small_model
from torch import Tensor, nn

from degfuse_ros.engine import FusionEngine
from degfuse_ros.network.dagm import DegradationGuidance
from degfuse_ros.network.fusion_network import FusionNetwork, Routing
from degfuse_ros.network.model_file import ModelFileError, load_model, save_model
from degfuse_ros.training.distillation import GRADIENT_SHARE, Teacher, distillation_loss

CPU = torch.device('cpu')


def pictures(count: int = 2, height: int = 48, width: int = 64) -> tuple[Tensor, Tensor]:
    """Smooth random visible and thermal images whose values are whole grey levels."""
    generator = torch.Generator().manual_seed(3)
    coarse = torch.rand(count, 4, height // 8, width // 8, generator=generator)
    fine = nn.functional.interpolate(coarse, (height, width), mode='bilinear')
    fine = (fine * 255).round() / 255
    return fine[:, :3], fine[:, 3:]


def scramble(network: FusionNetwork) -> None:
    """Leave the gentle start: heads and PKDM do something, and images are routed differently."""
    weights = dict(network.named_parameters())
    weights['fused_head.2.weight'].normal_(0, 0.1)
    weights['gate.weight'].normal_()
    weights['enhancement.curve.maps.bias'].fill_(-0.1)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_small_model(tmp_path / 'teacher.safetensors', scramble)


def test_the_loss_is_that_of_scipy():
    student, teacher = torch.rand(2, 2, 3, 12, 16, generator=torch.Generator().manual_seed(0))
    difference = (student - teacher).double().numpy()
    value = np.abs(difference).mean()
    luma = np.tensordot(difference, np.array([0.299, 0.587, 0.114]), (1, 0))  # linear in both
    edges = np.mean([np.abs(ndimage.sobel(image, axis, mode='nearest'))
                     for image in luma for axis in (0, 1)]) * 2  # one mean for each axis
    expected = value + GRADIENT_SHARE * edges
    assert float(distillation_loss(student, teacher)) == pytest.approx(expected, rel=1e-5)


def test_equal_images_cost_nothing_and_edges_more_than_an_offset():
    visible, _ = pictures()
    assert float(distillation_loss(visible, visible)) == 0
    stripes = torch.tensor([0.05, 0.05, -0.05, -0.05]).repeat(16).expand_as(visible)
    offset = stripes.abs()
    assert (distillation_loss(visible + stripes, visible)
            > 2 * distillation_loss(visible + offset, visible))


def test_only_the_student_receives_a_gradient():
    student, teacher = torch.rand(2, 1, 3, 8, 8, requires_grad=True).unbind(0)
    student.retain_grad()
    teacher.retain_grad()
    distillation_loss(student, teacher).backward()
    assert student.grad is not None and student.grad.abs().sum() > 0
    assert teacher.grad is None


def test_the_teacher_fuses_a_batch_as_the_engine_fuses_its_images(model: Path):
    visible, thermal = pictures(3)
    fused = Teacher(model, CPU).fuse(visible, thermal)
    assert fused.shape == visible.shape and fused.dtype == torch.float32
    engine = FusionEngine.load(str(model), 'cpu')
    for one, heat, expected in zip(visible, thermal, fused):
        image = engine.fuse((one * 255).round().to(torch.uint8).permute(1, 2, 0).numpy(),
                            (heat[0] * 255).round().to(torch.uint8).numpy()).image
        found = (expected * 255).permute(1, 2, 0).numpy()
        assert np.abs(found - image).max() < 0.51, 'the engine rounds to whole grey levels'
        assert np.abs(found - (one * 255).permute(1, 2, 0).numpy()).max() > 5


def test_the_teacher_stays_as_it_is(model: Path):
    visible, thermal = pictures()
    teacher = Teacher(model, CPU)
    first = teacher.fuse(visible.requires_grad_(), thermal)
    assert not first.requires_grad
    assert torch.equal(first, teacher.fuse(visible, thermal)), 'no noise in its gates'


def test_bf16_does_not_change_the_teachers_experts(model: Path, monkeypatch: pytest.MonkeyPatch):
    visible, thermal = pictures(3)
    teacher, gates = Teacher(model, CPU), []
    route = FusionNetwork.route

    def kept(network: FusionNetwork, *arguments: Any) -> Routing:
        routing = route(network, *arguments)
        gates.append(routing.decision.gates)
        return routing

    monkeypatch.setattr(FusionNetwork, 'route', kept)
    exact = teacher.fuse(visible, thermal)
    with torch.autocast('cpu', torch.bfloat16):
        rounded = teacher.fuse(visible, thermal)
    assert torch.equal(*gates) and rounded.dtype == torch.float32
    assert not torch.equal(exact, rounded)
    torch.testing.assert_close(rounded, exact, rtol=0, atol=0.05)


def test_a_student_comes_near_its_teacher(model: Path, tmp_path: Path):
    visible, thermal = pictures()
    target = Teacher(model, CPU).fuse(visible, thermal)
    file = load_model(write_small_model(tmp_path / 'student.safetensors', widths=(4, 6)))
    guidance, network = DegradationGuidance(file.config), FusionNetwork(file.config)
    optimiser = torch.optim.Adam(network.parameters(), 5e-3)
    vector = guidance(visible, thermal).vector.detach()
    course = []
    for _ in range(30):
        fused, _ = network.fuse(network.enhance(visible, thermal), network.route(vector))
        loss = distillation_loss(fused.image, target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        course.append(float(loss.detach()))
    assert course[-1] < 0.6 * course[0]


def test_a_file_of_stage_1_cannot_teach(model: Path, tmp_path: Path):
    file = load_model(model)
    path = tmp_path / 'guidance.safetensors'
    save_model(path, file.config, file.part('guidance'), {}, {})
    with pytest.raises(ModelFileError) as caught:
        Teacher(path, CPU)
    assert str(path) in str(caught.value) and '\n' not in str(caught.value)
    with pytest.raises(ModelFileError, match='no weight file'):
        Teacher(tmp_path / 'absent.safetensors', CPU)
