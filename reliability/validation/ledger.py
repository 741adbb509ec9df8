"""The goodput ledger against the true one: where every GPU-second went, bucket by bucket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.marts import Parameters
from reliability.validation.case import Case
from reliability.validation.findings import Findings, Row, share_row
from reliability.validation.truth import read_rows

#: what the truth calls by another name; no log tells what a slow node cost, so that it passes for productive
_CALLED: Final = {
    "lost_infrastructure": "lost_first_order",
    "lost_preemption_second_order": "lost_second_order",
    "slowed": "productive",
}
_FAILURE_LOSS: Final = ("lost_first_order", "lost_second_order")
_SHARE_OF_CAPACITY: Final = 0.01
_SHARE_OF_ITSELF: Final = 0.1
_DEFINITIONS: Final = {
    "error": "Largest difference, over the buckets, of a bucket's share of all GPU-seconds of capacity from its share "
    "in truth/ledger.parquet; all clusters together.",
    "buckets": "Of the buckets of all clusters, each cluster's counted by itself, those whose share of capacity is "
    "within one percentage point of the truth.",
    "loss": "Of the two buckets that failures of the infrastructure cost (first order, and second order: work "
    "preempted by a job that came back), those within a tenth of the truth, all clusters together: on one small "
    "cluster a handful of failures decides.",
}


@dataclass(frozen=True, slots=True)
class LedgerPair:
    """GPU-seconds of one cluster by bucket: as the lake tells, and as it was."""

    measured: Mapping[str, float]
    true: Mapping[str, float]


def count_ledger(case: Case, confidence: float) -> LedgerPair | None:  # noqa: ARG001 - every measure is asked alike
    """Set the ledger of one cluster beside the true one; None where the truth tells of none.

    Parameters
    ----------
    case
        The cluster.
    confidence
        Not needed: a sum has no level.
    """
    written = read_rows(case.truth, "ledger", ("bucket", "gpu_seconds"))
    if written is None:
        return None
    true: dict[str, float] = {}
    for row in written:
        bucket = str(_CALLED.get(row["bucket"], row["bucket"]))
        true[bucket] = true.get(bucket, 0.0) + row["gpu_seconds"]
    with closing(DuckDBEngine(case.lake, Parameters())) as engine:
        measured = {row["bucket"]: row["hours"] * 3600 for row in engine.ask("ledger_groups", by="")}
    return LedgerPair(measured, true)


def find_ledger(counts: Sequence[LedgerPair | None], confidence: float) -> Findings:
    """Sum the ledgers of all clusters up.

    Parameters
    ----------
    counts
        Of each cluster.
    confidence
        Level of the intervals.
    """
    pairs = [pair for pair in counts if pair is not None and pair.true]
    table = _table(pairs)
    worst = max(table, key=lambda row: row["error_share"], default=None)
    error = worst["error_share"] if worst else None
    close = [share for pair in pairs for share in _errors(pair).values()]
    losses = [row for row in table if row["bucket"] in _FAILURE_LOSS and row["true_gpu_hours"] > 0]
    near = [abs(row["ratio"] - 1) <= _SHARE_OF_ITSELF for row in losses]
    rows = (
        Row(
            "ledger_max_error",
            "largest error of the goodput ledger",
            error,
            None,
            len(pairs),
            None,
            None,
            None,
            _DEFINITIONS["error"],
            f"of capacity, in {worst['bucket']}; {len(pairs)} clusters" if worst else "no ledger to compare",
        ),
        share_row(
            "ledger_buckets",
            "ledger buckets within 1% of capacity",
            sum(share <= _SHARE_OF_CAPACITY for share in close),
            len(close),
            confidence,
            _DEFINITIONS["buckets"],
            bar=0.95,
        ),
        share_row(
            "ledger_failure_loss",
            "failure losses within 10%",
            sum(near),
            len(near),
            confidence,
            _DEFINITIONS["loss"],
            bar=1.0,
            note=", ".join(f"{row['bucket']} {row['ratio']:.3f} of the truth" for row in losses),
        ),
    )
    return Findings({"ledger_max_error": error}, rows, {"ledger": table})


def _table(pairs: Sequence[LedgerPair]) -> list[dict[str, Any]]:
    measured, true = _summed([pair.measured for pair in pairs]), _summed([pair.true for pair in pairs])
    pooled = LedgerPair(measured, true)
    errors, capacity = _errors(pooled), sum(true.values())
    return [
        {
            "bucket": bucket,
            "true_gpu_hours": true.get(bucket, 0.0) / 3600,
            "measured_gpu_hours": measured.get(bucket, 0.0) / 3600,
            "true_share": true.get(bucket, 0.0) / capacity,
            "measured_share": measured.get(bucket, 0.0) / max(sum(measured.values()), 1.0),
            "error_share": errors[bucket],
            "ratio": measured.get(bucket, 0.0) / true[bucket] if true.get(bucket) else None,
        }
        for bucket in errors
    ]


def _errors(pair: LedgerPair) -> dict[str, float]:
    """Return by bucket how far the shares of capacity are apart; capacity itself differs little, if at all."""
    capacity, seen = sum(pair.true.values()), max(sum(pair.measured.values()), 1.0)
    buckets = dict.fromkeys([*pair.true, *pair.measured])
    return {name: abs(pair.measured.get(name, 0.0) / seen - pair.true.get(name, 0.0) / capacity) for name in buckets}


def _summed(ledgers: Sequence[Mapping[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for ledger in ledgers:
        for bucket, seconds in ledger.items():
            total[bucket] = total.get(bucket, 0.0) + seconds
    return total
