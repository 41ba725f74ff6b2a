# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""A captured step against the same step kernel by kernel; needs a GPU."""

import dataclasses

import pytest
import torch
from torch import Tensor, nn

from degfuse_ros.training.captured import CapturedGradients


@dataclasses.dataclass(frozen=True)
class Batch:
    """Pictures and a number that never changes."""

    image: Tensor
    factor: int


@pytest.mark.skipif(not torch.cuda.is_available(), reason='no CUDA device: nothing to capture on')
def test_a_replay_gives_terms_and_gradients_of_the_step_by_hand():
    torch.manual_seed(1)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.LeakyReLU(), nn.Conv2d(8, 1, 3)).cuda()
    weights = list(network.parameters())

    def gradients(batch: Batch) -> dict[str, Tensor]:
        loss = batch.factor * network(batch.image).square().mean()
        loss.backward()
        return {'loss': loss.detach()}

    captured = CapturedGradients(gradients, weights)
    for seed in range(4):
        image = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(seed)).cuda()
        terms = {name: value.clone() for name, value in captured(Batch(image, 3)).items()}
        found = [weight.grad.clone() for weight in weights if weight.grad is not None]
        expected = 3 * network(image).square().mean()
        given = torch.autograd.grad(expected, weights)
        torch.testing.assert_close(terms['loss'], expected.detach(), rtol=1e-3, atol=1e-5)
        assert len(found) == len(given)
        for one, two in zip(found, given):
            torch.testing.assert_close(one, two, rtol=1e-2, atol=1e-4)
        with torch.no_grad():  # as an optimiser does, in place
            torch._foreach_add_([*weights], found, alpha=-0.1)
