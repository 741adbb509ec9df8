"""The state of a view in the address: read leniently, since people edit and shorten what they share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import parse_qsl, urlencode


def read_query(search: str | None) -> dict[str, str]:
    """Return the parameters of a query string; the last of a repeated one counts.

    >>> read_query("?gpus=16000&rate=6.5")
    {'gpus': '16000', 'rate': '6.5'}
    """
    return dict(parse_qsl((search or "").removeprefix("?")))


def write_query(parameters: Mapping[str, object | None]) -> str:
    """Return a query string of what is not None.

    >>> write_query({"gpus": 16000, "rate": 6.50, "from": None})
    '?gpus=16000&rate=6.5'
    """
    written = {name: _text(value) for name, value in parameters.items() if value is not None}
    return f"?{urlencode(written)}" if written else ""


def number_in(query: Mapping[str, str], name: str, low: float, high: float) -> float | None:
    """Return a number of the query within its bounds, None where there is none.

    >>> number_in({"gpus": "1e9"}, "gpus", 1, 100_000), number_in({"gpus": "many"}, "gpus", 1, 100_000)
    (100000, None)
    """
    try:
        value = float(query[name])
    except (KeyError, ValueError):
        return None
    return None if math.isnan(value) else min(high, max(low, value))


def day_in(query: Mapping[str, str], name: str) -> str | None:
    """Return an ISO day of the query, None where there is none.

    >>> day_in({"from": "2026-01-31"}, "from"), day_in({"from": "yesterday"}, "from")
    ('2026-01-31', None)
    """
    try:
        return date.fromisoformat(query[name]).isoformat()
    except (KeyError, ValueError):
        return None


def window_of(first_day: str | None, last_day: str | None) -> dict[str, datetime]:
    """Return the half-open window of whole UTC days, the last one included, as the questions take it.

    >>> window_of("2026-01-01", "2026-01-31")["to_utc"].isoformat()
    '2026-02-01T00:00:00+00:00'
    >>> window_of(None, None)
    {}
    """
    window = {}
    if first_day:
        window["from_utc"] = _midnight(first_day)
    if last_day:
        window["to_utc"] = _midnight(last_day) + timedelta(days=1)
    return window


def _midnight(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(), tzinfo=UTC)


def _text(value: object) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)
