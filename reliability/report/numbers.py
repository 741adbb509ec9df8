"""Numbers as a report prints them: three digits that matter, thousands apart, the interval beside the value."""

from __future__ import annotations

from datetime import UTC, datetime
from math import floor, isfinite, log10

_NOTHING = "–"


def number(value: float | None) -> str:
    """Return a number with three significant digits, whole from 100 on.

    >>> number(0.01234), number(12.0), number(1234.5), number(None)
    ('0.0123', '12.0', '1,234', '–')
    """
    if value is None or not isfinite(value):
        return _NOTHING
    if value == 0:
        return "0"
    digits = 2 - floor(log10(abs(value)))
    return f"{value:,.{max(0, digits)}f}"


def count(value: float) -> str:
    """Return a count.

    >>> count(12345)
    '12,345'
    """
    return f"{value:,.0f}"


def interval(value: float | None, low: float | None, high: float | None) -> str:
    """Return a value with its interval; a limit that the data do not set is left open.

    >>> interval(11.9, 9.0, 15.0)
    '11.9 (9.00–15.0)'
    >>> interval(None, 192.3, None)
    '– (192–∞)'
    """
    if low is None and high is None:
        return number(value)
    return f"{number(value)} ({'0' if low is None else number(low)}–{'∞' if high is None else number(high)})"


def day(moment: datetime) -> str:
    """Return the day and minute of a moment in UTC.

    >>> day(datetime(2026, 1, 2, 3, 4, tzinfo=UTC))
    '2026-01-02 03:04'
    """
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}"
