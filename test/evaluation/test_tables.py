# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""All tables of an evaluation, as Markdown."""

import re

import pytest
from evaluation_results import METHODS, MODELS, PUBLISHED, make_nothing, make_results

from degfuse_ros.evaluation.table import Table
from degfuse_ros.evaluation.tables import build_tables, cases_by_kind, comparison, markdown

RESULTS = make_results()
TABLES = {(table.chapter, table.title): table for table in build_tables(RESULTS)}


def column(table: Table, heading: str) -> dict[str, str]:
    """Return a column's texts by the first cell of their row."""
    number = [re.sub(' [↑↓]', '', each) for each in table.header].index(heading)
    return {row.texts[0]: row.texts[number] for row in table.rows}


@pytest.mark.parametrize('name', [
    ('Robustness', 'all cases'), ('Robustness', 'kept by kind of degradation'),
    ('Robustness', 'vQ by kind of degradation'),
    ('Quality', 'roadscene_val'), ('Quality', 'msrs_val_day'), ('Quality', 'msrs_val_night'),
    ('Detection', 'all cases'), ('Detection', 'recall by kind of degradation'),
    ('Flicker', 'm3svd_smoke')])
def test_every_method_has_a_line(name: tuple[str, str]) -> None:
    names = [row.texts[0] for row in TABLES[name].rows]
    assert names[:len(METHODS)] == list(METHODS)
    assert names[len(METHODS):] == (list(PUBLISHED) if 'roadscene_val' in name else [])


@pytest.mark.parametrize('group', RESULTS['quality'])
def test_figures_are_those_of_the_results(group: str) -> None:
    table = TABLES['Quality', group]
    for name, row in RESULTS['quality'][group].items():
        for key, value in row.items():
            assert float(column(table, key)[name]) == pytest.approx(value, abs=0.006)


def test_bold_is_the_highest_that_is_not_a_source() -> None:
    lines = [line for line in markdown(RESULTS).split('## Quality: roadscene')[1].splitlines()
             if line.startswith('|')][2:]
    cells = [[cell.strip() for cell in line.strip('|').split('|')]
             for line in lines[:len(METHODS) + len(PUBLISHED)]]
    for number in range(2, 13):
        judged = {row[0]: row[number] for row in cells if row[1] != 'source'}
        bold = {name for name, text in judged.items() if text.startswith('**')}
        figures = {name: float(text.strip('*')) for name, text in judged.items()}
        assert bold == {name for name, value in figures.items()
                        if value == max(figures.values())}
        assert not any('*' in row[number] for row in cells if row[1] == 'source')


def test_what_a_thermal_copy_wins_has_no_best_row_in_the_benchmark() -> None:
    table = TABLES['Robustness', 'all cases']
    best = {re.sub(' [↑↓]', '', heading) for number, heading in enumerate(table.header)
            if any(row.best[number] for row in table.rows)}
    assert {'kept', 'vQ'} <= best and not {'tQ', 'SSIM'} & best


def test_least_flicker_is_best() -> None:
    table = TABLES['Flicker', 'm3svd_smoke']
    number = table.header.index('relative ↓')
    best = [row.texts[0] for row in table.rows if row.best[number]]
    methods = RESULTS['flicker']['m3svd_smoke']['methods']
    assert best == [min(methods, key=lambda name: methods[name]['relative'])] == ['degfuse']


def test_a_rival_that_was_measured_again_has_its_new_figures() -> None:
    results = make_results()
    again = {**results['quality']['roadscene_val']['mean'], 'vQ': 0.123}
    results['quality']['roadscene_val']['DATFuse'] = again
    table = next(table for table in build_tables(results) if table.title == 'roadscene_val')
    assert column(table, 'vQ')['DATFuse'] == '0.123'
    assert [row.texts[0] for row in table.rows].count('DATFuse') == 1


def test_kinds_are_means_over_their_levels() -> None:
    cases = RESULTS['robustness']['by_case']
    for heading, kind in (('fog depth', 'fog_depth'), ('low light', 'low_light')):
        mean = sum(cases[f'{kind}_{level}']['degfuse']['kept'] for level in (1, 2, 3)) / 3
        table = TABLES['Robustness', 'kept by kind of degradation']
        assert column(table, heading)['degfuse'] == f'{mean:.3f}'
    clean = RESULTS['robustness']['clean']['degfuse']['kept']
    assert column(table, 'clean')['degfuse'] == f'{clean:.3f}'


def test_cases_are_ordered_by_level() -> None:
    assert cases_by_kind(['fog_depth_2', 'rain_1', 'fog_depth_1', 'rain_3']) == {
        'fog_depth': ['fog_depth_1', 'fog_depth_2'], 'rain': ['rain_1', 'rain_3']}


def test_models_stand_side_by_side() -> None:
    table = comparison(RESULTS)
    assert column(table, 'experts') == {'degfuse': '8', 'degfuse, dense': '1'}
    assert column(table, 'PKDM') == dict.fromkeys(MODELS, 'yes')
    assert column(table, 'M parameters') == dict.fromkeys(MODELS, '6.30')
    assert column(table, 'accuracy') == {'degfuse': '90.0%', 'degfuse, dense': '72.0%'}
    for name in MODELS:
        quality = RESULTS['quality'].values()
        mean = sum(group[name]['Qabf'] for group in quality) / len(quality)
        assert column(table, 'Qabf, as is')[name] == f'{mean:.3f}'
        kept = RESULTS['robustness']['mean'][name]['kept']
        assert column(table, 'kept')[name] == f'{kept:.3f}'


def test_comparison_shows_only_what_was_evaluated() -> None:
    results = {**RESULTS, 'robustness': None, 'detection': None, 'flicker': {}, 'recognition': {},
               'routing': {}}
    assert [re.sub(' [↑↓]', '', heading) for heading in comparison(results).header] == [
        'model', 'PKDM', 'guidance', 'experts', 'K', 'M parameters', 'Qabf, as is', 'VIF, as is',
        'SSIM, as is', 'SCD, as is']


def test_markdown_names_worst_cases_and_what_was_left_out() -> None:
    text = markdown(RESULTS)
    assert '- FLIR_07, fog_depth_3: kept 0.11 & called clean' in text
    assert r'- FLIR_1 \<x>: the thermal image is missing' in text
    assert [line for line in text.splitlines() if line.startswith('## ')][-2:] == [
        '## Worst cases', '## Left out']


def test_what_was_not_evaluated_has_no_section() -> None:
    text = markdown(make_nothing())
    assert re.findall('^## .*', text, re.MULTILINE) == ['## Quality: pairs']
