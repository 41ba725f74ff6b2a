# Copyright 2026 The degfuse_ros developers
# SPDX-License-Identifier: Apache-2.0
"""The whole evaluation: pairs in, results and pictures out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from degfuse_ros.evaluation import recognition, routing
from degfuse_ros.evaluation.agreement import check_packages
from degfuse_ros.evaluation.averages import lacking_cases, mean_over_cases, without_even_counts
from degfuse_ros.evaluation.degradations import CASES
from degfuse_ros.evaluation.detection import Detection
from degfuse_ros.evaluation.detector import Detector
from degfuse_ros.evaluation.fused_folder import FusedFolder
from degfuse_ros.evaluation.ledger import Ledger
from degfuse_ros.evaluation.loaded_model import LoadedModel
from degfuse_ros.evaluation.method import (
    Method,
    classical_methods,
    folder_method,
    model_method,
)
from degfuse_ros.evaluation.metrics import code_hash
from degfuse_ros.evaluation.pairs import (
    EvaluationPair,
    PairError,
    find_pairs,
    has_splits,
    in_order,
    limit,
    shared_names,
)
from degfuse_ros.evaluation.passes import clean_pairs, measure_as_they_are, run_benchmark
from degfuse_ros.evaluation.plots import write_all
from degfuse_ros.evaluation.provenance import benchmark_hash, data_hash, describe_model, versions
from degfuse_ros.evaluation.published import published_scores
from degfuse_ros.evaluation.report import write_report
from degfuse_ros.evaluation.sample import Sample
from degfuse_ros.evaluation.scene import CLEAN_CASE
from degfuse_ros.evaluation.score_files import write_scores
from degfuse_ros.evaluation.settings import Settings
from degfuse_ros.evaluation.showcase import show, worst_cases
from degfuse_ros.evaluation.tables import markdown

SCHEMA = 1
"""Version of the layout of metrics.json."""


@dataclass(frozen=True)
class Outcome:
    """What an evaluation found.

    Attributes:
        results: plain JSON, the content of metrics.json.
        lines: one flat line per fused image.
        samples: pictures for the report, the worst first.
    """

    results: dict[str, Any]
    lines: list[dict[str, Any]]
    samples: list[Sample]


def evaluate(settings: Settings) -> Outcome:
    """Run an evaluation.

    Raises:
        PairError: data, a folder or a clip cannot be used at all.
        EngineError: weights or device cannot be used.
        DetectorError, AgreementError: the detector cannot be used.
    """
    ledger = Ledger()
    pairs = _choose_pairs(settings, ledger)
    detection = _detection(settings)
    folders = [folder_method(name, FusedFolder(path, shared_names(pairs)))
               for name, path in settings.fused]
    models = [LoadedModel.load(name, model, settings.device) for name, model in settings.models]
    methods = [*classical_methods(), *folders,
               *(model_method(each.name, each.engine, each.reconstruction) for each in models)]
    device = models[0].engine.device
    print(f'{len(pairs)} pairs as they are, then each clean one in {len(CASES)} degradations',
          flush=True)
    usable, flicker = measure_as_they_are(pairs, methods, ledger, settings, device)
    if not usable:
        raise PairError(f'none of the {len(pairs)} pairs can be used. First of '
                        f'{len(ledger.left_out)} left out: {ledger.left_out[0]}')
    bases = clean_pairs(usable)
    run_benchmark(bases, methods, ledger, settings, device, detection)
    worst = worst_cases(ledger, methods)
    results = {
        'schema': SCHEMA, 'command': settings.command, 'versions': versions(),
        'metric_code': code_hash(), 'benchmark_code': benchmark_hash(), 'seed': settings.seed,
        'device': models[0].engine.device_name,
        'data': _describe_data(settings, usable, bases, ledger),
        'models': [describe_model(model) for model in models],
        'methods': [{'name': method.name, 'kind': method.kind} for method in methods],
        **_scores(ledger, methods, bases, settings),
        **_answers(ledger, models),
        'detection': detection.summarise() if detection and bases else None,
        'flicker': flicker,
        'worst': [{'title': each.title, 'text': each.text} for each in worst]}
    samples = list(show(usable, methods, worst, ledger, settings))
    return Outcome(results, ledger.lines(), samples)


def write_outcome(outcome: Outcome, out: Path) -> None:
    """Write scores.csv, tables.md, plots/ and report.html.

    Args:
        outcome: from `evaluate`.
        out: an existing folder.

    Raises:
        OSError: a file cannot be written.
    """
    write_scores(out / 'scores.csv', outcome.lines)
    (out / 'tables.md').write_text(markdown(outcome.results), encoding='utf-8')
    plots = write_all(outcome.results, out / 'plots')
    write_report(out / 'report.html', outcome.results, outcome.samples, plots)


def _choose_pairs(settings: Settings, ledger: Ledger) -> list[EvaluationPair]:
    """List the pairs to evaluate; PairError if there is none, or no pair of a named clip."""
    pairs, problems = find_pairs(settings.data, settings.split)
    ledger.left_out += problems
    sources = list(dict.fromkeys(pair.source for pair in pairs))
    for clip in settings.clips:
        if clip not in (*sources, *Settings.clips):  # the default need not be there
            raise PairError(f"no source {clip!r} for --clip in {settings.data}. It has: "
                            f"{', '.join(sources)}")
    pairs = in_order(pairs)
    return pairs if settings.limit is None else limit(pairs, settings.limit, settings.clips)


def _detection(settings: Settings) -> Detection | None:
    """Load the detector, if there is one, before the long work."""
    if settings.detector is None:
        return None
    check_packages()
    return Detection(Detector.load(settings.detector))


def _describe_data(settings: Settings, usable: Sequence[EvaluationPair],
                   bases: Sequence[EvaluationPair], ledger: Ledger) -> dict[str, Any]:
    return {'folder': settings.data.resolve().name, 'pairs': len(usable),
            'split': settings.split if has_splits(settings.data) else '',
            'sha256': data_hash(usable, settings.data),
            'groups': dict(Counter(pair.group for pair in usable)), 'left_out': ledger.left_out,
            'notes': _notes(settings, bases)}


def _notes(settings: Settings, bases: Sequence[EvaluationPair]) -> list[str]:
    """Say what a reader of the figures might not expect."""
    notes = []
    if not has_splits(settings.data):
        notes.append('plain folders have no splits: all pairs are used; training keeps only every '
                     'tenth by name for validation')
    elif settings.split == 'train':
        notes.append('split train: models may have been trained on these very pairs')
    if bases and not _clean_known(bases):
        notes.append(f'no pair is known to be clean: the {len(bases)} that nobody has named are '
                     'degraded as if they were (condition in pairs.csv names them)')
    if settings.limit is not None:
        notes.append('with --limit the pairs are not those that rivals were measured on: their '
                     'rows are left out')
    return notes


def _clean_known(bases: Sequence[EvaluationPair]) -> bool:
    return all(pair.condition == 'clean' for pair in bases)


def _scores(ledger: Ledger, methods: Sequence[Method], bases: Sequence[EvaluationPair],
            settings: Settings) -> dict[str, Any]:
    """Average what was scored: quality, published and robustness."""
    groups = ledger.means(lambda entry: None if entry.case else entry.group)
    quality = {group: without_even_counts(rows) for group, rows in groups.items()}
    robustness = None
    if settings.degrade and bases:
        by_case = ledger.means(lambda entry: entry.case or None)
        clean = without_even_counts(by_case.pop(CLEAN_CASE, {}))
        for name, cases in lacking_cases(by_case).items():
            ledger.left_out.append(f"{name}: it has no means over all degradations, since nothing "
                                   f"is there for {', '.join(cases)}")
        # In the methods' own order: a method that failed on the first pair must not come last.
        mean = without_even_counts(mean_over_cases(by_case))
        mean = {method.name: mean[method.name] for method in methods if method.name in mean}
        robustness = {'pairs': len(bases),
                      'clean_known': _clean_known(bases),
                      'cases': [case.name for case in CASES],
                      'kinds': list(dict.fromkeys(case.kind for case in CASES)),
                      'by_case': by_case, 'clean': clean, 'mean': mean}
    return {'quality': quality, 'published': published_scores(quality), 'robustness': robustness}


def _answers(ledger: Ledger, models: Sequence[LoadedModel]) -> dict[str, Any]:
    """Summarise what each model said."""
    found: dict[str, dict[str, Any]] = {'recognition': {}, 'routing': {}}
    for model in models:
        own = [each for each in ledger.observations if each.model == model.name]
        if own:
            found['recognition'][model.name] = recognition.summarise(own)
            found['routing'][model.name] = routing.summarise(
                own, model.engine.layer_names, model.kernels)
    return found
