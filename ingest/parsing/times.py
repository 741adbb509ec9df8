"""Times as Slurm prints them, to UTC: whole columns at once, and honest about summer time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from reliability.schema import TIME

#: what Slurm prints where there is no time
UNKNOWN_TIMES: Final = pa.array(["", "Unknown", "None", "N/A", "NONE", "unknown"])
_ISO: Final = "%Y-%m-%dT%H:%M:%S"
_HOUR_US: Final = 3_600_000_000


@dataclass(frozen=True, slots=True)
class LocalTimes:
    """A column of times and what could not be decided about it.

    Attributes
    ----------
    earliest, latest
        Arrays of UTC microseconds; they differ where a clock set back shows the same local time twice.
    unreadable, nonexistent
        Masks of rows whose text is no time, or a time skipped when the clocks were set forward.
    naive
        Whether any time had no zone of its own.
    """

    earliest: pa.Array
    latest: pa.Array
    unreadable: np.ndarray
    nonexistent: np.ndarray
    naive: bool

    @property
    def ambiguous(self) -> np.ndarray:
        """Mask of the rows that stand for two instants."""
        if self.earliest is self.latest:
            return np.zeros(len(self.earliest), dtype=bool)
        return as_mask(pc.not_equal(self.earliest, self.latest))


def parse_times(column: pa.Array, zone: str) -> LocalTimes:
    """Parse ``2024-03-10T02:30:00`` (in the zone) or Unix seconds; ``Unknown``, ``None``, ``N/A`` and empty are null.

    Parameters
    ----------
    column
        Array of strings, shape (rows,).
    zone
        IANA zone of times without one.

    Returns
    -------
    LocalTimes
        Arrays and masks of shape (rows,).

    Examples
    --------
    >>> column = pa.array(["2024-03-10T02:30:00", "1710000000", "Unknown", "soon"])
    >>> parsed = parse_times(column, "America/New_York")
    >>> parsed.unreadable.tolist(), parsed.nonexistent.tolist()
    ([False, False, False, True], [True, False, False, False])
    """
    known = pc.if_else(pc.is_in(column, value_set=UNKNOWN_TIMES), pa.scalar(None, pa.string()), column)
    is_iso = pc.equal(pc.binary_length(known), len("2024-03-10T02:30:00"))
    iso = pc.if_else(is_iso, known, pa.scalar(None, pa.string()))
    epoch = pc.if_else(pc.match_substring_regex(known, r"^\d{8,11}$"), known, pa.scalar(None, pa.string()))
    naive = _parse_iso(iso)
    has_naive = naive.null_count < len(naive)
    instants = epoch.cast(pa.int64()).cast(pa.timestamp("s")).cast(pa.timestamp("us")).cast(TIME)
    if zone == "UTC" or not has_naive:
        earliest = latest = pc.coalesce(naive.cast(TIME), instants)
        nonexistent = np.zeros(len(column), dtype=bool)
    else:
        early = pc.assume_timezone(naive, zone, ambiguous="earliest", nonexistent="earliest").cast(TIME)
        late = pc.assume_timezone(naive, zone, ambiguous="latest", nonexistent="latest").cast(TIME)
        # Arrow brackets a skipped time by the two ends of the gap, one microsecond apart.
        nonexistent = as_mask(pc.equal(pc.subtract(late, early).cast(pa.int64()), 1))
        earliest, latest = pc.coalesce(early, instants), pc.coalesce(late, instants)
    unreadable = as_mask(pc.and_(pc.is_valid(known), pc.is_null(earliest)))
    return LocalTimes(earliest, latest, unreadable, nonexistent, has_naive)


def resolve_folds(start: LocalTimes, end: LocalTimes, elapsed_seconds: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Choose the instants of starts and ends that a clock set back made ambiguous.

    The pair whose length is nearest to the row's own elapsed seconds wins; where that decides nothing, the earlier
    instants, as long as nothing ends before it starts.

    Parameters
    ----------
    start, end
        Parsed columns, shape (rows,).
    elapsed_seconds
        Array of float64, null where the row does not tell, shape (rows,).

    Returns
    -------
    tuple of pa.Array
        Starts and ends, UTC microseconds.
    """
    rows = np.flatnonzero(start.ambiguous | end.ambiguous)
    if not len(rows):
        return start.earliest, end.earliest
    starts, ends = _micros(start.earliest), _micros(end.earliest)
    late_starts, late_ends = _micros(start.latest), _micros(end.latest)
    has_start, has_end = as_mask(pc.is_valid(start.earliest)), as_mask(pc.is_valid(end.earliest))
    for row in rows:
        if not (has_start[row] and has_end[row]):
            continue
        elapsed = elapsed_seconds[int(row)].as_py()
        pairs = [(s, e) for s in (starts[row], late_starts[row]) for e in (ends[row], late_ends[row])]
        starts[row], ends[row] = min(pairs, key=lambda pair: _misfit(pair, elapsed))
    return _times(starts, has_start), _times(ends, has_end)


def as_mask(column: pa.Array) -> np.ndarray:
    """Return a boolean Arrow array as NumPy, null as False.

    >>> as_mask(pa.array([True, None])).tolist()
    [True, False]
    """
    return np.asarray(pc.fill_null(column, False).to_numpy(zero_copy_only=False), dtype=bool)  # noqa: FBT003 - Arrow's own signature


def _misfit(pair: tuple[int, int], elapsed: float | None) -> tuple[bool, float, int]:
    length = (int(pair[1]) - int(pair[0])) / 1e6
    return length < 0, 0.0 if elapsed is None else abs(length - elapsed), int(pair[0]) + int(pair[1])


def _parse_iso(texts: pa.Array) -> pa.Array:
    try:
        return texts.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        # At least one is no time: the slow way finds which. It also takes 30 February for 1 March, hence the check.
        parsed = pc.strptime(texts, format=_ISO, unit="us", error_is_null=True)
        same = pc.equal(pc.strftime(parsed.cast(pa.timestamp("s")), format=_ISO), texts)
        return pc.if_else(same, parsed, pa.scalar(None, pa.timestamp("us")))


def _micros(column: pa.Array) -> np.ndarray:
    return np.array(pc.fill_null(column.cast(pa.int64()), 0).to_numpy(zero_copy_only=False))


def _times(micros: np.ndarray, valid: np.ndarray) -> pa.Array:
    return pa.array(micros, pa.int64(), mask=~valid).cast(TIME)
