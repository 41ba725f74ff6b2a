# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Made-up results and samples as an evaluation has them: what the report is tested on."""

from __future__ import annotations

from typing import Any

import numpy as np

from degfuse_ros.evaluation.sample import Sample

QUALITY = ('EN', 'SF', 'AG', 'SD', 'MI', 'VIF', 'Qabf', 'SCD', 'SSIM', 'vQ', 'tQ')
CLASSES = ['clean', 'fog', 'low_light', 'overexposed', 'rain']
KINDS = ['fog_uniform', 'fog_depth', 'low_light', 'overexposed', 'rain', 'fog_low_light',
         'rain_low_light']
LAYERS = ['encoder 1', 'encoder 2', 'encoder 3', 'encoder 4', 'decoder 3', 'decoder 2',
          'decoder 1']
KERNELS = ['1x3', '1x5', '1x7', '3x1', '5x1', '7x1', '3x3', '5x5']

# Method: kind, vQ and tQ of one set, kept, recall: near what such methods reach.
METHODS = {
    'visible only': ('source', 0.975, 0.110, 0.0, 0.41),
    'thermal only': ('source', 0.187, 0.975, 0.0, 0.28),
    'mean': ('baseline', 0.355, 0.443, 0.30, 0.35),
    'max': ('baseline', 0.648, 0.450, 0.36, 0.43),
    'Laplacian pyramid': ('baseline', 0.403, 0.743, 0.33, 0.40),
    'auto-levels + Laplacian pyramid': ('baseline', 0.418, 0.625, 0.41, 0.46),
    'two-stage (CLAHE)': ('two-stage', 0.418, 0.671, 0.44, 0.49),
    'two-stage (curve)': ('two-stage', 0.406, 0.690, 0.45, 0.48),
    'their <b>folder</b>': ('folder', 0.511, 0.601, 0.31, 0.39),
    'degfuse': ('model', 0.561, 0.642, 0.53, 0.57),
    'degfuse, dense': ('model', 0.532, 0.655, 0.49, 0.55),
}

# Of the rivals' networks, on RoadScene: vQ and tQ.
PUBLISHED = {
    'DATFuse': (0.5371, 0.4259), 'DIDFuse': (0.3821, 0.4642), 'DenseFuse': (0.3545, 0.4446),
    'IFCNN-MAX': (0.3924, 0.6859), 'ITFuse': (0.2695, 0.1811), 'LUT-Fuse': (0.4856, 0.3711),
    'ReCoNet': (0.4411, 0.3489), 'SDNet': (0.332, 0.6866), 'SeAFusion': (0.4336, 0.5697),
    'TarDAL': (0.3051, 0.5114), 'TarDAL++': (0.1954, 0.3212), 'U2Fusion': (0.3822, 0.6355),
}

MODELS = ('degfuse', 'degfuse, dense')


def make_results() -> dict[str, Any]:
    """Return results with every part filled."""
    groups = {'roadscene_val': 50, 'msrs_val_day': 21, 'msrs_val_night': 21}
    return {
        'schema': 1, 'command': 'degfuse evaluate --data pairs --split val --out report',
        'versions': {'degfuse_ros': '0.3.0', 'torch': '2.14.1'}, 'metric_code': 'ab' * 32,
        'benchmark_code': 'ba' * 32,
        'seed': 0, 'device': 'cpu',
        'data': {'folder': 'pairs', 'split': 'val', 'pairs': 92, 'groups': groups,
                 'sha256': 'dc' * 32, 'left_out': ['FLIR_1 <x>: the thermal image is missing'],
                 'notes': []},
        'models': [_model(name) for name in MODELS],
        'methods': [{'name': name, 'kind': row[0]} for name, row in METHODS.items()],
        'quality': {group: {name: _quality(row[1], row[2], number)
                            for name, row in METHODS.items()}
                    for number, group in enumerate(groups)},
        'published': {'roadscene_val': {name: _quality(*row, 0)
                                        for name, row in PUBLISHED.items()}},
        'robustness': _robustness(), 'detection': _detection(),
        'recognition': {name: _recognition(9 * number) for number, name in enumerate(MODELS)},
        'routing': {name: _routing(number) for number, name in enumerate(MODELS)},
        'flicker': {'m3svd_smoke': _flicker()},
        'worst': [{'title': 'FLIR_07, fog_depth_3', 'text': 'kept 0.11 & called clean'}],
    }


def make_nothing() -> dict[str, Any]:
    """Return results of an evaluation that was asked for as little as possible."""
    results = make_results()
    return {**results, 'models': [], 'published': {}, 'robustness': None,
            'detection': None, 'recognition': {}, 'routing': {}, 'flicker': {}, 'worst': [],
            'methods': [{'name': 'mean', 'kind': 'baseline'}],
            'data': {**results['data'], 'groups': {'pairs': 2}, 'left_out': []},
            'quality': {'pairs': {'mean': _quality(0.4, 0.4, 0)}}}


def make_undegraded() -> dict[str, Any]:
    """Return results of an evaluation that degraded nothing: models saw no synthetic image."""
    results = make_results()
    nothing: dict[str, Any] = {'count': 0, 'accuracy': None, 'balanced': None, 'per_class': {},
                               'classes': CLASSES, 'confusion': [[0] * 5] * 5,
                               'severity_error': {}, 'severity_absent': {}, 'severity_order': {}}
    for found in results['recognition'].values():
        found |= {'synthetic': nothing,
                  'combined': {'count': 0, 'one_of_both': None, 'both_seen': None}}
    for found in results['routing'].values():
        found |= {'conditions': [], 'heat': {}, 'distance': [], 'claims': []}
    return {**results, 'robustness': None, 'detection': None}


def make_samples() -> list[Sample]:
    """Return a worst case and another sample of three small pictures each."""
    random = np.random.default_rng(0)
    pictures = [(caption, random.integers(0, 256, (6, 8, 3), np.uint8).repeat(8, 0).repeat(8, 1))
                for caption in ('visible', 'thermal', 'degfuse')]
    return [Sample('FLIR_07, fog_depth_3', 'kept 0.11 & called clean', pictures, (8, 16, 12, 16),
                   'Worst cases'),
            Sample('FLIR_09', 'as it is', pictures, (0, 0, 12, 16), 'roadscene_val')]


def _model(name: str) -> dict[str, Any]:
    dense = name.endswith('dense')
    return {'name': name, 'file': f'models/{name}.safetensors', 'sha256': 'cd' * 32,
            'parameters': {'fusion': 3_200_000, 'guidance': 3_100_000},
            'structure': {'enhancement': True, 'guidance': 'raw', 'experts': 1 if dense else 8,
                          'active': 1 if dense else 2}}


def _quality(visible: float, thermal: float, number: int) -> dict[str, float]:
    """Return scores of one method in one group; later groups show more of the visible image."""
    visible, thermal = min(1.0, visible * (1 + 0.2 * number)), thermal * (1 - 0.2 * number)
    other = {'EN': 7.1, 'SF': 14.2, 'AG': 5.1, 'SD': 44.0, 'MI': 3.1, 'VIF': 0.62,
             'Qabf': 0.53, 'SCD': 1.31, 'SSIM': 0.69}
    return {**{key: value * (0.8 + 0.4 * visible) for key, value in other.items()},
            'vQ': visible, 'tQ': thermal}


def _robustness() -> dict[str, Any]:
    cases = [f'{kind}_{level}' for kind in KINDS for level in (1, 2, 3)]
    by_case = {case: {name: _robust(row, int(case[-1]), KINDS.index(case[:-2]))
                      for name, row in METHODS.items()} for case in cases}
    mean = {name: {key: float(np.mean([by_case[case][name][key] for case in cases]))
                   for key in by_case[cases[0]][name]} for name in METHODS}
    clean = {name: _robust(row, 0, 0) for name, row in METHODS.items()}
    return {'pairs': 31, 'cases': cases, 'kinds': KINDS, 'by_case': by_case, 'clean': clean,
            'mean': mean}


def _robust(row: tuple[str, float, float, float, float], level: int, kind: int
            ) -> dict[str, float]:
    fade = 1.25 - 0.02 * kind - 0.2 * level * (0.7 if row[0] in ('model', 'two-stage') else 1.0)
    scores = {'kept': row[3] * fade, 'vQ': row[1] * fade * 0.8, 'tQ': row[2], 'SCD': 1.2 * fade,
              'SSIM': 0.6 * fade}
    return {**scores, 'PSNR': 22 * fade} if row[0] in ('model', 'two-stage') else scores


def _detection() -> dict[str, Any]:
    mean = {name: {'recall': row[4], 'precision': row[4] + 0.2, 'AP50': row[4] - 0.05}
            for name, row in METHODS.items()}
    return {'detector': 'FastestDet', 'sha256': 'ef' * 32, 'images': 31, 'objects': 168,
            'by_case': {'rain_1': mean}, 'clean': {}, 'mean': mean}


def _recognition(wrong: int) -> dict[str, Any]:
    confusion = (np.eye(5, dtype=int) * (80 - 5 * wrong) + wrong + 3).tolist()
    names = CLASSES[1:]
    return {
        'synthetic': {'count': int(np.sum(confusion)), 'accuracy': 0.93 - wrong / 50,
                      'balanced': 0.9 - wrong / 50,
                      'per_class': {name: 0.95 - number / 40 - wrong / 50
                                    for number, name in enumerate(CLASSES)},
                      'classes': CLASSES, 'confusion': confusion,
                      'severity_error': dict(zip(names, (0.11, 0.09, 0.16, 0.21 + wrong / 99))),
                      'severity_absent': dict(zip(names, (0.03, 0.02, 0.05, 0.04))),
                      'severity_order': dict(zip(names, (0.87, 0.91, 0.74, 0.63)))},
        'combined': {'count': 186, 'one_of_both': 0.94, 'both_seen': 0.41},
        'real': {'msrs_val_night': {
            'count': 21, 'accuracy': 19 / 21, 'truth': {'low_light': 21},
            'confusion': [[0] * 5, [0] * 5, [1, 0, 19, 1, 0], [0] * 5, [0] * 5]}}}


def _routing(seed: int) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    experts = 1 if seed else 8
    heat = {name: random.dirichlet(np.full(experts, 0.5), len(LAYERS)) for name in CLASSES}
    distance = np.abs(np.subtract.outer(np.arange(5), np.arange(5))) * 0.14
    return {'layers': LAYERS, 'experts': [f'expert_{number}' for number in range(experts)],
            'kernels': KERNELS[:experts],
            'conditions': CLASSES, 'heat': {name: part.tolist() for name, part in heat.items()},
            'load': np.mean(list(heat.values()), 0).tolist(), 'distance': distance.tolist(),
            'unused': 0.05,
            'claims': [{'claim': 'low light uses the first experts',
                        'found': 'experts 0 to 2 have 0.41 of the weight (even: 0.375)',
                        'holds': True},
                       {'claim': 'clean scenes spread evenly',
                        'found': 'entropy 1.9 of 3 bits', 'holds': False}]}


def _flicker() -> dict[str, Any]:
    methods: dict[str, dict[str, float]] = {
        name: {'change': 2.4 - row[3], 'relative': (2.4 - row[3]) / 2.2}
        for name, row in METHODS.items()}
    for number, name in enumerate(MODELS):
        methods[name] |= {'class_switches': 3 + number, 'routing_switches': 11,
                          'routing_share': 0.03}
    return {'frames': 40, 'visible': 2.6, 'thermal': 1.8, 'methods': methods}
