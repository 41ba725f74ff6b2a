# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""FusionEngine: the one way from a pair of images to a fused image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from degfuse_ros.engine.device import choose_device, describe_device
from degfuse_ros.engine.errors import DeviceError, ModelError
from degfuse_ros.engine.fusion import Degradation, Fusion
from degfuse_ros.engine.models import find_model
from degfuse_ros.network.config import CLASSES, DEGRADATIONS
from degfuse_ros.network.dagm import DegradationGuidance, Guidance
from degfuse_ros.network.inference import infer, inference_network
from degfuse_ros.network.model_file import ModelFile, ModelFileError, load_model

SMALLEST = 32
"""Pixels: the deepest level still has 2 x 2 values, and reflection reaches the multiple."""


def _check_pair(visible: NDArray[np.uint8], thermal: NDArray[np.uint8]) -> None:
    """Refuse what `fuse` cannot take, with one line that says what was got."""
    for name, image in (('visible', visible), ('thermal', thermal)):
        if not isinstance(image, np.ndarray):  # OpenCV returns None for a file that it cannot read
            raise ValueError(f'{name} must be a NumPy array. Got {type(image).__name__}.')
    if visible.dtype != np.uint8 or visible.ndim != 3 or visible.shape[2] != 3:
        raise ValueError('visible must be H x W x 3 uint8 RGB. '
                         f'Got shape {visible.shape}, {visible.dtype}.')
    if thermal.dtype != np.uint8 or thermal.ndim != 2:
        raise ValueError('thermal must be H x W uint8. '
                         f'Got shape {thermal.shape}, {thermal.dtype}.')
    if visible.shape[:2] != thermal.shape:
        raise ValueError('visible and thermal must have the same height and width; register or '
                         f'resize the thermal image first. Got {visible.shape[:2]} and '
                         f'{thermal.shape}.')
    if min(thermal.shape) < SMALLEST:
        raise ValueError(f'images must be {SMALLEST} x {SMALLEST} pixels or larger. '
                         f'Got {thermal.shape[0]} x {thermal.shape[1]}.')


class FusionEngine:
    """Fuses registered pairs of visible and thermal images on one device.

    Build it with `FusionEngine.load`. On one machine and device the result is deterministic. Call
    it from one thread at a time.

    Attributes:
        device: 'cpu' or 'cuda:N'.
        device_name: the device's name as a person knows it.
        precision: 'float32' on a CPU, 'float16' for the network's convolutions on CUDA.
        model_path: the weight file.
        model_hash: SHA-256 of its tensors.
        layer_names: one name per row of `Fusion.routing`.
    """

    def __init__(self, file: ModelFile, path: Path, device: torch.device) -> None:
        self._device = device
        self._guidance = DegradationGuidance(file.config)
        self._guidance.load_state_dict(file.part('guidance'))
        self._network = inference_network(file)
        self.device = str(device)
        self.device_name = describe_device(device)
        self.precision = 'float16' if device.type == 'cuda' else 'float32'
        self.model_path = path
        self.model_hash = file.sha256
        self.layer_names: tuple[str, ...] = self._network.layer_names

    @classmethod
    def load(cls, model: str | None = None, device: str = 'auto') -> FusionEngine:
        """Read weights and build an engine.

        Args:
            model: None for the shipped weights, a shipped model's name, or a path.
            device: 'auto', 'cpu', 'cuda' or 'cuda:N'.

        Raises:
            ModelError: weights missing, altered or unreadable.
            DeviceError: CUDA asked for and absent, or out of memory.
        """
        chosen = choose_device(device)
        path = find_model(model)
        try:
            engine = cls(load_model(path), path, chosen)
        except ModelFileError as error:
            raise ModelError(str(error)) from error
        except (ImportError, RuntimeError, TypeError, ValueError, LookupError) as error:
            # The hash does not cover the structure, so that its sizes may be anything. torch lists
            # every missing tensor on a line of its own.
            reason = ' '.join(str(error).split())[:300]
            raise ModelError(f'cannot build the model in {path}: {reason}. Use a weight file that '
                             'this version of degfuse_ros wrote.') from error
        engine._move()
        return engine

    def _move(self) -> None:
        """Bring the modules to the device, in the memory layout that convolutions want."""
        try:
            for module in (self._guidance, self._network):
                module.eval().requires_grad_(False).to(self._device)
                module.to(memory_format=torch.channels_last)
        except RuntimeError as error:
            reason = ' '.join(str(error).split())[:200]
            raise DeviceError(f'cannot put the model on {self.device}: {reason}. Free memory '
                              "there or use device 'cpu'.") from error

    def fuse(self, visible: NDArray[np.uint8], thermal: NDArray[np.uint8]) -> Fusion:
        """Fuse one registered pair.

        Args:
            visible: H x W x 3 uint8, RGB, H and W 32 or more.
            thermal: H x W uint8, warm is bright.

        Returns:
            The fused image of the same size, the degradation and the routing.

        Raises:
            ValueError: images of another type, shape or size.
            RuntimeError: the device fails, or the weights give no finite answer.
        """
        _check_pair(visible, thermal)
        with torch.inference_mode(), self._exact():
            seen = self._to_device(visible).permute(2, 0, 1).unsqueeze(0)  # 1 x 3 x H x W
            heat = self._to_device(thermal)[None, None]  # 1 x 1 x H x W
            image, guidance, gates = self._run(seen / 255, heat / 255)
            pixels = (image * 255).round().to(torch.uint8)[0].permute(1, 2, 0)  # H x W x 3
            return Fusion(
                image=np.ascontiguousarray(pixels.cpu().numpy()),
                degradation=_degradation(guidance),
                routing=gates.float().cpu().numpy())

    def warm_up(self, height: int, width: int) -> None:
        """Fuse one mid-grey pair, so that the first real one of this size takes its usual time."""
        size = max(height, SMALLEST), max(width, SMALLEST)
        self.fuse(np.full((*size, 3), 128, np.uint8), np.full(size, 128, np.uint8))

    def memory_bytes(self) -> int:
        """GPU memory that PyTorch holds in this process, the CUDA context aside; 0 on a CPU."""
        return torch.cuda.memory_reserved(self._device) if self._device.type == 'cuda' else 0

    def close(self) -> None:
        """Give the device's memory back. The engine cannot fuse afterwards."""
        del self._guidance, self._network
        if self._device.type == 'cuda':
            torch.cuda.empty_cache()

    def _to_device(self, image: NDArray[np.uint8]) -> Tensor:
        # A private copy: torch cannot view read-only or negatively strided arrays.
        return torch.from_numpy(np.array(image, order='C')).to(self._device).float()

    def _exact(self) -> Any:
        """Same result for the same pair: no benchmarking of kernels, deterministic ones only."""
        return torch.backends.cudnn.flags(
            enabled=True, benchmark=False, deterministic=True, allow_tf32=False)

    def _run(self, visible: Tensor, thermal: Tensor) -> tuple[Tensor, Guidance, Tensor]:
        """Fused image, guidance and gates L x M of 1 x 3 x H x W and 1 x 1 x H x W in [0, 1]."""
        height, width = thermal.shape[-2:]
        _, fused, guidance, routing = infer(
            self._guidance, self._network, visible, thermal,
            torch.autocast(self._device.type, torch.float16, self._device.type == 'cuda'))
        return fused.image[..., :height, :width].float(), guidance, routing.decision.gates[:, 0]


def _degradation(guidance: Guidance) -> Degradation:
    scores = guidance.scores[0].double().cpu()
    if not bool(torch.isfinite(scores).all()):
        raise RuntimeError(f'the class scores are not finite: {scores.tolist()}. The weights are '
                           'damaged or the device is faulty; try another model or device.')
    scores = scores / scores.sum()
    severity = guidance.severity[0].float().cpu().tolist()
    return Degradation(
        label=CLASSES[int(scores.argmax())],
        scores=dict(zip(CLASSES, scores.tolist())),
        severity=dict(zip(DEGRADATIONS, severity)))
