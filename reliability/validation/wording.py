"""What the page and the Markdown say in words."""

from __future__ import annotations

from typing import Final

from reliability.report.numbers import count
from reliability.validation.findings import Row
from reliability.validation.harness import Validation
from reliability.validation.tables import percent

MEASURE_TEXT: Final = (
    "Counts of all clusters are summed before a share is taken; in parentheses its exact (Clopper–Pearson) limits. The "
    "definitions stand at the end."
)
INTERVAL_TEXT: Final = (
    "An exact interval of few failures holds the truth more often than its level says; how often is known and stands "
    "beside. The ratio pools all clusters: failures counted over those that the true hazards let expect, with the "
    "exact interval of the pooled count. Critical lines of no fault are false alarms and consequences of another "
    "part's fault, which a log cannot tell from a failure of the part; unseen faults left no line, for the "
    "checks missed them."
)
VERDICT_TEXT: Final = (
    "Attempts that a fault of each symptom ended, how many of them were judged an infrastructure failure, for how many "
    "the symptom was named; and of the verdicts that name this cause, how many are right. A node that goes silent "
    "(node_unresponsive) leaves no line: its right verdict is unattributed."
)
LEMON_TEXT: Final = (
    "Lemons of the truth by the number of failures that their true hazards let expect while they were one, and how "
    "many of them are named by the model and by the paper's rule (Kokolis et al., HPCA 2025), both at the end of the "
    "log. No log can tell a lemon that hardly failed from a node with bad luck."
)
GOODPUT_TEXT: Final = (
    "Every GPU-second of the clusters by bucket, beside the truth; and the ETTR of runs that held 8 GPUs or more for a "
    "day and more, less the true one. Checkpoints are logged by large jobs only, the others rest on the assumption of "
    "hourly ones; no log tells which small jobs save nothing at all, nor what a slow node cost."
)
DOMAIN_TEXT: Final = (
    "True incidents of racks, switches and other domains that took down two nodes or more, and those found."
)
SENSITIVITY_TEXT: Final = (
    "One property of the logs at a time is changed, all others as in the preset, on the same clusters: the share of "
    "faults that no check sees, critical lines about nothing per node-day, the standard deviation of the nodes' clocks."
)


def summary(found: Validation) -> list[str]:
    """Return one sentence per measure that has a bar, those not reached first.

    Parameters
    ----------
    found
        What was found.
    """
    judged = sorted((row for row in found.rows if row.ok is not None), key=lambda row: bool(row.ok))
    return [_sentence(row) for row in judged]


def _sentence(row: Row) -> str:
    verdict = "reaches" if row.ok else "does not reach"
    text = f"{row.title[:1].upper()}{row.title[1:]}: {percent(row.value)} {verdict} the bar of {percent(row.bar)}"
    return f"{text}." if row.ok or not row.note else f"{text}: {row.note}."


def intake_text(found: Validation) -> str:
    """Say what the numbers rest on: clusters, twins, log files and what was refused of them."""
    intake = found.intake
    twins = (
        f" and {count(found.twins)} twins without correlated faults, on which intervals are judged"
        if found.twins
        else ""
    )
    twins += f", {count(found.lemon_free)} without lemons" if found.lemon_free else ""
    failed = f", {count(intake.files_failed)} of them not taken in" if intake.files_failed else ""
    return (
        f"{count(found.clusters)} clusters of the preset {found.preset}{twins}; {count(intake.files)} log files"
        f"{failed}, {count(intake.rows_read)} records, {count(intake.rows_rejected)} refused."
    )
