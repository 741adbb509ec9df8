"""``reliability causes``: what fails, and was it the infrastructure that ended a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from reliability.cli.options import (
    DEFAULT_LAKE,
    ConfidenceOption,
    CsvOption,
    FromOption,
    JsonOption,
    LakeOption,
    MinGpusOption,
    ToOption,
    duration_seconds,
    moment,
)
from reliability.cli.output import harmless, note, print_answer, print_table
from reliability.documents import to_json

if TYPE_CHECKING:
    from reliability.analyses.causes import Causes
    from reliability.analyses.companions import Companions
    from reliability.lake import Lake


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(causes)


_ATTEMPT: Final = (
    *("attempt", "state", "start_utc", "end_utc", "node_count", "gpu_count", "is_infrastructure", "cause"),
    *("probability", "probability_low", "probability_high", "evidence_count", "lost_gpu_hours"),
)
_PAIR: Final = (
    "kind",
    "other",
    "incidents",
    "with_other",
    "share",
    "share_low",
    "share_high",
    "expected_share",
    "lift",
)
_CASCADE: Final = (
    "kind",
    "other",
    "incidents",
    "with_other",
    "share",
    "excess",
    "excess_low",
    "excess_high",
    "at_once",
)
_EVENT: Final = ("from_utc", "symptom", "node_count", "attempts_ended", "outages", "onset_span_seconds", "nodes")
_MOST_PAIRS: Final = 12


def causes(
    job: Annotated[
        str | None, typer.Option("--job", metavar="ID", help="Judge one job: the evidence, and how sure it is.")
    ] = None,
    min_gpus: MinGpusOption = 0,
    before: Annotated[
        str, typer.Option("--before", metavar="TIME", help="A sign counts from this long before an attempt's end …")
    ] = "10m",
    after: Annotated[str, typer.Option("--after", metavar="TIME", help="… to this long after it.")] = "5m",
    incident_gap: Annotated[
        str, typer.Option("--incident-gap", metavar="TIME", help="A longer silence ends an incident of a node.")
    ] = "10m",
    event_gap: Annotated[
        str, typer.Option("--event-gap", metavar="TIME", help="Nodes in trouble this close in time suffer one event.")
    ] = "60s",
    together: Annotated[
        str, typer.Option("--together", metavar="TIME", help="Signs this close in time come together, or cascade.")
    ] = "10m",
    confidence: ConfidenceOption = 0.9,
    from_time: FromOption = None,
    to_time: ToOption = None,
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """What fails: failures by cause, what comes together, what follows what, and whether it was the infrastructure."""
    from reliability.analyses.causes import causes as ask  # noqa: PLC0415 - keeps --help instant
    from reliability.analyses.companions import companions  # noqa: PLC0415
    from reliability.lake import open_lake  # noqa: PLC0415

    opened = open_lake(lake)
    window = {
        "attribution_before_seconds": _seconds("--before", before),
        "attribution_after_seconds": _seconds("--after", after),
    }
    if job is not None:
        _print_job(opened, job, window, confidence, as_json=as_json, as_csv=as_csv)
        return
    options: dict[str, Any] = {
        **window,
        "min_gpus": min_gpus,
        "confidence": confidence,
        "from_utc": moment("--from", from_time),
        "to_utc": moment("--to", to_time),
    }
    gaps: dict[str, Any] = {
        "window_seconds": _seconds("--together", together),
        "incident_gap_seconds": _seconds("--incident-gap", incident_gap),
        "event_gap_seconds": _seconds("--event-gap", event_gap),
    }
    found = ask(opened, **options)
    if as_csv:
        print_answer(found, as_json=False, as_csv=True)
        return
    beside = companions(opened, **gaps, **options)
    if as_json:
        print(to_json(found.document() | {"companions": beside.document()}))
        return
    _print(found, beside)


def _print(found: Causes, beside: Companions) -> None:
    print_answer(found, as_json=False, as_csv=False)
    print()
    print_table(found.document()["domains"], title="by domain")
    note(f"{found.definition} Rates: exact Poisson; shares: Clopper-Pearson; {found.confidence:.0%}.")
    note(
        f"infrastructure failures: {found.infrastructure_failures:,}, in independent events: {beside.failure_events:,}"
    )
    document = beside.document()
    print()
    print_table(document["application_xids"], title="application Xids: not held against hardware")
    print()
    print_table(document["co_occurrence"][:_MOST_PAIRS], _PAIR, title="signs that come together on a node")
    print()
    print_table(document["cascades"][:_MOST_PAIRS], _CASCADE, title="signs that follow another on a node")
    print()
    print_table(document["largest_events"], _EVENT, title="events of several nodes")
    note(
        f"nodes whose trouble was joined to another's: {beside.joins:,}, by chance: {beside.expected_joins:.2g}. "
        f"{beside.definition}"
    )
    for warning in beside.warnings:
        note(f"caution: {warning}")


def _print_job(lake: Lake, job: str, window: dict[str, int], confidence: float, *, as_json: bool, as_csv: bool) -> None:
    from reliability.analyses.causes import job_verdict  # noqa: PLC0415 - keeps --help instant

    verdict = job_verdict(lake, job, confidence=confidence, **window)
    print_answer(verdict, as_json=as_json, as_csv=as_csv, columns=_ATTEMPT)
    if not (as_json or as_csv):
        print()
        shown = ("attempt", "node", "time_utc", "seconds_after_end", "lines", "symptom", "code", "slot", "message")
        print_table(verdict.document()["evidence"], shown, "evidence")
        print()
        for attempt in verdict.attempts:
            if attempt["verdict"]:
                print(harmless(attempt["verdict"]))


def _seconds(option: str, text: str) -> int:
    return round(duration_seconds(option, text))
