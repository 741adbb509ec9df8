"""What a report says: sections made of a sentence, a table and figures, each with its definition and its n."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from reliability.analyses.answer import Answer
from reliability.analyses.failures import failures
from reliability.analyses.overview import Overview
from reliability.analyses.plan import FailureRate, plan
from reliability.analyses.rates import Rates, rates
from reliability.analyses.status import Status
from reliability.analyses.survival import Survival, survival
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.errors import NoDataError
from reliability.figures.causes import cause_name
from reliability.figures.overview import availability_figure, states_figure
from reliability.figures.plan import plan_figure, size_figure
from reliability.figures.survival import plural_of
from reliability.report.numbers import count, day, interval, number

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from reliability.lake import Lake

Asked = TypeVar("Asked", bound=Answer)

#: sizes of run in the planning table
_RUN_GPUS: Final = (1_024, 4_096, 16_384, 100_000)
_CHECKPOINT_WRITE_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class Table:
    """A table of plain text; ``numeric`` columns are set right."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int]


@dataclass(frozen=True, slots=True)
class Section:
    """One heading of the report. Without figures and tables, ``text`` says why."""

    title: str
    text: str
    figures: tuple[go.Figure, ...] = ()
    tables: tuple[Table, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the lake has nothing to show here."""
        return not self.figures and not self.tables


@dataclass(frozen=True, slots=True)
class Window:
    """What a report is asked for."""

    confidence: float
    from_utc: datetime | None
    to_utc: datetime | None

    def options(self) -> dict[str, Any]:
        """Return the keywords that every question takes."""
        return {"confidence": self.confidence, "from_utc": self.from_utc, "to_utc": self.to_utc}


def node_section(lake: Lake, overview: Overview, window: Window) -> Section:
    """Say how often nodes failed, and what part of their time was lost."""
    title = "Nodes"
    by_month, reason = _ask(lambda: rates(lake, "node", by="month", **window.options()))
    if by_month is None or overview.node_rates is None:
        return Section(title, reason)
    return Section(
        title,
        _with_warnings(by_month),
        (availability_figure(overview), by_month.figure()),
        (_rates_table(by_month, "month"),),
    )


def _with_warnings(found: Rates) -> str:
    """Return the definition, and where the data do not look like what the intervals assume, that too."""
    return " ".join([found.definition, *(f"Caution: {warning}." for warning in found.warnings)])


def failure_section(lake: Lake, overview: Overview, window: Window) -> Section:
    """Say what failed: causes, and when."""
    title = "Causes"
    if overview.causes is None:
        return Section(title, "No logs of jobs or of node states are in the lake, so nothing can be said about causes.")
    if not overview.causes.causes:
        return Section(title, f"Nothing failed in {number(overview.causes.exposure_node_days)} node-days.")
    found = failures(lake, from_utc=window.from_utc, to_utc=window.to_utc)
    rows = tuple(
        (
            cause_name(cause.cause),
            cause.domain.replace("_", " "),
            count(cause.failures),
            f"{cause.share.share:.1%}",
            interval(cause.rate.rate_per_1000_days, cause.rate.low_per_1000_days, cause.rate.high_per_1000_days),
            number(cause.lost_gpu_hours),
        )
        for cause in overview.causes.causes
    )
    columns = ("cause", "domain", "failures", "share", "per 1000 node-days", "lost GPU-hours")
    return Section(
        title,
        overview.causes.definition,
        (overview.causes.figure(), found.figure()) if overview.causes.infrastructure_failures else (),
        (Table(columns, rows, frozenset({2, 3, 4, 5})),),
    )


def job_section(lake: Lake, overview: Overview, window: Window) -> Section:
    """Say how jobs ended, and how often the infrastructure ended them."""
    title = "Jobs"
    by_size, reason = _ask(lambda: rates(lake, "attempt", by="job_size", **window.options()))
    if by_size is None:
        return Section(title, reason)
    states = tuple(
        (row["state"], count(row["attempts"]), f"{row['share']:.1%}", number(row["gpu_hours"]))
        for row in overview.states
    )
    return Section(
        title,
        _with_warnings(by_size),
        (states_figure(overview), by_size.figure()),
        (
            Table(("state", "attempts", "share", "GPU-hours"), states, frozenset({1, 2, 3})),
            _rates_table(by_size, "GPUs of the job"),
        ),
    )


def lives(lake: Lake, overview: Overview, window: Window) -> tuple[Survival, ...]:
    """Ask how long things live: every inventoried kind of component, and nodes where their states were logged."""
    with closing(DuckDBEngine(lake)) as engine:
        kinds = [
            row["component"] for row in engine.rows("SELECT DISTINCT component FROM components ORDER BY component")
        ]
    asked = [*kinds, "node"] if overview.node_rates is not None else kinds
    found = [_ask(lambda kind=kind: survival(lake, kind, **window.options()))[0] for kind in asked]  # type: ignore[misc]  # kind is bound now, not later
    return tuple(answer for answer in found if answer is not None)


def life_section(found: Survival) -> Section:
    """Draw how long one kind of thing lives."""
    rows = tuple(
        (
            row["group"],
            count(row["lives"]),
            count(row["events"]),
            interval(row["median_hours"], row["median_low_hours"], row["median_high_hours"]),
            "; ".join(row["warnings"]),
        )
        for row in found.summary()
    )
    table = Table(("group", "units", "failures", "median life (h)", "to know"), rows, frozenset({1, 2, 3}))
    return Section(f"Lives of {plural_of(found.component)}", found.definition, (found.figure(),), (table,))


def plan_section(rate: FailureRate | None, gpus: int) -> Section:
    """Say what a large run could expect at the measured rate."""
    title = "A large run"
    if rate is None or not rate.failures:
        return Section(title, "No failure was measured over node-days, so there is no rate to plan with.")
    planned = plan(gpus or _RUN_GPUS[0], rate, checkpoint_write_seconds=_CHECKPOINT_WRITE_SECONDS)
    sizes = sorted({planned.gpus, *_RUN_GPUS})
    rows = []
    for size in sizes:
        expected = plan(size, rate, checkpoint_write_seconds=_CHECKPOINT_WRITE_SECONDS).document()
        rows.append(
            (
                count(size),
                interval(expected["mttf_hours"], expected["mttf_low_hours"], expected["mttf_high_hours"]),
                *(_ettr(expected, form) for form in ("ettr_v1", "ettr_v2")),
                number(expected["interval_v2_optimal_minutes"]),
                number(expected["ettr_v2_at_optimum"]),
            )
        )
    columns = ("GPUs", "MTTF (h)", "ETTR v1", "ETTR v2", "best interval (min)", "ETTR v2 there")
    assumed = (
        "Assumed: a checkpoint every hour that takes 2 min to write, 5 min to restart, no queue. A dash stands where "
        "failures would cost so much of the time that the closed forms do not hold."
    )
    return Section(
        title,
        f"{planned.document()['definition']} {assumed}",
        (plan_figure(planned), size_figure(planned)),
        (Table(columns, tuple(rows), frozenset(range(6))),),
    )


def quality_section(status: Status) -> Section:
    """Say what the numbers rest on: files, rejects, warnings, windows."""
    files = tuple(
        (
            row["path"],
            row["format"],
            row["cluster"],
            *(count(row[f"rows_{kind}"]) for kind in ("read", "used", "rejected", "dropped")),
            "; ".join(row["warnings"]),
        )
        for row in status.files
    )
    tables = [
        Table(
            ("file", "format", "cluster", "read", "used", "rejected", "dropped", "warnings"),
            files,
            frozenset({3, 4, 5, 6}),
        )
    ]
    if status.rejects:
        rejects = tuple(
            (row["reason"], count(row["rejected_rows"]), row["first_path"], count(row["first_line"]))
            for row in status.rejects
        )
        tables.append(Table(("why a record was refused", "records", "first in", "line"), rejects, frozenset({1, 3})))
    windows = tuple(
        (row["cluster"], row["table_name"], day(row["from_utc"]), day(row["to_utc"]), number(row["observed_days"]))
        for row in status.observation
    )
    tables.append(Table(("cluster", "table", "observed from", "to", "days"), windows, frozenset({4})))
    text = (
        "Every record of a file is used, rejected with a reason, or dropped: a repeat, or a detail of another. "
        "Rates count what lies within the time that the logs of a table cover."
    )
    figures = (status.figure(),) if status.observation else ()
    return Section("What the numbers rest on", text, figures, tuple(tables))


def _ettr(expected: dict[str, Any], form: str) -> str:
    if expected["warnings"]:
        return number(None)
    return interval(expected[form], expected[f"{form}_low"], expected[f"{form}_high"])


def _ask(question: Callable[[], Asked]) -> tuple[Asked | None, str]:
    """Return the answer, or the sentence that says why there is none."""
    try:
        return question(), ""
    except NoDataError as error:
        text = str(error)
        return None, f"{text[0].upper()}{text[1:]}."


def _rates_table(found: Rates, heading: str) -> Table:
    rows = []
    for group in found.groups:
        estimate = group.estimate
        rate = mttf = "–"
        if estimate is not None:
            rate = interval(estimate.rate_per_1000_days, estimate.low_per_1000_days, estimate.high_per_1000_days)
            mttf = interval(estimate.mttf_hours, estimate.mttf_low_hours, estimate.mttf_high_hours)
        rows.append((group.group, count(group.failures), number(group.exposure_days), rate, mttf))
    columns = (heading, "failures", f"{found.unit}-days", f"per 1000 {found.unit}-days", f"MTTF of a {found.unit} (h)")
    return Table(columns, tuple(rows), frozenset({1, 2, 3, 4}))
