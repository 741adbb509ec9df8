"""Was it the infrastructure? The verdict on every failed attempt against the cause it really had."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from models.rates import binomial_share
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.marts import Parameters
from reliability.validation.case import Case
from reliability.validation.findings import Findings, Row, share_row, tally_text
from reliability.validation.truth import read_rows

_PRECISION_BAR: Final = 0.95
_RECALL_BAR: Final = 0.90

#: the cause of what no fault ended, in the truth and in the verdicts
USER: Final = "user_program"
_UNATTRIBUTED: Final = "unattributed"
#: what the analysis calls a fault of which no line tells
_JUDGED_AS: Final = {"node_unresponsive": _UNATTRIBUTED}
#: of several events in the window of a wrong verdict, which one explains it best
_EXPLAINING: Final = ("critical", "false_alarm", "silent_corruption", "straggler", "benign")
_WHY: Final = {
    "critical": "beside a true fault that did not end it",
    "false_alarm": "a false alarm",
    "silent_corruption": "beside silent corruption",
    "straggler": "beside a straggler",
    "benign": "beside a benign event",
}
_MATCHED: Final = (
    "One verdict per attempt that ended FAILED or NODE_FAIL in the observation, matched by job_id_raw and submission, "
    "summed over the clusters"
)
_DEFINITIONS: Final = {
    "precision": f"{_MATCHED}: of those judged an infrastructure failure, the share that a fault ended. A verdict on "
    "an attempt that the truth does not know counts as wrong.",
    "recall": f"{_MATCHED}: of those that a fault ended, the share judged an infrastructure failure. One that the lake "
    "does not know counts as not found.",
    "unattributed": "Of the attempts judged an infrastructure failure, the share whose cause is `unattributed`: "
    "NODE_FAIL, and no log says why.",
    "named": "Of the attempts that a fault ended and that were judged so, the share whose cause is the true symptom; "
    "`unattributed` is right for a node that went silent (`node_unresponsive`).",
}

#: an attempt: job_id_raw and the second of its submission
Key = tuple[str, datetime]


@dataclass(frozen=True, slots=True)
class TrueEnd:
    """How an attempt really ended: the symptom of the fault that ended it, or `USER`; and why it may go unseen."""

    symptom: str
    hidden: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the pipeline says of an attempt, and where and when it ended."""

    is_infrastructure: bool
    cause: str
    node: str | None
    end: datetime


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Counts of one cluster.

    Parameters
    ----------
    confusion
        Attempts by true symptom and judged cause, each `USER` where there is none.
    wrongly_blamed, overlooked
        Why, of attempts judged an infrastructure failure that were none, and the other way round.
    """

    confusion: Mapping[tuple[str, str], int] = field(default_factory=dict)
    wrongly_blamed: Mapping[str, int] = field(default_factory=dict)
    overlooked: Mapping[str, int] = field(default_factory=dict)


class Events:
    """What really happened on each node, by time: to explain a wrong verdict.

    Parameters
    ----------
    faults
        Rows of the truth with ``node``, ``time_utc`` and ``kind``.
    """

    def __init__(self, faults: Iterable[Mapping[str, Any]]) -> None:
        self._by_node: dict[str, list[tuple[datetime, str]]] = {}
        for fault in faults:
            if fault["kind"] in _EXPLAINING:
                self._by_node.setdefault(fault["node"], []).append((fault["time_utc"], fault["kind"]))
        for events in self._by_node.values():
            events.sort()

    def around(self, verdict: Verdict, window: Parameters) -> str:
        """Say what lies behind a verdict: the weightiest event in its attribution window, on the node it names."""
        if verdict.node is None:
            return "NODE_FAIL without a fault"
        events = self._by_node.get(verdict.node, [])
        begin = verdict.end - timedelta(seconds=window.attribution_before_seconds)
        last = verdict.end + timedelta(seconds=window.attribution_after_seconds)
        kinds = set()
        for time, kind in events[bisect_left(events, (begin, "")) :]:
            if time > last:
                break
            kinds.add(kind)
        return next((_WHY[kind] for kind in _EXPLAINING if kind in kinds), "nothing in the window")


def compare(truth: Mapping[Key, TrueEnd], verdicts: Mapping[Key, Verdict], events: Events) -> Verdicts:
    """Count the verdicts by what was true.

    Parameters
    ----------
    truth
        Every attempt that really ended FAILED or NODE_FAIL.
    verdicts
        Every attempt judged.
    events
        What happened on the nodes.
    """
    window = Parameters()
    confusion: Counter[tuple[str, str]] = Counter()
    wrongly_blamed: Counter[str] = Counter()
    overlooked: Counter[str] = Counter()
    for key in truth.keys() | verdicts.keys():
        end, verdict = truth.get(key), verdicts.get(key)
        blamed = verdict is not None and verdict.is_infrastructure
        if end is None and not blamed:
            continue
        symptom = USER if end is None else end.symptom
        confusion[symptom, verdict.cause if verdict is not None and blamed else USER] += 1
        if verdict is not None and blamed and symptom == USER:
            wrongly_blamed["not in the truth" if end is None else events.around(verdict, window)] += 1
        if end is not None and not blamed and symptom != USER:
            overlooked["not in the lake" if verdict is None else end.hidden or "no sign in the window"] += 1
    return Verdicts(dict(confusion), dict(wrongly_blamed), dict(overlooked))


def count_attributions(case: Case, confidence: float) -> Verdicts:  # noqa: ARG001 - every measure is asked alike
    """Compare the verdicts on one cluster's attempts with the truth.

    Parameters
    ----------
    case
        The cluster.
    confidence
        Not needed: counts have no level.
    """
    attempts = read_rows(
        case.truth,
        "attempts",
        ("job_id_raw", "submit_utc", "end_utc", "killed_by_fault"),
        states=("FAILED", "NODE_FAIL"),
    )
    faults = read_rows(
        case.truth, "faults", ("fault_id", "symptom", "kind", "node", "time_utc", "missed", "silent", "domain_event")
    )
    if attempts is None or faults is None:
        return Verdicts()
    by_id = {fault["fault_id"]: fault for fault in faults}
    truth = {
        _key(row): _true_end(by_id.get(row["killed_by_fault"]), row["killed_by_fault"])
        for row in attempts
        if row["end_utc"] is not None
    }
    with closing(DuckDBEngine(case.lake)) as engine:
        judged = engine.rows(
            "SELECT jobs.job_id_raw, jobs.submit_utc, attributions.end_utc, is_infrastructure, cause, node "
            "FROM attributions JOIN jobs USING (cluster, job_id_raw, attempt)"
        )
    verdicts = {
        _key(row): Verdict(bool(row["is_infrastructure"]), row["cause"], row["node"], row["end_utc"]) for row in judged
    }
    return compare(truth, verdicts, Events(faults))


def _key(row: Mapping[str, Any]) -> Key:
    # Slurm prints whole seconds.
    return str(row["job_id_raw"]), row["submit_utc"].replace(microsecond=0)


def _true_end(fault: Mapping[str, Any] | None, fault_id: int | None) -> TrueEnd:
    if fault_id is None:
        return TrueEnd(USER)
    if fault is None:
        return TrueEnd("unknown")
    hidden = "missed by the checks" if fault["missed"] else "silent" if fault["silent"] else ""
    return TrueEnd(fault["symptom"], hidden)


def find_attributions(counts: Sequence[Verdicts], confidence: float) -> Findings:
    """Sum the verdicts of all clusters up.

    Parameters
    ----------
    counts
        Of each cluster.
    confidence
        Level of the intervals.
    """
    confusion: Counter[tuple[str, str]] = Counter()
    wrongly_blamed: Counter[str] = Counter()
    overlooked: Counter[str] = Counter()
    for verdicts in counts:
        confusion.update(verdicts.confusion)
        wrongly_blamed.update(verdicts.wrongly_blamed)
        overlooked.update(verdicts.overlooked)
    true = _total(confusion, lambda end, _: end != USER)
    blamed = _total(confusion, lambda _, judged: judged != USER)
    right = _total(confusion, lambda end, judged: USER not in (end, judged))
    unattributed = _total(confusion, lambda _, judged: judged == _UNATTRIBUTED)
    named = _total(confusion, lambda end, judged: end != USER and judged == _JUDGED_AS.get(end, end))
    rows = (
        share_row(
            "attribution_precision",
            "precision of attribution",
            right,
            blamed,
            confidence,
            _DEFINITIONS["precision"],
            bar=_PRECISION_BAR,
            note=_reasons("wrong", wrongly_blamed),
        ),
        share_row(
            "attribution_recall",
            "recall of attribution",
            right,
            true,
            confidence,
            _DEFINITIONS["recall"],
            bar=_RECALL_BAR,
            note=_reasons("not found", overlooked),
        ),
        share_row("unattributed_share", "unattributed", unattributed, blamed, confidence, _DEFINITIONS["unattributed"]),
        share_row("cause_named_share", "cause named right", named, right, confidence, _DEFINITIONS["named"]),
    )
    return Findings(_headline(rows), rows, {"causes": _cause_rows(confusion), "confusion": _confusion_rows(confusion)})


def _headline(rows: Sequence[Row]) -> dict[str, float | None]:
    wanted = ("attribution_precision", "attribution_recall", "unattributed_share")
    return {row.measure: row.value for row in rows if row.measure in wanted}


def _reasons(what: str, counts: Mapping[str, int]) -> str:
    return f"{sum(counts.values()):,} {what}: {tally_text(counts)}" if counts else ""


def _total(confusion: Mapping[tuple[str, str], int], wanted: Any) -> int:  # noqa: ANN401 - a predicate
    return sum(count for (end, judged), count in confusion.items() if wanted(end, judged))


def _cause_rows(confusion: Mapping[tuple[str, str], int]) -> list[dict[str, Any]]:
    """Return one row per cause: how its attempts were judged, and how often the verdict of this cause was right."""
    rows = []
    for cause in sorted({name for pair in confusion for name in pair} - {USER}):
        attempts = _total(confusion, lambda end, _, cause=cause: end == cause)
        found = _total(confusion, lambda end, judged, cause=cause: end == cause and judged != USER)
        named = confusion.get((cause, _JUDGED_AS.get(cause, cause)), 0)
        judged_so = _total(confusion, lambda _, judged, cause=cause: judged == cause)
        right = sum(count for (end, judged), count in confusion.items() if judged == cause == _JUDGED_AS.get(end, end))
        rows.append(
            {
                "cause": cause,
                "attempts": attempts,
                "found": found,
                "recall": _share(found, attempts),
                "named": named,
                "judged": judged_so,
                "right": right,
                "precision": _share(right, judged_so),
            }
        )
    return rows


def _confusion_rows(confusion: Mapping[tuple[str, str], int]) -> list[dict[str, Any]]:
    return [
        {"true": end, "judged": judged, "right": judged == _JUDGED_AS.get(end, end), "attempts": count}
        for (end, judged), count in sorted(confusion.items())
    ]


def _share(hits: int, n: int) -> float | None:
    return binomial_share(hits, n).share if n else None
