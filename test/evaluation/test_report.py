# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""report.html: complete, self-contained, and nothing in it is taken for markup."""

import base64
import re
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
from evaluation_results import (
    METHODS,
    MODELS,
    PUBLISHED,
    make_nothing,
    make_results,
    make_samples,
    make_undegraded,
)

from degfuse_ros.evaluation.plots import write_all
from degfuse_ros.evaluation.report import write_report
from degfuse_ros.evaluation.tables import CHAPTERS, build_tables

VOID = {'meta', 'img', 'input', 'br'}


class Page(HTMLParser):
    """Elements, texts and tables of a page; fails where tags do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.headings: dict[str, list[str]] = {'h2': [], 'h3': []}
        self.rows: list[list[str]] = []
        self.text = ''
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, {name: value or '' for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)
        if tag in self.headings:
            self.headings[tag].append('')
        if tag == 'tr':
            self.rows.append([])
        if tag in ('td', 'th'):
            self.rows[-1].append('')

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if 'style' in self.open:
            return
        self.text += data
        for tag in self.headings:
            if tag in self.open:
                self.headings[tag][-1] += data
        if 'td' in self.open or 'th' in self.open:
            self.rows[-1][-1] += data


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('report')
    write_report(folder / 'report.html', make_results(), make_samples(),
                 write_all(make_results(), folder / 'plots'))
    return folder


@pytest.fixture(scope='module')
def page(folder: Path) -> Page:
    return Page((folder / 'report.html').read_text(encoding='utf-8'))


def images(page: Page) -> list[tuple[str, bytes]]:
    """Return the description and content of all pictures."""
    return [(found['alt'], base64.b64decode(found['src'].partition('base64,')[2]))
            for tag, found in page.tags if tag == 'img']


def decoded(data: bytes) -> np.ndarray:
    """Decode a picture into H x W x 3 uint8 RGB."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def test_needs_no_other_file(folder: Path, page: Page) -> None:
    for tag, found in page.tags:
        assert tag not in ('script', 'link', 'iframe', 'object')
        assert found.get('src', 'data:image/').startswith('data:image/')
        assert found.get('href', '#').startswith('#')
    text = (folder / 'report.html').read_text(encoding='utf-8')
    assert not re.search(r'https?:|@import|url\(', text)


def test_links_lead_somewhere(page: Page) -> None:
    places = [found['id'] for _, found in page.tags if 'id' in found]
    links = [found['href'][1:] for tag, found in page.tags if tag == 'a']
    assert links == places
    assert len(set(places)) == len(places)


def test_worst_cases_come_first(page: Page) -> None:
    assert page.headings['h2'] == ['Worst cases', 'roadscene_val', *CHAPTERS,
                                   'Where this comes from']
    assert page.headings['h3'][:2] == ['FLIR_07, fog_depth_3', 'FLIR_09']


def test_tables_are_all_there(page: Page) -> None:
    expected = [list(line) for table in build_tables(make_results())
                for line in (table.header, *(row.texts for row in table.rows))]
    assert page.rows == expected
    names = [row[0] for row in page.rows]
    assert all(names.count(name) >= 5 for name in METHODS)
    assert all(name in names for name in PUBLISHED)


def test_text_is_never_markup(folder: Path, page: Page) -> None:
    text = (folder / 'report.html').read_text(encoding='utf-8')
    assert '<b>folder' not in text and 'their <b>folder</b>' in page.text
    assert 'FLIR_1 <x>: the thermal image is missing' in page.text
    assert 'kept 0.11 & called clean' in page.text


def test_pictures_and_their_crops(page: Page) -> None:
    sample = make_samples()[0]
    found = images(page)[:6]
    assert [text for text, _ in found[:2]] == ['visible', 'visible, enlarged part']
    for number, (_, image) in enumerate(sample.pictures):
        whole, part = (decoded(data) for _, data in found[2 * number:][:2])
        assert whole.shape == (48, 64, 3) and part.shape == (12, 16, 3)
        assert np.corrcoef(whole.ravel(), image.ravel())[0, 1] > 0.95
        assert np.corrcoef(part.ravel(), image[8:20, 16:32].ravel())[0, 1] > 0.95
    frame = next(found['style'] for _, found in page.tags if found.get('class') == 'frame')
    assert frame == 'left:25.00%;top:16.67%;width:25.00%;height:25.00%'


def test_plots_are_embedded_as_they_are(folder: Path, page: Page) -> None:
    embedded = [data for _, data in images(page) if data.startswith(b'\x89PNG')]
    assert sorted(embedded) == sorted(path.read_bytes() for path in (folder / 'plots').iterdir())
    first = next(found for tag, found in page.tags if tag == 'img' and 'width' in found)
    # The screen's 96 dots per inch against the file's 144.
    assert int(first['width']) == pytest.approx(decoded(embedded[0]).shape[1] / 1.5, abs=1)


def test_says_where_the_figures_come_from(page: Page) -> None:
    results = make_results()
    for text in (results['command'], results['metric_code'], results['benchmark_code'],
                 results['data']['sha256'], results['versions']['torch'],
                 *(model['sha256'] for model in results['models'])):
        assert text in page.text
    assert all(f'model {name}' in page.text for name in MODELS)


def test_worst_cases_without_pictures_are_lines(tmp_path: Path) -> None:
    write_report(tmp_path / 'report.html', make_results(), make_samples()[1:], [])
    page = Page((tmp_path / 'report.html').read_text(encoding='utf-8'))
    assert page.headings['h2'][:2] == ['Worst cases', 'roadscene_val']
    assert 'FLIR_07, fog_depth_3: kept 0.11 & called clean' in page.text


def test_nothing_degraded_says_nothing_of_robustness(tmp_path: Path) -> None:
    write_report(tmp_path / 'report.html', make_undegraded(), [], [])
    page = Page((tmp_path / 'report.html').read_text(encoding='utf-8'))
    assert page.headings['h2'] == ['Worst cases', 'Quality', 'Recognition', 'Routing', 'Flicker',
                                   'Models', 'Where this comes from']
    tiles = [found for _, found in page.tags if found.get('class') == 'tile']
    assert len(tiles) == 1


def tiles(results: dict, path: Path) -> list[str]:
    """Return the key figures on top of a report, each with its words."""
    write_report(path, results, [], [])
    text = path.read_text(encoding='utf-8')
    return [re.sub('<.*?>', ' ', tile).strip() for tile in
            re.findall('<div class="tile">(.*?)</div>', text)]


def test_key_figures_are_those_of_rows_that_can_be_compared(tmp_path: Path) -> None:
    results = make_results()
    for name, row in results['robustness']['mean'].items():
        row['images'] = 651 - (name in ('degfuse', 'two-stage (curve)'))
    found = tiles(results, tmp_path / 'report.html')
    means = results['robustness']['mean']
    assert means['degfuse']['kept'] > means['degfuse, dense']['kept']
    assert f"{means['degfuse, dense']['kept']:.3f}" in found[1] and found[1].endswith(', dense')
    assert f"{means['two-stage (CLAHE)']['kept']:.3f}" in found[2]
    assert found[3].startswith('90%') and 'mean over the 5 classes: degfuse' in found[3]


def test_folders_without_splits_are_called_so(tmp_path: Path) -> None:
    results = make_results()
    results['data']['split'] = ''
    write_report(tmp_path / 'report.html', results, [], [])
    page = Page((tmp_path / 'report.html').read_text(encoding='utf-8'))
    assert 'pairs, plain folders without splits. Pairs: roadscene_val 50' in page.text


def test_notes_are_shown(tmp_path: Path) -> None:
    results = make_results()
    results['data']['notes'] = ['split <train>: models may know these pairs']
    write_report(tmp_path / 'report.html', results, [], [])
    page = Page((tmp_path / 'report.html').read_text(encoding='utf-8'))
    assert 'split <train>: models may know these pairs' in page.text


def test_tables_that_a_plot_shows_are_folded(page: Page) -> None:
    assert len([tag for tag, _ in page.tags if tag == 'details']) == 2 * len(MODELS)


def test_little_makes_a_small_report(tmp_path: Path) -> None:
    write_report(tmp_path / 'report.html', make_nothing(), [], [])
    page = Page((tmp_path / 'report.html').read_text(encoding='utf-8'))
    assert page.headings['h2'] == ['Quality', 'Where this comes from']
    assert 'Nothing was left out.' in page.text
