"""Unix time as monitors print it, to instants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def from_unix(seconds: float) -> datetime:
    """Return the instant of seconds since 1970.

    Raises
    ------
    ValueError
        If the calendar has no such time.

    Examples
    --------
    >>> from_unix(1710410430.5).isoformat()
    '2024-03-14T10:00:30.500000+00:00'
    >>> from_unix(1e18)
    Traceback (most recent call last):
    ...
    ValueError: no such time: 1e+18 seconds since 1970
    """
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except (OverflowError, ValueError) as error:  # ValueError: not a number
        raise ValueError(f"no such time: {seconds:g} seconds since 1970") from error
