"""How sure is sure: the probability that the infrastructure ended a FAILED attempt, against whether it did."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from models.rates import binomial_share
from reliability.analyses.certainty import fleet_certainty
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.marts import Parameters
from reliability.validation.case import Case
from reliability.validation.findings import Findings, Row, share_row
from reliability.validation.truth import read_rows

_BINS: Final = (0.0, 0.01, 0.1, 0.5, 0.9, 1.0)
_SURE: Final = 0.9
_DEFINITIONS: Final = {
    "sure": "Of the attempts that ended FAILED and that are said to be the infrastructure's with a probability of 90% "
    "or more, the share that a fault ended.",
    "brier": "Mean squared difference between that probability and what was true (1 or 0), over all attempts that "
    "ended FAILED; 0 is perfect. NODE_FAIL is the infrastructure's by definition and is not in it.",
}


@dataclass(frozen=True, slots=True)
class Calibration:
    """Probability and truth of every attempt of one cluster that ended FAILED."""

    probabilities: tuple[float, ...]
    ended_by_fault: tuple[bool, ...]


def count_certainty(case: Case, confidence: float) -> Calibration:
    """Judge every attempt of one cluster that ended FAILED, beside the truth.

    Parameters
    ----------
    case
        The cluster.
    confidence
        Of the intervals behind the probability.
    """
    attempts = read_rows(case.truth, "attempts", ("job_id_raw", "submit_utc", "killed_by_fault"), states=("FAILED",))
    if attempts is None:
        return Calibration((), ())
    truth = {_key(row): row["killed_by_fault"] is not None for row in attempts}
    parameters = Parameters()
    with closing(DuckDBEngine(case.lake, parameters)) as engine:
        fleet = fleet_certainty(engine, parameters, confidence)
        rows = engine.ask("failed_for_certainty")
    judged = [(fleet.judge(row), truth[_key(row)]) for row in rows if _key(row) in truth]
    known = [(found.probability, true) for found, true in judged if found is not None]
    return Calibration(tuple(p for p, _ in known), tuple(true for _, true in known))


def find_certainty(counts: Sequence[Calibration], confidence: float) -> Findings:
    """Sum up: are those judged 90% sure right nine times in ten.

    Parameters
    ----------
    counts
        Of each cluster.
    confidence
        Level of the intervals.
    """
    pairs = [pair for one in counts for pair in zip(one.probabilities, one.ended_by_fault, strict=True)]
    sure = [true for probability, true in pairs if probability >= _SURE]
    brier = sum((probability - true) ** 2 for probability, true in pairs) / len(pairs) if pairs else None
    score = Row(
        "certainty_brier",
        "Brier score of the probability",
        brier,
        None,
        None,
        None,
        None,
        None,
        _DEFINITIONS["brier"],
        f"{len(pairs):,} attempts",
    )
    rows = (
        share_row(
            "certainty_when_sure",
            "true when 90% sure",
            sum(sure),
            len(sure),
            confidence,
            _DEFINITIONS["sure"],
            bar=_SURE,
        ),
        score,
    )
    return Findings(
        {"certainty_when_sure": rows[0].value, "certainty_brier": brier}, rows, {"certainty": _bins(pairs, confidence)}
    )


def _bins(pairs: list[tuple[float, bool]], confidence: float) -> list[dict[str, Any]]:
    table = []
    for low, high in pairwise(_BINS):
        inside = [(p, true) for p, true in pairs if low <= p < high or (high == 1.0 and p == 1.0)]
        share = binomial_share(sum(true for _, true in inside), len(inside), confidence) if inside else None
        table.append(
            {
                "from": low,
                "to": high,
                "attempts": len(inside),
                "mean_probability": sum(p for p, _ in inside) / len(inside) if inside else None,
                "ended_by_fault": share.k if share else 0,
                "share": share.share if share else None,
                "low": share.low if share else None,
                "high": share.high if share else None,
            }
        )
    return table


def _key(row: dict[str, Any]) -> tuple[str, Any]:
    # Slurm prints whole seconds.
    return str(row["job_id_raw"]), row["submit_utc"].replace(microsecond=0)
