# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Metrics of fused images on 8-bit luma, in torch, on CPU and CUDA.

Conventions are those of the MATLAB toolbox "Evaluation-for-Image-Fusion" (L. Tang): MI in bits and
VIF are sums over the two sources, SSIM is their mean. EN, SF, AG and SD look at the fused image
alone and reward noise; MI, VIF, vQ and tQ are won by copying one camera, Qabf by copying the one
with more edges; SCD favours the plain sum of both images and SSIM their plain mean.
"""

from degfuse_ros.evaluation.metrics.fingerprint import code_hash
from degfuse_ros.evaluation.metrics.luminance import luma
from degfuse_ros.evaluation.metrics.pair_scorer import QUALITY, ROBUSTNESS, PairScorer
from degfuse_ros.evaluation.metrics.structure import psnr

__all__ = ['QUALITY', 'ROBUSTNESS', 'PairScorer', 'code_hash', 'luma', 'psnr']
