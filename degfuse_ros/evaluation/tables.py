# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""Tables of everything that an evaluation found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

from degfuse_ros.evaluation.averages import IMAGES
from degfuse_ros.evaluation.measures import MEASURES, Measure
from degfuse_ros.evaluation.model_tables import recognition_tables, routing_tables
from degfuse_ros.evaluation.table import Table, escape_markdown, score_table

CHAPTERS = ('Robustness', 'Quality', 'Detection', 'Recognition', 'Routing', 'Flicker', 'Models')
"""The parts of an evaluation in the order in which they are shown."""

SOURCES = ("One camera's image alone is never marked as best: it wins every measure that asks "
           'how much of that camera is left.')

_TWO_STAGE = ('The two-stage rows are told the true degradation, and their settings were chosen '
              "on seven pictures of the developers' own benchmark. Median filter and darkening "
              'curve lose edges: in rain and overexposure the plain Laplacian pyramid is the '
              'stronger rival.')

_AS_IS = ('Qabf', 'VIF', 'SSIM', 'SCD')  # what models are compared by on pairs as they are

# Won by a copy of one camera on pairs as they are, and by a copy of the thermal image, which stays
# as it was, on degraded ones: there they decide nothing.
_COPIED, _COPIED_DEGRADED = ('MI', 'VIF', 'vQ', 'tQ'), ('tQ', 'SSIM')


def build_tables(results: Mapping[str, Any]) -> list[Table]:
    """Build all tables of an evaluation.

    Args:
        results: the content of metrics.json.

    Returns:
        The tables, chapter by chapter. What was not evaluated has none.
    """
    tables = [*_robustness(results), *_quality(results), *_detection(results),
              *recognition_tables(results), *routing_tables(results), *_flicker(results)]
    return [*tables, comparison(results)] if results['models'] else tables


def markdown(results: Mapping[str, Any]) -> str:
    """Write all tables as Markdown, one section each.

    Args:
        results: the content of metrics.json.
    """
    sections = [f'## {table.chapter}: {escape_markdown(table.title)}\n\n{table.markdown()}'
                for table in build_tables(results)]
    for title, lines in (
            ('Worst cases', [f"{case['title']}: {case['text']}" for case in results['worst']]),
            ('Notes', results['data']['notes']),
            ('Left out', results['data']['left_out'])):
        if lines:
            sections.append(f'## {title}\n\n' + '\n'.join(
                f'- {escape_markdown(line)}' for line in lines))
    return '\n\n'.join(sections) + '\n'


def kinds_of(results: Mapping[str, Any]) -> dict[str, str]:
    """Return the kind of every method, those measured earlier ('published') included."""
    published = {name: 'published' for rows in results['published'].values() for name in rows}
    return {**published, **{method['name']: method['kind'] for method in results['methods']}}


def comparison(results: Mapping[str, Any]) -> Table:
    """Set the models side by side, as the table of an ablation does.

    Args:
        results: the content of metrics.json.
    """
    columns = [Measure('PKDM', 'enhancement', higher=None),
               Measure('guidance', 'guidance', higher=None),
               Measure('experts', 'experts', '', 'd', None),
               Measure('K', 'active', '', 'd', None),
               Measure('M parameters', 'millions', '', '.2f', None),
               *_columns(['kept', 'PSNR']),
               Measure('kept, clean', 'clean kept'),
               Measure('PSNR, clean', 'clean PSNR', '', '.1f'),
               *(Measure(f'{name}, as is', name, higher=None if name in _COPIED else True)
                 for name in _AS_IS),
               Measure('accuracy, mean over classes', 'balanced', '', '.1%'),
               Measure('experts unused', 'unused', '', '.1%', False),
               *_columns(['recall', 'AP50']), Measure('flicker', 'relative', '', '.2f', False)]
    scores = {model['name']: _model_row(model, results) for model in results['models']}
    columns = [column for column in columns
               if any(row.get(column.key) is not None for row in scores.values())]
    note = ('One line per model. PKDM: whether the images are enhanced before they are fused. '
            'Guidance: from the raw images, the enhanced ones, or a constant vector. K: experts '
            'computed per layer. Kept, PSNR, recall and AP50: means over the degraded cases. '
            'Clean: the same on the undegraded originals, where restoring too much shows. As is: '
            'means over the groups of pairs as they are; VIF is won by copying one camera and has '
            'no best row. Accuracy: of the class, on synthetic degradations. Flicker: mean over '
            'the clips.')
    return score_table('Models', 'side by side', note, columns, scores, kinds_of(results))


def _model_row(model: Mapping[str, Any], results: Mapping[str, Any]) -> dict[str, Any]:
    """Collect one model's figures from all parts of the evaluation."""
    name, structure = model['name'], model['structure']
    robustness = results['robustness'] or {'mean': {}, 'clean': {}}
    degraded, clean = (robustness[part].get(name, {}) for part in ('mean', 'clean'))
    detection = (results['detection'] or {}).get('mean', {}).get(name, {})
    recognition = results['recognition'].get(name, {})
    quality = [rows[name] for rows in results['quality'].values() if name in rows]
    clips = [clip['methods'][name]['relative'] for clip in results['flicker'].values()
             if name in clip['methods']]
    return {
        'enhancement': 'yes' if structure['enhancement'] else 'no',
        'guidance': structure['guidance'],
        'experts': structure['experts'], 'active': structure['active'],
        'millions': sum(model['parameters'].values()) / 1e6,
        'kept': degraded.get('kept'), 'PSNR': degraded.get('PSNR'),
        'clean kept': clean.get('kept'), 'clean PSNR': clean.get('PSNR'),
        **{metric: _mean(row[metric] for row in quality) for metric in _AS_IS},
        'balanced': recognition.get('synthetic', {}).get('balanced'),
        'unused': results['routing'].get(name, {}).get('unused'),
        'recall': detection.get('recall'), 'AP50': detection.get('AP50'),
        'relative': _mean(clips),
        IMAGES: _images(name, results),
    }


def _images(name: str, results: Mapping[str, Any]) -> int:
    """Count the images behind all of a model's figures; it is less if the model failed on one."""
    sets = [(rows, results['data']['groups'][group])
            for group, rows in results['quality'].items()]
    for part, size in ((results['robustness'], 'pairs'), (results['detection'], 'images')):
        if part:
            sets += [(rows, part[size]) for rows in (part['clean'], *part['by_case'].values())]
    sets += [(clip['methods'], clip['frames']) for clip in results['flicker'].values()]
    answers = results['recognition'].get(name, {}).get('synthetic', {}).get('count', 0)
    return answers + sum(rows[name].get(IMAGES, size) for rows, size in sets if name in rows)


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return fmean(found) if found else None


def _columns(keys: Iterable[str], undecided: Sequence[str] = ()) -> list[Measure]:
    """Return the measures of keys; one that is not known is shown as it is.

    Of the undecided ones no row is the best.
    """
    known = [MEASURES.get(key, Measure(key, key)) for key in keys]
    return [replace(each, higher=None) if each.key in undecided else each for each in known]


def _keys(scores: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the keys of all rows in the order of their first appearance."""
    return list(dict.fromkeys(key for row in scores.values() for key in row))


def _quality(results: Mapping[str, Any]) -> list[Table]:
    kinds = kinds_of(results)
    tables: list[Table] = []
    for group, measured in results['quality'].items():
        published = results['published'].get(group, {})
        scores = {**published, **measured}
        # Ours first: a rival that was measured again keeps its new figures.
        scores = {name: scores[name] for name in dict.fromkeys([*measured, *published])}
        columns = _columns(_keys(measured), _COPIED)
        note = f"Means over all pairs as they are: {results['data']['groups'][group]}."
        if published:
            note += ' Published: measured earlier on the same pairs with the same conventions.'
        if not tables:  # once is enough
            note += (f' {SOURCES} MI, VIF, vQ and tQ are won by copying one camera and have no '
                     'best row; EN, SF, AG and SD rise with noise, so that a high value may be a '
                     'bad image.')
            if 'two-stage' in kinds.values():
                note += (' Two-stage rows restore what the condition of a pair names; where it '
                         'names nothing they are the Laplacian pyramid.')
        tables.append(score_table('Quality', group, note, columns, scores, kinds,
                                  explained=not tables))
    return tables


def cases_by_kind(cases: Iterable[str]) -> dict[str, list[str]]:
    """Group benchmark cases, which are named as their kind, '_' and the level.

    Args:
        cases: such as 'fog_depth_2'.

    Returns:
        The cases of each kind, from mild to heavy.
    """
    kinds: dict[str, list[str]] = {}
    for case in sorted(cases, key=lambda case: case.rpartition('_')[2]):
        kinds.setdefault(case.rpartition('_')[0], []).append(case)
    return kinds


def _by_kind(chapter: str, key: str, note: str, part: Mapping[str, Any],
             kinds: Mapping[str, str]) -> Table:
    """Average one measure over the levels of each kind of degradation."""
    columns = []
    rows: dict[str, dict[str, float]] = {name: {IMAGES: 0} for name in part['mean']}
    if part['clean']:
        columns.append(Measure('clean', 'clean'))
        for name in rows.keys() & part['clean'].keys():
            clean = part['clean'][name]
            rows[name] |= {'clean': clean[key], IMAGES: clean.get(IMAGES, 0)}
    for kind, cases in cases_by_kind(part['by_case']).items():
        columns.append(Measure(kind.replace('_', ' '), kind))
        for name, row in rows.items():
            found = [part['by_case'][case][name] for case in cases
                     if key in part['by_case'][case].get(name, {})]
            if found:
                row[kind] = fmean(each[key] for each in found)
                row[IMAGES] += sum(each.get(IMAGES, 0) for each in found)
    return score_table(chapter, f'{key} by kind of degradation', note, columns, rows, kinds)


def _robustness(results: Mapping[str, Any]) -> list[Table]:
    part = results['robustness']
    if not part or not part['mean']:
        return []
    columns = _columns(_keys(part['mean']), _COPIED_DEGRADED)
    kinds = kinds_of(results)
    pairs = ('all clean pairs' if part.get('clean_known', True)
             else 'pairs that nobody has named, taken to be clean')
    note = (f"Means over {pairs}: {part['pairs']}, each degraded in {len(part['cases'])} "
            'ways with a fixed seed, scored against the originals. Judge by kept; tQ and '
            f'SSIM are won by copying the thermal image and have no best row. {SOURCES}')
    if any(kinds.get(name) == 'two-stage' for name in part['mean']):
        note += f' {_TWO_STAGE}'
    return [score_table('Robustness', 'all cases', note, columns, part['mean'], kinds,
                        explained=True),
            *(_by_kind('Robustness', key, f'Mean of {key} over the levels of each kind, beside '
                       'the undegraded originals.', part, kinds) for key in ('kept', 'vQ'))]


def _detection(results: Mapping[str, Any]) -> list[Table]:
    part = results['detection']
    if not part or not part['mean']:
        return []
    kinds, columns = kinds_of(results), _columns(_keys(part['mean']))
    note = (f"{part['detector']} (SHA-256 {part['sha256'][:12]}) on {part['images']} images. The "
            'reference is what it finds on the clean visible image: '
            f"{part['objects']} objects. The lines are what it finds after degradation. {SOURCES}")
    return [score_table('Detection', 'all cases', note, columns, part['mean'], kinds,
                        explained=True),
            _by_kind('Detection', 'recall', 'Mean of recall over the levels of each kind, '
                     'beside the undegraded originals.', part, kinds)]


def _flicker(results: Mapping[str, Any]) -> list[Table]:
    columns = _columns(['change', 'relative', 'class_switches', 'routing_switches',
                        'routing_share'])
    return [score_table(
        'Flicker', group,
        f"{clip['frames']} frames of a static clip; from frame to frame the visible image changes "
        f"by {clip['visible']:.2f} and the thermal one by {clip['thermal']:.2f} grey levels. "
        'Showing less also flickers less: read it beside the other tables. Frames may lie far '
        'apart, and a clip whose scene really changes should switch class and experts: switches '
        'have no best row.', columns,
        clip['methods'], kinds_of(results), explained=True)
        for group, clip in results['flicker'].items()]
