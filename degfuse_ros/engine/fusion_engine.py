# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""FusionEngine: the one way from a pair of images to a fused image."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from degfuse_ros.engine.background_compiler import BackgroundCompiler
from degfuse_ros.engine.cuda_calls import CudaCalls
from degfuse_ros.engine.device import (
    choose_device,
    choose_precision,
    describe_device,
    is_device_failure,
    one_line,
)
from degfuse_ros.engine.errors import DeviceError, EngineError, ModelError
from degfuse_ros.engine.fast_path import FastPath
from degfuse_ros.engine.fusion import Answer, Degradation, Fusion, Pair
from degfuse_ros.engine.models import find_model
from degfuse_ros.engine.plain_path import PlainPath
from degfuse_ros.engine.staged_forward import StagedForward
from degfuse_ros.engine.steady_guidance import SteadyGuidance
from degfuse_ros.network.config import CLASSES, DEGRADATIONS
from degfuse_ros.network.dagm import DegradationGuidance
from degfuse_ros.network.inference import inference_network
from degfuse_ros.network.model_file import ModelFile, ModelFileError, load_model

SMALLEST = 32
"""Pixels: the deepest level still has 2 x 2 values, and reflection reaches the multiple."""


def _check_array(name: str, image: object) -> None:
    if not isinstance(image, np.ndarray):  # OpenCV returns None for a file that it cannot read
        raise ValueError(f'{name} must be a NumPy array. Got {type(image).__name__}.')


def _check_visible(visible: NDArray[np.uint8]) -> None:
    _check_array('visible', visible)
    if visible.dtype != np.uint8 or visible.ndim != 3 or visible.shape[2] != 3:
        raise ValueError('visible must be H x W x 3 uint8 RGB. '
                         f'Got shape {visible.shape}, {visible.dtype}.')


def _check_pair(visible: NDArray[np.uint8], thermal: NDArray[np.uint8]) -> None:
    """Refuse what `fuse` cannot take, with one line that says what was got."""
    _check_visible(visible)
    _check_array('thermal', thermal)
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


def _check_coverage(coverage: NDArray[np.float32] | None, shape: tuple[int, ...]) -> None:
    """Refuse a coverage that does not belong to a pair of this height and width."""
    if coverage is not None and (coverage.shape != shape or coverage.dtype != np.float32):
        raise ValueError(f"coverage must be float32 of the images' height and width, {shape}. "
                         f'Got shape {coverage.shape}, {coverage.dtype}.')


def _check_batch(pairs: list[Pair]) -> None:
    """Refuse what `fuse_batch` cannot take."""
    for pair in pairs:
        _check_pair(pair.visible, pair.thermal)
        _check_coverage(pair.coverage, pair.thermal.shape)
    shapes = sorted({pair.thermal.shape for pair in pairs})
    if len(shapes) > 1:
        raise ValueError('all pairs of a batch must have one size; fuse the others in a batch of '
                         f'their own. Got {", ".join(map(str, shapes))}.')


class FusionEngine:
    """Fuses registered pairs of visible and thermal images on one device.

    Build it with `FusionEngine.load`. On one machine and device the result is deterministic, but
    for `compile`, whose code rounds otherwise from the frame on from which it is used. Call it
    from one thread at a time.

    Attributes:
        device: 'cpu' or 'cuda:N'.
        device_name: the device's name as a person knows it.
        precision: of the network's convolutions: 'float32' or 'bfloat16' on a CPU, 'float16' on
            CUDA.
        model_path: the weight file.
        model_hash: SHA-256 of its tensors.
        layer_names: one name per row of `Fusion.routing`.
        guidance_period: every how many frames the guidance runs.
    """

    def __init__(self, file: ModelFile, path: Path, device: torch.device,
                 guidance_period: int = 1, precision: torch.dtype = torch.float32) -> None:
        self._device, self._precision = device, precision
        self._steady = SteadyGuidance(guidance_period)
        self._guidance = DegradationGuidance(file.config)
        self._guidance.load_state_dict(file.part('guidance'))
        self._network = inference_network(file)
        self.device = str(device)
        self.device_name = describe_device(device)
        self.precision = str(precision).removeprefix('torch.')
        self.model_path = path
        self.model_hash = file.sha256
        self.layer_names: tuple[str, ...] = self._network.layer_names
        self.guidance_period = guidance_period
        self._path: PlainPath | FastPath

    @classmethod
    def load(cls, model: str | None = None, device: str = 'auto', guidance_period: int = 1,
             compile: bool = False, precision: str = 'auto') -> FusionEngine:
        """Read weights and build an engine.

        Args:
            model: None for the shipped weights, a shipped model's name, or a path.
            device: 'auto', 'cpu', 'cuda' or 'cuda:N'.
            guidance_period: run the guidance in every n-th frame of a stream. Above 1 it is
                smoothed over its looks, and class and routing keep until others lead clearly;
                see `reset`. 1: every frame stands for itself.
            compile: on CUDA, compile each size in the background, for half a minute or more the
                first time; other frames are served meanwhile. Without effect on a CPU.
            precision: 'auto': float16 on CUDA, float32 on a CPU. 'bfloat16': faster on a CPU that
                has instructions for it, at most a few grey levels off. 'float32': CPU only.

        Raises:
            ModelError: weights missing, altered or unreadable.
            DeviceError: CUDA asked for and absent, or out of memory, or a precision that the
                device does not have.
            ValueError: a `guidance_period` below 1 or an unknown precision.
        """
        chosen = choose_device(device)
        SteadyGuidance(guidance_period)  # refused before the weights are read
        rounding = choose_precision(precision, chosen)
        path = find_model(model)
        try:
            engine = cls(load_model(path), path, chosen, guidance_period, rounding)
        except ModelFileError as error:
            raise ModelError(str(error)) from error
        except (ImportError, RuntimeError, TypeError, ValueError, LookupError) as error:
            # The hash does not cover the structure, so that its sizes may be anything. torch lists
            # every missing tensor on a line of its own.
            raise ModelError(f'cannot build the model in {path}: {one_line(error, 300)}. Use a '
                             'weight file that this version of degfuse_ros wrote.') from error
        engine._move(compile)
        return engine

    def _move(self, compile: bool) -> None:
        """Bring the modules to the device, in the memory layout that convolutions want."""
        period = self.guidance_period
        try:
            for module in (self._guidance, self._network):
                module.eval().requires_grad_(False).to(self._device)
                module.to(memory_format=torch.channels_last)
            if self._device.type == 'cpu':
                self._path = PlainPath(self._guidance, self._network, period, self._precision)
                return
            calls = CudaCalls(self._device)
            with calls.active():
                forward = StagedForward(
                    self._guidance, self._network, self._precision, calls.aside)
                calls.wait()
        except RuntimeError as error:
            raise DeviceError(f'cannot put the model on {self.device}: {one_line(error)}. Free '
                              "memory there or use device 'cpu'.") from error
        self._path = FastPath(forward, calls, period,
                              BackgroundCompiler(forward.in_a_row()) if compile else None)

    def fuse(self, visible: NDArray[np.uint8], thermal: NDArray[np.uint8],
             coverage: NDArray[np.float32] | None = None) -> Fusion:
        """Fuse one registered pair.

        Args:
            visible: H x W x 3 uint8, RGB, H and W 32 or more.
            thermal: H x W uint8, warm is bright.
            coverage: H x W float32 in [0, 1], where the thermal image is valid: at 0 the result
                is the restored visible image alone. None: everywhere.

        Returns:
            The fused image of the same size, the degradation and the routing.

        Raises:
            ValueError: images of another type, shape or size.
            DeviceError: the device fails.
            RuntimeError: the weights give no finite answer.
        """
        return self.fuse_batch([Pair(visible, thermal, coverage)])[0]

    def restore(self, visible: NDArray[np.uint8]) -> Fusion:
        """Restore a visible image alone, as when the thermal camera is gone.

        The image is PKDM's. Degradation and routing are those of the image with its own green
        channel, the one nearest to its brightness, in place of the thermal image.

        Args:
            visible: H x W x 3 uint8, RGB, H and W 32 or more.

        Raises:
            As `fuse`.
        """
        _check_visible(visible)
        return self.fuse(visible, visible[..., 1], np.zeros(visible.shape[:2], np.float32))

    def fuse_batch(self, pairs: Sequence[
            tuple[NDArray[np.uint8], NDArray[np.uint8]]
            | tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float32] | None]],
            stream: Hashable = None) -> list[Fusion]:
        """Fuse registered pairs of one size, such as those of several rigs.

        A GPU works on all of them at once. Each gets its own degradation and routing. With a
        `guidance_period` above 1 the n-th pair of a batch follows the n-th of the last batch.

        Args:
            pairs: visible and thermal image each, as `fuse` takes them, and a coverage or none.
            stream: whose pairs these are, as the rigs' names: what another stream's frames left
                is forgotten.

        Returns:
            One fusion per pair, in order.

        Raises:
            ValueError: images of another type or shape, or pairs of several sizes.
            DeviceError: the device fails.
            RuntimeError: the weights give no finite answer.
        """
        batch = [Pair(*pair) for pair in pairs]
        _check_batch(batch)
        if not batch:
            return []
        covered = any(pair.coverage is not None for pair in batch)
        anew, look = self._steady.start((stream, len(batch), batch[0].thermal.shape, covered))
        try:
            answers = self._path.fuse(batch, anew, look)
            return [self._describe(row, answer) for row, answer in enumerate(answers)]
        except RuntimeError as error:
            self._steady.reset()  # what was remembered may be incomplete
            if isinstance(error, EngineError) or not is_device_failure(error):
                raise
            raise DeviceError(f'{self.device} ({self.device_name}) failed: {one_line(error)}. '
                              "Start the program again, or use device 'cpu'.") from error

    def _describe(self, row: int, answer: Answer) -> Fusion:
        # Plain numbers: a tensor's call takes longer than all of this.
        if not all(map(math.isfinite, answer.scores)):
            raise RuntimeError(f'the class scores are not finite: {answer.scores}. The weights '
                               'are damaged or the device is faulty; try another model or device.')
        total = math.fsum(answer.scores)
        scores = [score / total for score in answer.scores]
        return Fusion(answer.image, Degradation(
            label=CLASSES[self._steady.label(row, scores)],
            scores=dict(zip(CLASSES, scores)),
            severity=dict(zip(DEGRADATIONS, answer.severity))), answer.routing)

    def reset(self) -> None:
        """Forget earlier frames: another stream begins. Also try again what memory prevented."""
        self._steady.reset()
        self._path.reset()

    @property
    def execution(self) -> str:
        """How the last batch was computed: 'plain', 'eager', 'graph' or 'compiled graph'."""
        return self._path.execution

    @property
    def memory_fallbacks(self) -> int:
        """How often the device had too little memory, so that a slower way was taken."""
        return self._path.memory_fallbacks

    @property
    def problem(self) -> str:
        """Why a slower way than possible is taken, on one line; '' if nothing is wrong."""
        return self._path.problem

    @property
    def compiling(self) -> bool:
        """Whether a faster way is still to come: `compile` was asked for and is not in use."""
        return self._path.compiling

    def warm_up(self, height: int, width: int, batch: int = 1) -> None:
        """Fuse mid-grey pairs, so that the first real ones of this size take their usual time."""
        size = max(height, SMALLEST), max(width, SMALLEST)
        pair = Pair(np.full((*size, 3), 128, np.uint8), np.full(size, 128, np.uint8))
        for _ in range(self._path.warm_up_frames):
            self.fuse_batch([pair] * batch)
        self._steady.reset()

    def memory_bytes(self) -> int:
        """GPU memory that PyTorch holds in this process, the CUDA context aside; 0 on a CPU."""
        return torch.cuda.memory_reserved(self._device) if self._device.type == 'cuda' else 0

    def close(self) -> None:
        """Give the device's memory back. The engine cannot fuse afterwards."""
        del self._guidance, self._network
        self._path.close()
