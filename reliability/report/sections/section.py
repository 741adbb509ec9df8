"""What a section of a report is, and the tables that several of them show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from reliability.analyses.answer import Answer
from reliability.analyses.rates import Rates
from reliability.errors import NoDataError
from reliability.report.numbers import count, interval, number

if TYPE_CHECKING:
    import plotly.graph_objects as go


Asked = TypeVar("Asked", bound=Answer)


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


def ask(question: Callable[[], Asked]) -> tuple[Asked | None, str]:
    """Return the answer, or the sentence that says why there is none."""
    try:
        return question(), ""
    except NoDataError as error:
        text = str(error)
        return None, f"{text[0].upper()}{text[1:]}."


def rates_table(found: Rates, heading: str) -> Table:
    """Return rates by group as a table; `heading` says what the groups are."""
    rows = []
    for group in found.groups:
        estimate = group.estimate
        rate = robust = mttf = "–"
        if estimate is not None:
            rate = interval(estimate.rate_per_1000_days, estimate.low_per_1000_days, estimate.high_per_1000_days)
            mttf = interval(estimate.mttf_hours, estimate.mttf_low_hours, estimate.mttf_high_hours)
        if group.robust is not None:
            robust = f"{number(1000 * group.robust.low_per_day)}–{number(1000 * group.robust.high_per_day)}"
        rows.append((group.group, count(group.failures), number(group.exposure_days), rate, robust, mttf))
    rate_name, mttf_name = f"per 1000 {found.unit}-days", f"MTTF of a {found.unit} (h)"
    columns = (heading, "failures", f"{found.unit}-days", rate_name, "robust interval", mttf_name)
    return Table(columns, tuple(rows), frozenset({1, 2, 3, 4, 5}))


def with_warnings(found: Rates) -> str:
    """Return the definition, and where the data do not look like what the intervals assume, that too."""
    return " ".join([found.definition, *(f"Caution: {warning}." for warning in found.warnings)])
