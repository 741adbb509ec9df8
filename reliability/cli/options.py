"""Options that several commands share, and the parsers of their values."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from reliability.errors import BadOptionError

LakeOption = Annotated[
    Path, typer.Option("--lake", envvar="RELIABILITY_LAKE", help="Folder of the lake.", show_default=True)
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document: numbers unrounded, units in the keys.")
]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print the table as CSV.")]
ConfidenceOption = Annotated[
    float, typer.Option("--confidence", min=0.5, max=0.9999, help="Two-sided confidence level of the intervals.")
]
FromOption = Annotated[
    str | None,
    typer.Option("--from", metavar="TIME", help="Only from this time on (UTC: 2026-01-31 or 2026-01-31T06:00)."),
]
ToOption = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Only before this time (UTC).")]
MinGpusOption = Annotated[
    int, typer.Option("--min-gpus", min=0, help="Only attempts with more GPUs than this (0: all).")
]
WhereOption = Annotated[
    str | None,
    typer.Option("--where", metavar="ATTRIBUTE=VALUE", help="Only inventoried components with this attribute."),
]

DEFAULT_LAKE: Final = Path("lake")

_DURATION_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(d|h|m|s)")
_SECONDS: Final = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}


def duration_seconds(option: str, text: str) -> float:
    """Return a duration such as ``90s``, ``60m``, ``1h30m`` or ``14d`` in seconds.

    Raises
    ------
    BadOptionError
        If the text is no such duration; a number without a unit is none.

    >>> duration_seconds("--restart-overhead", "1h30m")
    5400.0
    """
    parts = _DURATION_PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise BadOptionError(option, text, "a duration with units, such as 90s, 60m, 1h30m or 14d")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def where(text: str | None) -> tuple[str, str] | None:
    """Return an attribute and the value asked of it.

    Raises
    ------
    BadOptionError
        If the text has no ``=``.

    >>> where("batch=old")
    ('batch', 'old')
    """
    if text is None:
        return None
    attribute, equals, value = text.partition("=")
    if not (attribute and equals):
        raise BadOptionError("--where", text, "ATTRIBUTE=VALUE, such as batch=old")
    return attribute, value


def moment(option: str, text: str | None) -> datetime | None:
    """Return an ISO 8601 date or time as UTC; one without a zone is UTC.

    Raises
    ------
    BadOptionError
        If the text is none.

    >>> moment("--from", "2026-01-31").isoformat()
    '2026-01-31T00:00:00+00:00'
    """
    if text is None:
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadOptionError(
            option, text, "an ISO 8601 date or time, such as 2026-01-31 or 2026-01-31T06:00Z"
        ) from error
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
