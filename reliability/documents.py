"""JSON and CSV as every face prints them: ISO times, NaN and infinity as null, no cell a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final, TypeAlias
from uuid import UUID

import numpy as np

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


def to_json(document: object) -> str:
    r"""Return the document as JSON.

    >>> to_json({"mttf_hours": float("nan"), "low": 1.5})
    '{\n  "mttf_hours": null,\n  "low": 1.5\n}'
    """
    return printable(json.dumps(plain(document), indent=2, ensure_ascii=False, allow_nan=False))


def printable(text: str) -> str:
    r"""Return text that any stream takes: bytes of a path that are no UTF-8 are escaped, as JSON can, too.

    >>> print(printable("ü\udcff"))
    ü\udcff
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def plain(value: object) -> Json:
    """Return the value in JSON's own types.

    Raises
    ------
    TypeError
        If it has no form in JSON.

    >>> plain(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    '2026-01-02T03:04:05Z'
    """
    match value:
        case None | str() | bool() | int():
            return value
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case bytes():
            return value.hex()
        case Iterable():
            return [plain(item) for item in value]
    return _scalar(value)


def _scalar(value: object) -> Json:
    match value:
        case np.generic():
            return plain(value.item())
        case float():
            return value if math.isfinite(value) else None
        case datetime():
            return iso(value)
        case date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case UUID():
            return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def iso(moment: datetime) -> str:
    """Return the moment in UTC as ISO 8601 with Z; fractions of a second only where there are any."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def to_csv(rows: list[dict[str, Any]]) -> str:
    r"""Return the rows as CSV. Text that a spreadsheet would run as a formula is given a leading apostrophe.

    >>> to_csv([{"job_name": "=HYPERLINK(1)", "rate": -1.5}])
    "job_name,rate\r\n'=HYPERLINK(1),-1.5\r\n"
    """
    if not rows:
        return ""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(plain(value)) for name, value in row.items()})
    return stream.getvalue()


def _cell(value: Json) -> object:
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return value
