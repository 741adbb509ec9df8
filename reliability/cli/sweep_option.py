"""The value of ``--sweep``: what is swept, and from where to where."""

from __future__ import annotations

import re
from typing import Final

from reliability.cli.options import duration_seconds
from reliability.errors import BadOptionError

_RANGE: Final = re.compile(r"(?P<name>[\w-]+)=(?P<low>[^=]+?)\.\.(?P<high>[^=]+)")
_COUNT: Final = re.compile(r"(\d+(?:\.\d+)?)([km]?)", re.IGNORECASE)
#: sizes of runs are counted in powers of two: 16k GPUs are 16,384
_TIMES: Final = {"": 1, "k": 1024, "m": 1024**2}
_EXPECTED: Final = "NAME=LOW..HIGH, such as gpus=1k..128k or checkpoint_interval=5m..4h"


def sweep_range(text: str) -> tuple[str, float, float]:
    """Return what is swept, and the ends of its range: durations in seconds, the rest as it is.

    Raises
    ------
    BadOptionError
        If the text is no range.

    >>> sweep_range("gpus=1k..128k")
    ('gpus', 1024.0, 131072.0)
    >>> sweep_range("checkpoint-interval=5m..4h")
    ('checkpoint_interval', 300.0, 14400.0)
    >>> sweep_range("r_f=0.5..8")
    ('r_f', 0.5, 8.0)
    """
    found = _RANGE.fullmatch(text)
    if found is None:
        raise BadOptionError("--sweep", text, _EXPECTED)
    from reliability.analyses.plan_sweep import SWEPT  # noqa: PLC0415 - keeps --help instant

    name = found["name"].replace("-", "_")
    if name not in SWEPT:
        raise BadOptionError("--sweep", name, f"one of {', '.join(SWEPT)}")
    low, high = (_end(text, found[end], is_time=bool(SWEPT[name].unit)) for end in ("low", "high"))
    return name, low, high


def _end(text: str, end: str, *, is_time: bool) -> float:
    if is_time:
        return duration_seconds("--sweep", end)
    number = _COUNT.fullmatch(end)
    if number is None:
        raise BadOptionError("--sweep", text, _EXPECTED)
    return float(number[1]) * _TIMES[number[2].lower()]
