"""The proof that the pipeline recovers the truth: simulate clusters, take their logs in, analyse, compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from reliability.validation.findings import Row
from reliability.validation.measures import CHANGES, MEASURES, SENSITIVE
from reliability.validation.sensitivity import Setting, clusters_per_setting, sensitivity_row, settings, with_noise
from reliability.validation.workers import Outcome, Progress, Task, run_tasks
from synthetic_traces import plain, without_lemons

if TYPE_CHECKING:
    from reliability.validation.case import Intake
    from reliability.validation.measures import Change
    from synthetic_traces import ClusterSpec

CONFIDENCE: Final = 0.9


@dataclass(frozen=True, slots=True)
class Validation:
    """What was found over all clusters.

    Parameters
    ----------
    preset, clusters, seed, confidence
        What was asked.
    twins
        Further clusters, the same without correlated faults, on which intervals were judged; 0 where the clusters
        themselves have none.
    lemon_free
        Further clusters, the same without lemons; 0 likewise.
    headline
        The measures that a machine looks for first.
    rows
        Every measure.
    tables
        Detail: coverage by component, causes, confusion, domains.
    sensitivity
        One row per noise parameter and value; empty if not asked for.
    intake
        What became of the log files of the clusters and twins.
    """

    preset: str
    clusters: int
    seed: int
    confidence: float
    twins: int
    lemon_free: int
    headline: Mapping[str, float | None]
    rows: tuple[Row, ...]
    tables: Mapping[str, list[dict[str, Any]]]
    sensitivity: tuple[dict[str, Any], ...]
    intake: Intake

    def document(self) -> dict[str, Any]:
        """Return the whole for ``--json``."""
        document = {
            "preset": self.preset,
            "clusters": self.clusters,
            "seed": self.seed,
            "confidence": self.confidence,
            **self.headline,
            "rows": [row.document() for row in self.rows],
            **self.tables,
            "sensitivity": list(self.sensitivity),
            "twins": self.twins,
            "lemon_free": self.lemon_free,
            "log_files": self.intake.files,
            "log_files_failed": self.intake.files_failed,
            "log_rows_read": self.intake.rows_read,
            "log_rows_rejected": self.intake.rows_rejected,
        }
        return {name: _rounded(value) for name, value in document.items()}


@dataclass(frozen=True, slots=True)
class _Batch:
    """Clusters of several seeds, changed in one way, and what is counted on them."""

    change: Change
    spec: ClusterSpec
    seeds: tuple[int, ...]
    measures: tuple[str, ...]


def validate(
    spec: ClusterSpec,
    preset: str,
    clusters: int,
    seed: int,
    *,
    processes: int = 1,
    sensitivity: bool = True,
    confidence: float = CONFIDENCE,
    progress: Progress | None = None,
) -> Validation:
    """Simulate clusters, run the pipeline on their logs and hold the answers against the truth.

    Parameters
    ----------
    spec
        The cluster.
    preset
        Its name.
    clusters
        How many, at least 1; their seeds are derived from ``seed``.
    seed
        Of everything.
    processes
        Clusters that are worked on at a time; the result does not depend on it.
    sensitivity
        Whether the noise of the logs is changed, too.
    confidence
        Level of all intervals.
    progress
        Called with the clusters done and their number.

    Returns
    -------
    Validation
        The findings.

    Raises
    ------
    ClusterFailedError, WorkerLostError
        As :func:`~reliability.validation.workers.run_tasks`.
    """
    main = _batches(spec, seed, clusters, tuple(MEASURES))
    tried = settings(spec) if sensitivity else ()
    few = clusters_per_setting(clusters)
    changed = {
        setting: _batches(with_noise(spec, setting), seed, few, SENSITIVE)
        for setting in tried
        if not setting.is_default
    }
    batches = [*main, *(batch for of_setting in changed.values() for batch in of_setting)]
    outcomes = _run(batches, processes, confidence, progress)
    of_main = [outcomes.pop(0) for _ in main]
    counts = _counts(of_main)
    findings = [measure.find(counts[name], confidence) for name, measure in MEASURES.items()]
    noisy: dict[Setting, Mapping[str, Sequence[Any]]] = {}
    for setting in tried:
        of_setting = [outcomes.pop(0) for _ in changed[setting]] if setting in changed else of_main
        noisy[setting] = {name: values[:few] for name, values in _counts(of_setting).items()}
    return Validation(
        preset=preset,
        clusters=clusters,
        seed=seed,
        confidence=confidence,
        twins=_clusters_with(main, plain),
        lemon_free=_clusters_with(main, without_lemons),
        headline={name: value for found in findings for name, value in found.headline.items()},
        rows=tuple(row for found in findings for row in found.rows),
        tables={name: rows for found in findings for name, rows in found.tables.items()},
        sensitivity=tuple(
            sensitivity_row(setting, few, [MEASURES[name].find(values[name], confidence) for name in SENSITIVE])
            for setting, values in noisy.items()
        ),
        intake=reduce(add, (outcome.intake for of_batch in of_main for outcome in of_batch)),
    )


def derived_seeds(seed: int, stream: int, count: int) -> tuple[int, ...]:
    """Return seeds that follow from one; a longer list begins with the shorter.

    Parameters
    ----------
    seed
        Given by the user, not negative.
    stream
        Lists of different streams have nothing in common.
    count
        How many.

    Examples
    --------
    >>> derived_seeds(1, 0, 3)[:2] == derived_seeds(1, 0, 2)
    True
    """
    return tuple(int(np.random.SeedSequence([seed, stream, i]).generate_state(1)[0]) for i in range(count))


def _batches(spec: ClusterSpec, seed: int, clusters: int, measures: tuple[str, ...]) -> list[_Batch]:
    """Return the clusters, and changed twins of them for the measures that want such.

    A change that leaves the cluster as it is makes no twin: what wants it is counted on the cluster itself.
    """
    real = {change: change(spec) for change in CHANGES}
    batches = []
    for stream, change in enumerate(CHANGES):
        if stream and real[change] == spec:
            continue
        asked = [other for other in CHANGES if other is change or (not stream and real[other] == spec)]
        names = tuple(name for name in measures if any(other in MEASURES[name].on for other in asked))
        if names:
            batches.append(_Batch(change, real[change], derived_seeds(seed, stream, clusters), names))
    return batches


def _clusters_with(batches: Sequence[_Batch], change: Change) -> int:
    return sum(len(batch.seeds) for batch in batches if batch.change is change)


def _run(
    batches: Sequence[_Batch], processes: int, confidence: float, progress: Progress | None
) -> list[list[Outcome]]:
    tasks = [Task(batch.spec, seed, batch.measures, confidence) for batch in batches for seed in batch.seeds]
    outcomes = iter(run_tasks(tasks, processes, progress))
    return [[next(outcomes) for _ in batch.seeds] for batch in batches]


def _counts(outcomes: Sequence[Sequence[Outcome]]) -> dict[str, list[Any]]:
    """Return the counts of each measure, in the order of the clusters."""
    counts: dict[str, list[Any]] = {}
    for of_batch in outcomes:
        for outcome in of_batch:
            for name, counted in outcome.counts.items():
                counts.setdefault(name, []).append(counted)
    return counts


def _rounded(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Cut numbers to nine digits: the last ones of a sum that the engine's threads share change from run to run."""
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value
