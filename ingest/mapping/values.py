"""Values as foreign tables print them, to the types and units of the lake. Whatever cannot be read is a ValueError."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from ingest.parsing.stamps import local_to_utc
from ingest.slurm.host_lists import parse_hosts

Number = int | float

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: texts remembered by a reader: a burst of events repeats its times, a log its states
_REMEMBERED: Final = 1 << 14
_SHOWN: Final = 80
_TRUE: Final = frozenset({"true", "t", "yes", "y", "1"})
_FALSE: Final = frozenset({"false", "f", "no", "n", "0"})

#: format of a time given as a number → units of it in a second
EPOCHS: Final = {"epoch s": 1, "epoch ms": 1_000, "epoch us": 1_000_000, "epoch ns": 1_000_000_000}
_SECONDS: Final = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600, "d": 86_400, "weeks": 604_800}
#: unit of the schema → units it can be converted from, and how many of it each is
UNITS: Final[dict[str, dict[str, Number]]] = {
    "s": {**_SECONDS, "seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400},
    "bytes": {
        "bytes": 1,
        **{f"{prefix}iB": 1 << 10 * power for power, prefix in enumerate("KMGTP", start=1)},
        **{f"{prefix}B": 1000**power for power, prefix in enumerate("KMGTP", start=1)},
    },
    "Gb/s": {"Mb/s": 1e-3, "Gb/s": 1, "Tb/s": 1000, "MB/s": 8e-3, "GB/s": 8},
    "tokens/s": {"tokens/s": 1, "tokens/min": 1 / 60},
    **{
        unit: {unit: 1, "thousandths": 1e-3, "percent": 1e-2, "thousands": 1000, "millions": 1_000_000}
        for unit in ("GPUs", "CPUs", "nodes", "tokens")
    },
}
ROUNDINGS: Final[dict[str, Callable[[float], int]]] = {"up": math.ceil, "down": math.floor, "nearest": round}


@dataclass(frozen=True, slots=True)
class Local:
    """The zone of times that have none, and who is told when one was read in it."""

    zone: ZoneInfo
    on_naive: Callable[[], None]
    on_ambiguous: Callable[[], None]


def is_empty(value: object, nulls: frozenset[str]) -> bool:
    """Tell whether a value stands for nothing: absent, blank, one of the texts that say so, or not a number (NaN).

    >>> is_empty(" ", frozenset()), is_empty("n/a", frozenset({"n/a"})), is_empty(0, frozenset())
    (True, True, False)
    """
    if value is None:
        return True
    if isinstance(value, str):
        text = value.strip()
        return not text or text in nulls
    if isinstance(value, float) and math.isnan(value):
        return True
    return bool(nulls) and not isinstance(value, list | dict) and to_text(value) in nulls


def to_text(value: object) -> str:
    """Return a single value as text: whole floats without a fraction, times in ISO 8601.

    Raises
    ------
    ValueError
        If it is a list, an object, or text that no file can hold.

    Examples
    --------
    >>> to_text(" n1 "), to_text(17.0), to_text(True)
    ('n1', '17', 'true')
    """
    if isinstance(value, str):
        text = value.strip()
        if not text.isascii():
            text.encode()  # half of a surrogate pair, which JSON can spell
        return text
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip()
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, list | dict | tuple):
        raise ValueError(f"one value expected, not {'an object' if isinstance(value, dict) else 'a list'}")  # noqa: TRY004 - refuses the record
    return str(value)


def to_number(value: object) -> Number:
    """Return a value as a number.

    >>> to_number("17"), to_number(" 1.5e3 "), to_number(2)
    (17, 1500.0, 2)
    """
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} is no number")
        return value
    text = to_text(value)
    if isinstance(value, bool) or not _NUMBER.fullmatch(text) or len(text) > 40:
        raise ValueError(f"{text[:_SHOWN]!r} is no number")
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is too large")
    return int(text) if text.lstrip("+-").isdigit() else number


def to_whole(number: Number, bits: int, rounding: str | None) -> int:
    """Return a number as an integer of so many bits.

    >>> to_whole(8.0, 32, None), to_whole(0.5, 32, "up")
    (8, 1)
    """
    if rounding is not None:
        whole = ROUNDINGS[rounding](number)
    elif number != int(number):
        raise ValueError(f"{number} is no whole number")
    else:
        whole = int(number)
    if not -(1 << bits - 1) <= whole < 1 << bits - 1:
        raise ValueError(f"{number} is too large")
    return whole


def to_flag(value: object) -> bool:
    """Return a value as true or false.

    >>> to_flag("Yes"), to_flag(0)
    (True, False)
    """
    text = to_text(value)
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(f"{text[:_SHOWN]!r} is neither true nor false")


def to_list(value: object, split: str | None, *, hosts: bool) -> list[str]:
    """Return a value as a list of texts: an array as it is, text cut at ``split`` or expanded as a Slurm host list.

    >>> to_list("n1; n2", ";", hosts=False), to_list("n[1-2]", None, hosts=True)
    (['n1', 'n2'], ['n1', 'n2'])
    """
    if isinstance(value, list | tuple):
        return [to_text(item) for item in value if not is_empty(item, frozenset())]
    text = to_text(value)
    if hosts:
        return parse_hosts(text)
    if split is None:
        raise ValueError(f"{text[:_SHOWN]!r} is no list; say in the mapping how to split it")
    return [item for piece in text.split(split) if (item := piece.strip())]


def time_reader(form: str, local: Local) -> Callable[[Any], datetime]:
    """Return what reads the times of a column.

    Parameters
    ----------
    form
        ``iso``, one of :data:`EPOCHS`, or a format of ``strptime``.
    local
        Zone of times that have none.
    """
    if form in EPOCHS:
        per_second = EPOCHS[form]
        return lambda value: _epoch(value, per_second)

    @lru_cache(maxsize=_REMEMBERED)
    def read(text: str) -> tuple[datetime, bool]:
        return _parse(text, form)

    is_utc = local.zone.key == "UTC"

    @lru_cache(maxsize=_REMEMBERED)
    def place(naive: datetime) -> tuple[datetime, bool]:
        return (naive.replace(tzinfo=UTC), False) if is_utc else local_to_utc(naive, local.zone)

    def convert(value: object) -> datetime:
        if isinstance(value, datetime):
            moment, aware = value, value.tzinfo is not None
        elif isinstance(value, date):
            moment, aware = datetime(value.year, value.month, value.day), False  # noqa: DTZ001 - put into its zone below
        else:
            moment, aware = read(to_text(value))
        if aware:
            return moment.astimezone(UTC)
        local.on_naive()
        instant, ambiguous = place(moment)
        if ambiguous:
            local.on_ambiguous()
        return instant

    return convert


def span_after(start: datetime, number: Number, unit_seconds: Number) -> datetime:
    """Return the time so many units after another.

    >>> span_after(datetime(2024, 1, 1, tzinfo=UTC), 1.5, 86_400).isoformat()
    '2024-01-02T12:00:00+00:00'
    """
    return start + timedelta(seconds=number * unit_seconds)


def check_format(form: str) -> str | None:
    """Say what is wrong with a time format, or None.

    >>> check_format("%d.%m.%Y %H:%M"), check_format("%b %d %H:%M:%S")
    (None, "has no year: join one to it with template = '2024 {…}' and %Y")
    """
    if form == "iso" or form in EPOCHS:
        return None
    if "%" not in form:
        return f"is neither iso, {', '.join(EPOCHS)} nor a format of strptime such as %d.%m.%Y %H:%M"
    probe = datetime(2024, 3, 4, 5, 6, 7, tzinfo=UTC)
    try:
        datetime.strptime(probe.strftime(form), form)  # noqa: DTZ007 - only tried
    except ValueError as error:
        return f"is no format of strptime: {error}"
    bare = form.replace("%%", "")
    if not any(year in bare for year in ("%Y", "%y", "%c", "%x", "%G")):
        return "has no year: join one to it with template = '2024 {…}' and %Y"
    return None


class Translation:
    """A map from texts to values; ``*`` in a key stands for any text, and the first such key that fits decides.

    >>> Translation({"OK": 1, "GPU*": 2})["GPU lost"]
    2
    """

    def __init__(self, entries: Mapping[str, Any]) -> None:
        self._exact = {text: value for text, value in entries.items() if "*" not in text}
        self._patterns = [(any_text(text), value) for text, value in entries.items() if "*" in text]
        self._find = lru_cache(maxsize=_REMEMBERED)(self._search)

    def __contains__(self, text: str) -> bool:
        return bool(self._find(text))

    def __getitem__(self, text: str) -> Any:  # noqa: ANN401 - of the column's type
        (value,) = self._find(text)
        return value

    def _search(self, text: str) -> tuple[Any, ...]:
        """Return the value alone, or nothing."""
        if text in self._exact:
            return (self._exact[text],)
        return next(((value,) for fits, value in self._patterns if fits(text)), ())


def any_text(pattern: str) -> Callable[[str], bool]:
    """Return a test for texts like a pattern in which ``*`` stands for any text; takes linear time.

    >>> any_text("*ecc*")("double ecc error"), any_text("a*b*c")("acb")
    (True, False)
    """
    first, *rest = pattern.split("*")
    if not rest:
        return lambda text: text == pattern
    *middle, last = rest

    def fits(text: str) -> bool:
        if not text.startswith(first) or len(text) < len(first) + len(last) or not text.endswith(last):
            return False
        place, end = len(first), len(text) - len(last)
        for piece in middle:
            found = text.find(piece, place, end)
            if found < 0:
                return False
            place = found + len(piece)
        return True

    return fits


def any_of(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Return a test for texts like any of the patterns.

    >>> any_of(["DOWN*", "FAIL"])("DOWN+DRAIN")
    True
    """
    return Translation(dict.fromkeys(patterns, True)).__contains__


def _epoch(value: object, per_second: int) -> datetime:
    number = to_number(value)
    if isinstance(number, int):
        seconds, rest = divmod(number, per_second)
        return _EPOCH + timedelta(seconds=seconds, microseconds=rest * 1_000_000 // per_second)
    return _EPOCH + timedelta(seconds=number / per_second)


def _parse(text: str, form: str) -> tuple[datetime, bool]:
    try:
        if form == "iso":
            plain = text.removesuffix(" UTC")
            moment = datetime.fromisoformat(plain if plain == text else f"{plain}+00:00")
        else:
            moment = datetime.strptime(text, form)  # noqa: DTZ007 - put into its zone by the caller
    except ValueError as error:
        example = "2024-03-10T02:30:00" if form == "iso" else form
        raise ValueError(f"{text[:_SHOWN]!r} is no time such as {example}") from error
    return moment, moment.tzinfo is not None
