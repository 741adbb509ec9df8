"""Who is a lemon? The nodes that the paper's rule and the model name against the lemons of the truth.

Counted on fleets with lemons, and on the same fleets without, where every name is wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from reliability.analyses.lemons import lemons
from reliability.validation.case import Case
from reliability.validation.findings import Findings, Row, share_row, tally_text
from reliability.validation.truth import read_hazards, read_rows

#: who names lemons: the first is what the bars are for
MODEL, RULE = "model", "rule"
_TITLES: Final = {MODEL: "model", RULE: "the paper's rule"}

_PRECISION_BAR: Final = 0.85
_RECALL_BAR: Final = 0.80
_FREE_BAR: Final = 0.95
#: a lemon that is expected to fail so often in the log must be found
_FAILURES_TO_FIND: Final = 8.0
_BINS: Final = (0.0, 2.0, 4.0, 8.0, 16.0, float("inf"))

_DEFINITIONS: Final = {
    "precision": "Of the nodes called lemons at the end of the log, those that were one at some time in it, summed "
    "over the clusters that have lemons.",
    "recall": f"Of the lemons with at least {_FAILURES_TO_FIND:g} expected failures in the log (their true hazard, "
    "that of an ordinary node added, times their time in service as a lemon), those called so.",
    "free": "Fleets without a lemon (the clusters themselves if they have none, otherwise twins of them that keep "
    "domain incidents, relapses and users) in which no node is called one.",
}


@dataclass(frozen=True, slots=True)
class TrueLemon:
    """A lemon of the truth, and how many failures its hazards let expect while it was one."""

    node: str
    symptom: str
    expected_failures: float


@dataclass(frozen=True, slots=True)
class Naming:
    """One cluster: its lemons, who was called one, and what happened to those who are none.

    Parameters
    ----------
    lemons
        Of the truth; empty for a fleet without.
    named
        Nodes called lemons, by `MODEL` and by `RULE`.
    reasons
        Of nodes called lemons wrongly: what happened to them.
    """

    lemons: tuple[TrueLemon, ...]
    named: Mapping[str, frozenset[str]]
    reasons: Mapping[str, str]


def count_lemons(case: Case, confidence: float) -> Naming | None:  # noqa: ARG001 - every measure is asked alike
    """Compare the nodes called lemons on one cluster with the truth; None where the truth tells of none.

    Parameters
    ----------
    case
        The cluster.
    confidence
        Not needed: counts have no level.
    """
    hazards = read_hazards(case.truth)
    rows = read_rows(case.truth, "lemons", ("node", "symptom", "extra_per_1000_node_days", "exposure_node_days"))
    faults = read_rows(
        case.truth, "faults", ("node", "time_utc", "kind", "symptom", "slot", "repair_helped", "domain_event")
    )
    if hazards is None or rows is None or faults is None:
        return None
    true = tuple(
        TrueLemon(
            row["node"],
            row["symptom"],
            (row["extra_per_1000_node_days"] / 1000 + hazards.ordinary_per_node_day) * row["exposure_node_days"],
        )
        for row in rows
    )
    named = called_lemons(case)
    wrong = frozenset().union(*named.values()) - {lemon.node for lemon in true}
    return Naming(true, named, {node: reason(node, faults) for node in wrong})


def called_lemons(case: Case) -> dict[str, frozenset[str]]:
    """Ask the pipeline, which sees the logs alone, who is a lemon.

    Parameters
    ----------
    case
        The cluster.
    """
    nodes = lemons(case.lake).nodes
    return {
        MODEL: frozenset(node.node for node in nodes if node.named_by_model),
        RULE: frozenset(node.node for node in nodes if node.named_by_rule),
    }


def reason(node: str, faults: Sequence[Mapping[str, Any]]) -> str:
    """Say what really happened to a node that was called a lemon and is none.

    Parameters
    ----------
    node
        Its name.
    faults
        Of the truth.

    Examples
    --------
    >>> fault = {"node": "n1", "kind": "critical", "repair_helped": True, "domain_event": None}
    >>> reason("n1", [fault, fault]), reason("n1", [fault | {"repair_helped": False}, fault]), reason("n2", [fault])
    ('chance: 2 faults', 'a repair in vain', 'no fault at all')
    """
    own = [fault for fault in faults if fault["node"] == node and fault["kind"] == "critical"]
    if not own:
        return "no fault at all"
    if not all(fault["repair_helped"] for fault in own):
        return "a repair in vain"
    if 2 * sum(fault["domain_event"] is not None for fault in own) >= len(own):
        return "domain incidents"
    return f"chance: {len(own)} faults"


def find_lemons(counts: Sequence[Naming | None], confidence: float) -> Findings:
    """Sum the names of all clusters up.

    Parameters
    ----------
    counts
        Of each cluster.
    confidence
        Level of the intervals.
    """
    told = [naming for naming in counts if naming is not None]
    with_lemons = [naming for naming in told if naming.lemons]
    free = [naming for naming in told if not naming.lemons]
    rows = tuple(
        row
        for who in (MODEL, RULE)
        for row in (
            _precision(with_lemons, who, confidence),
            _recall(with_lemons, who, confidence),
            _free(free, who, confidence),
        )
    )
    headline = {row.measure: row.value for row in rows if row.measure in ("lemon_precision", "lemon_recall")}
    return Findings(headline, rows, {"lemons": _exposure_rows(with_lemons), "called_lemons": _reason_rows(told)})


def _precision(namings: Sequence[Naming], who: str, confidence: float) -> Row:
    named = sum(len(naming.named[who]) for naming in namings)
    right = sum(lemon.node in naming.named[who] for naming in namings for lemon in naming.lemons)
    return share_row(
        _measure("precision", who),
        f"precision of lemons, {_TITLES[who]}",
        right,
        named,
        confidence,
        _DEFINITIONS["precision"],
        bar=_PRECISION_BAR if who == MODEL else None,
        note=_wrong_text(namings, who),
    )


def _recall(namings: Sequence[Naming], who: str, confidence: float) -> Row:
    found = [lemon.node in naming.named[who] for naming in namings for lemon in naming.lemons if _must_be_found(lemon)]
    return share_row(
        _measure("recall", who),
        f"recall of lemons with {_FAILURES_TO_FIND:g} expected failures, {_TITLES[who]}",
        sum(found),
        len(found),
        confidence,
        _DEFINITIONS["recall"],
        bar=_RECALL_BAR if who == MODEL else None,
        note=_missed_text(namings, who),
    )


def _free(namings: Sequence[Naming], who: str, confidence: float) -> Row:
    return share_row(
        _measure("free_fleets", who),
        f"fleets without a lemon in which none is named, {_TITLES[who]}",
        sum(not naming.named[who] for naming in namings),
        len(namings),
        confidence,
        _DEFINITIONS["free"],
        bar=_FREE_BAR if who == MODEL else None,
        note=_wrong_text(namings, who),
    )


def _measure(what: str, who: str) -> str:
    return f"lemon_{what}" if who == MODEL else f"lemon_{who}_{what}"


def _must_be_found(lemon: TrueLemon) -> bool:
    return lemon.expected_failures >= _FAILURES_TO_FIND


def _wrong_text(namings: Sequence[Naming], who: str) -> str:
    reasons = Counter(text for naming in namings for node, text in naming.reasons.items() if node in naming.named[who])
    return f"{reasons.total():,} wrong: {tally_text(reasons)}" if reasons else ""


def _missed_text(namings: Sequence[Naming], who: str) -> str:
    missed = Counter(
        lemon.symptom
        for naming in namings
        for lemon in naming.lemons
        if _must_be_found(lemon) and lemon.node not in naming.named[who]
    )
    return f"{missed.total():,} not found: {tally_text(missed)}" if missed else ""


def _exposure_rows(namings: Sequence[Naming]) -> list[dict[str, Any]]:
    """Return how many lemons are found as they are expected to fail more often."""
    rows = []
    for least, most in pairwise(_BINS):
        found = [
            {who: lemon.node in naming.named[who] for who in (MODEL, RULE)}
            for naming in namings
            for lemon in naming.lemons
            if least <= lemon.expected_failures < most
        ]
        rows.append(
            {
                "expected_failures_from": least,
                "expected_failures_to": most if most < _BINS[-1] else None,
                "lemons": len(found),
                **{f"found_by_{who}": sum(hit[who] for hit in found) for who in (MODEL, RULE)},
            }
        )
    return rows if namings else []


def _reason_rows(namings: Sequence[Naming]) -> list[dict[str, Any]]:
    """Return what happened to the nodes called lemons wrongly, in fleets with lemons and without."""
    counts = Counter(
        (who, bool(naming.lemons), naming.reasons[node])
        for naming in namings
        for who in (MODEL, RULE)
        for node in naming.named[who] & naming.reasons.keys()
    )
    return [
        {"by": who, "fleet": "with lemons" if lemony else "without", "reason": text, "nodes": count}
        for (who, lemony, text), count in sorted(counts.items())
    ]
