"""The findings as tables of plain text, for the page and for Markdown alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from models.rates import binomial_share
from reliability.report.numbers import count, interval, number
from reliability.report.sections.section import Table
from reliability.validation.findings import Row
from reliability.validation.harness import Validation

_NOTHING: Final = "–"
_OK: Final = {True: "yes", False: "no", None: _NOTHING}

Cell = Callable[[dict[str, Any]], str]


def measure_table(rows: Sequence[Row]) -> Table:
    """Return every measure with its interval, its bar, and whether that is reached."""
    cells = (
        (row.title, _share_text(row), _of_text(row.hits, row.n), percent(row.bar), _OK[row.ok], row.note)
        for row in rows
    )
    return Table(("measure", "value", "count", "bar", "reached", "remark"), tuple(cells), frozenset({1, 2, 3}))


def definition_table(rows: Sequence[Row]) -> Table:
    """Return what each measure counts."""
    return Table(("measure", "definition"), tuple((row.title, row.definition) for row in rows), frozenset())


def coverage_table(found: Validation) -> Table:
    """Return the intervals of rates by what they are of."""
    return _table(
        found.tables.get("coverage", []),
        {
            "rate of": lambda row: str(row["of"]),
            "hold": lambda row: _of_text(row["covered"], row["intervals"]),
            "needed": lambda row: count(row["least"]),
            "share": lambda row: percent(row["share"]),
            "exact would": lambda row: percent(row["expected_share"]),
            "failures": lambda row: count(row["failures"]),
            "expected": lambda row: number(row["expected_failures"]),
            "ratio": lambda row: interval(row["ratio"], row["ratio_low"], row["ratio_high"]),
            "unseen faults": lambda row: count(row["faults_without_a_line"]),
            "lines of no fault": lambda row: count(row["lines_without_a_fault"]),
        },
    )


def cause_table(found: Validation) -> Table:
    """Return the verdicts by true and by judged cause."""
    return _table(
        found.tables.get("causes", []),
        {
            "cause": lambda row: str(row["cause"]),
            "attempts ended": lambda row: count(row["attempts"]),
            "found": lambda row: count(row["found"]),
            "recall": lambda row: percent(row["recall"]),
            "named right": lambda row: count(row["named"]),
            "judged so": lambda row: count(row["judged"]),
            "rightly": lambda row: count(row["right"]),
            "precision": lambda row: percent(row["precision"]),
        },
    )


def certainty_table(found: Validation) -> Table:
    """Return how sure a verdict on a FAILED attempt was, beside how often the infrastructure had ended it."""
    return _table(
        found.tables.get("certainty", []),
        {
            "said to be the infrastructure's with": lambda row: f"{row['from']:.0%} to {row['to']:.0%}",
            "attempts": lambda row: count(row["attempts"]),
            "mean probability": lambda row: percent(row["mean_probability"]),
            "were": lambda row: _percents(row["share"], row["low"], row["high"]),
        },
    )


def confusion_table(found: Validation) -> Table:
    """Return the wrong verdicts, and causes named wrongly: attempts by true and judged cause."""
    wrong = [row for row in found.tables.get("confusion", []) if not row["right"]]
    return _table(
        sorted(wrong, key=lambda row: (-row["attempts"], row["true"], row["judged"])),
        {
            "really": lambda row: str(row["true"]),
            "judged": lambda row: str(row["judged"]),
            "attempts": lambda row: count(row["attempts"]),
        },
        text_columns=2,
    )


def domain_table(found: Validation) -> Table:
    """Return the true domain incidents by kind, and those named right."""
    return _table(
        found.tables.get("domains", []),
        {
            "domain": lambda row: str(row["kind"]),
            "true incidents": lambda row: count(row["events"]),
            "found": lambda row: count(row["found"]),
        },
    )


def ledger_table(found: Validation) -> Table:
    """Return the goodput ledger of all clusters beside the true one."""
    return _table(
        found.tables.get("ledger", []),
        {
            "bucket": lambda row: str(row["bucket"]),
            "true GPU-hours": lambda row: number(row["true_gpu_hours"]),
            "measured": lambda row: number(row["measured_gpu_hours"]),
            "true share": lambda row: _fine_percent(row["true_share"]),
            "measured share": lambda row: _fine_percent(row["measured_share"]),
            "of the truth": lambda row: _NOTHING if row["ratio"] is None else f"{row['ratio']:.3f}",
        },
    )


def ettr_table(found: Validation) -> Table:
    """Return how far the ETTR of long runs is from the truth, by size."""
    return _table(
        found.tables.get("ettr", []),
        {
            "GPUs": lambda row: (
                f"{row['gpus_from']:,} and more"
                if row["gpus_to"] is None
                else f"{row['gpus_from']:,} to {row['gpus_to'] - 1:,}"
            ),
            "long runs": lambda row: count(row["runs"]),
            "mean error": lambda row: f"{row['mean_error']:+.4f}",
            "mean absolute error": lambda row: f"{row['mean_absolute_error']:.4f}",
            "largest": lambda row: f"{row['largest_error']:.4f}",
        },
    )


def _fine_percent(share: float) -> str:
    return f"{100 * share:.3f}%"


def lemon_table(found: Validation) -> Table:
    """Return how many lemons are found as they are expected to fail more often, by the model and by the rule."""
    return _table(
        found.tables.get("lemons", []),
        {
            "expected failures": _bin_text,
            "lemons": lambda row: count(row["lemons"]),
            "named by the model": lambda row: _found_text(row["found_by_model"], row["lemons"], found.confidence),
            "by the paper's rule": lambda row: _found_text(row["found_by_rule"], row["lemons"], found.confidence),
        },
    )


def wrong_lemon_table(found: Validation) -> Table:
    """Return what happened to the nodes that were called lemons and are none."""
    return _table(
        found.tables.get("called_lemons", []),
        {
            "wrongly named by": lambda row: str(row["by"]),
            "in fleets": lambda row: str(row["fleet"]),
            "what happened to it": lambda row: str(row["reason"]),
            "nodes": lambda row: count(row["nodes"]),
        },
        text_columns=3,
    )


def _bin_text(row: dict[str, Any]) -> str:
    least, most = row["expected_failures_from"], row["expected_failures_to"]
    return f"{least:g} and more" if most is None else f"{least:g} to {most:g}"


def _found_text(hits: int, n: int, confidence: float) -> str:
    if not n:
        return _NOTHING
    share = binomial_share(hits, n, confidence)
    return f"{count(hits)}: {_percents(share.share, share.low, share.high)}"


def sensitivity_table(found: Validation) -> Table:
    """Return what each change of the noise does; the preset's own value is marked."""
    return _table(
        found.sensitivity,
        {
            "noise": lambda row: f"{row['parameter']}{' (as in the preset)' if row['default'] else ''}",
            "value": lambda row: f"{row['value']:g}",
            "clusters": lambda row: count(row["clusters"]),
            "precision": lambda row: _percents(row["precision"], row["precision_low"], row["precision_high"]),
            "recall": lambda row: _percents(row["recall"], row["recall_low"], row["recall_high"]),
            "named right": lambda row: percent(row["cause_named_share"]),
            "node rates hold": lambda row: _of_text(row["rate_covered"], row["rate_intervals"]),
            "component rates hold": lambda row: _of_text(
                row["component_rate_covered"], row["component_rate_intervals"]
            ),
        },
    )


def percent(share: float | None) -> str:
    """Return a share in percent.

    >>> percent(0.9512), percent(None)
    ('95.1%', '–')
    """
    return _NOTHING if share is None else f"{share:.1%}"


def _share_text(row: Row) -> str:
    return _percents(row.value, row.low, row.high)


def _percents(share: float | None, low: float | None, high: float | None) -> str:
    if share is None or low is None or high is None:
        return percent(share)
    return f"{percent(share)} ({100 * low:.1f}–{100 * high:.1f})"


def _of_text(hits: int | None, n: int | None) -> str:
    return _NOTHING if hits is None or n is None else f"{count(hits)} of {count(n)}"


def _table(rows: Sequence[dict[str, Any]], columns: dict[str, Cell], text_columns: int = 1) -> Table:
    cells = tuple(tuple(cell(row) for cell in columns.values()) for row in rows)
    return Table(tuple(columns), cells, frozenset(range(text_columns, len(columns))))
