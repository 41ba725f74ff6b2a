# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""All tables of an evaluation, as Markdown."""

import re
from typing import Any

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
             if line.startswith('|')]
    titles = [re.sub(' ↑', '', cell.strip()) for cell in lines.pop(0).strip('|').split('|')]
    cells = [[cell.strip() for cell in line.strip('|').split('|')]
             for line in lines[1:][:len(METHODS) + len(PUBLISHED)]]
    for number in range(2, 13):
        judged = {row[0]: row[number] for row in cells if row[1] != 'source'}
        bold = {name for name, text in judged.items() if text.startswith('**')}
        figures = {name: float(text.strip('*')) for name, text in judged.items()}
        expected = {name for name, value in figures.items() if value == max(figures.values())}
        assert bold == (set() if titles[number] in ('MI', 'VIF', 'vQ', 'tQ') else expected)
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


def test_a_scene_that_changes_should_switch_class() -> None:
    table = TABLES['Flicker', 'm3svd_smoke']
    assert column(table, 'class switches') == {
        **dict.fromkeys(METHODS, '–'), 'degfuse': '3', 'degfuse, dense': '4'}
    for heading in ('class switches', 'routing switches', 'routing share'):
        number = table.header.index(heading)  # without an arrow
        assert not any(row.best[number] for row in table.rows)
    assert 'really changes should switch class' in table.note


def spared(chapter: str, method: str) -> dict[str, Any]:
    """Return results in which a method lacks one image of one case, and has the best figures."""
    results = make_results()
    part = results[chapter]
    full = part['pairs' if chapter == 'robustness' else 'images']
    for case, rows in part['by_case'].items():
        for name, row in rows.items():
            row['images'] = full - (name == method and case == 'rain_1')
    part['mean'][method] |= dict.fromkeys(('kept', 'vQ', 'recall', 'AP50'), 0.99)
    for rows in part['by_case'].values():
        rows[method] |= {'kept': 0.99, 'vQ': 0.99, 'recall': 0.99}
    return results


@pytest.mark.parametrize(('chapter', 'title'), [
    ('robustness', 'kept by kind of degradation'), ('robustness', 'vQ by kind of degradation'),
    ('detection', 'recall by kind of degradation')])
def test_kinds_are_not_won_on_fewer_images(chapter: str, title: str) -> None:
    full = {table.title: table for table in build_tables(make_results())}[title]
    assert 'images' not in full.header
    table = {table.title: table for table in build_tables(spared(chapter, 'degfuse'))}[title]
    best = [row.texts[0] for row in table.rows if any(row.best)]
    assert best and 'degfuse' not in best
    images = {name: int(text) for name, text in column(table, 'images').items()}
    assert images.pop('degfuse') + 1 == min(images.values()) == max(images.values())


@pytest.mark.parametrize('chapter', ['robustness', 'detection'])
def test_models_side_by_side_are_not_the_best_on_fewer_images(chapter: str) -> None:
    table = comparison(spared(chapter, 'degfuse'))
    assert not any(best for row in table.rows for best in row.best)  # nothing is left to compare
    few, many = column(table, 'images').values()
    assert int(few) + 1 == int(many)


def test_a_model_that_lacks_a_whole_group_is_not_the_best() -> None:
    results = make_results()
    del results['quality']['msrs_val_night']['degfuse']
    few, many = column(comparison(results), 'images').values()
    assert int(many) - int(few) == results['data']['groups']['msrs_val_night']


def test_pairs_of_unknown_condition_are_only_taken_to_be_clean() -> None:
    results = make_results()
    for known, words in ((True, 'all clean pairs: 31'),
                         (False, 'pairs that nobody has named, taken to be clean: 31')):
        results['robustness']['clean_known'] = known
        assert f'Means over {words}' in build_tables(results)[0].note


def test_two_stage_rows_are_known_to_be_told_the_degradation() -> None:
    assert 'told the true degradation' in TABLES['Robustness', 'all cases'].note
    results = make_results()
    for name in ('two-stage (CLAHE)', 'two-stage (curve)'):
        del results['robustness']['mean'][name]
    assert 'two-stage' not in build_tables(results)[0].note


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
    assert column(table, 'accuracy, mean over classes') == {
        'degfuse': '90.0%', 'degfuse, dense': '72.0%'}
    assert not any(row.best[table.header.index('VIF, as is')] for row in table.rows)
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


def test_markdown_has_the_notes() -> None:
    results = {**RESULTS, 'data': {**RESULTS['data'], 'notes': ['split <train>']}}
    assert '## Notes\n\n- split \\<train>' in markdown(results)


def test_what_was_not_evaluated_has_no_section() -> None:
    text = markdown(make_nothing())
    assert re.findall('^## .*', text, re.MULTILINE) == ['## Quality: pairs']
