# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""JPEG against OpenCV's encoder."""

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from degfuse_ros.training.degradations.jpeg import jpeg


def scene(height: int, width: int) -> np.ndarray:
    """A smooth colour picture with edges, H x W x 3 uint8 RGB."""
    random = np.random.default_rng(0)
    coarse = random.integers(30, 226, (8, 10, 3)).astype(np.uint8)
    image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    image[height // 3:height // 2, width // 4:width // 2] = (200, 40, 60)
    return image


def as_tensor(image: np.ndarray) -> Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255


def ours(image: np.ndarray, coarseness: float) -> np.ndarray:
    result = jpeg(as_tensor(image), torch.full((1, 1, 1, 1), coarseness))
    return (result[0].permute(1, 2, 0).numpy() * 255).round()


def opencv(image: np.ndarray, quality: int) -> np.ndarray:
    """Compress by libjpeg with 4:2:0."""
    done, data = cv2.imencode('.jpg', image[..., ::-1], [
        cv2.IMWRITE_JPEG_QUALITY, quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420])
    assert done
    back = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert back is not None
    return back[..., ::-1].astype(np.float64)


def distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.sqrt(np.mean((one.astype(np.float64) - other) ** 2)))


# libjpeg: the factor on the tables is 50 / quality below 50, 2 - quality / 50 above.
@pytest.mark.parametrize(('quality', 'coarseness'), [(25, 2.0), (50, 1.0), (75, 0.5)])
@pytest.mark.parametrize('size', [(96, 128), (90, 117)])
def test_it_loses_what_libjpeg_loses(quality: int, coarseness: float, size: tuple[int, int]):
    image = scene(*size)
    theirs, here = opencv(image, quality), ours(image, coarseness)
    assert distance(here, image) == pytest.approx(distance(theirs, image), rel=0.2)
    # Nearer to each other than either is to the original: the same blocks, not just as many.
    assert distance(here, theirs) < 0.7 * distance(here, image)


def test_finer_tables_lose_less():
    image = scene(96, 128)
    errors = [distance(ours(image, coarseness), image) for coarseness in (2.0, 1.0, 0.5, 0.1)]
    assert errors == sorted(errors, reverse=True)


def test_each_picture_has_its_own_quality():
    image = as_tensor(scene(48, 64)).repeat(2, 1, 1, 1)
    both = jpeg(image, torch.tensor([0.1, 2.0]).view(2, 1, 1, 1))
    for index, coarseness in enumerate((0.1, 2.0)):
        alone = jpeg(image[:1], torch.full((1, 1, 1, 1), coarseness))
        torch.testing.assert_close(both[index:index + 1], alone, rtol=0, atol=1e-5)
