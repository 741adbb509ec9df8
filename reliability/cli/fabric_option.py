"""``--fabric`` and ``--set`` of the topology commands: which fabric is asked about, and what is set of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reliability.cli.options import duration_seconds, moment
from reliability.errors import BadOptionError

if TYPE_CHECKING:
    from datetime import datetime

    from reliability.lake import Lake

FabricOption = Annotated[
    str,
    typer.Option(
        "--fabric",
        metavar="F",
        help="Kind of fabric: clos, rail, hpn, hpn-single-tor, dcn-plus, rail-only, railx, nvl72, torus, dragonfly, or "
        "from-lake.",
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A setting of the fabric, such as gpus=1024; else as published."),
]


def settings_of(
    given: Sequence[str] | None, option: str = "--set", form: str = "KEY=VALUE, each key once, such as gpus=1024"
) -> dict[str, str]:
    """Return settings by name.

    Raises
    ------
    BadOptionError
        One is not of the form, or is set twice.

    >>> settings_of(["gpus=1024", "m=5"])
    {'gpus': '1024', 'm': '5'}
    """
    settings: dict[str, str] = {}
    for text in given or ():
        key, equals, value = text.partition("=")
        if not (key and equals and value) or key in settings:
            raise BadOptionError(option, text, form)
        settings[key] = value
    return settings


def repair_hours_of(given: Sequence[str] | None, option: str) -> dict[str, float]:
    """Return repair times by class of component, in hours.

    Raises
    ------
    BadOptionError
        One is no CLASS=DURATION, or is given twice.

    >>> repair_hours_of(["host=4h", "nic-link=30m"], "--repair")
    {'host': 4.0, 'nic-link': 0.5}
    """
    times = settings_of(given, option, "CLASS=DURATION, each class once, such as host=4h")
    return {component: duration_seconds(option, text) / 3600 for component, text in times.items()}


def moment_in_lake(kind: str, at: str | None) -> datetime | None:
    """Return the moment at which the fabric of the lake is asked about; a planned fabric has none.

    Raises
    ------
    BadOptionError
        It is no time, or the fabric is a planned one.
    """
    from reliability.analyses.fabric import FROM_LAKE  # noqa: PLC0415 - keeps --help instant

    when = moment("--at", at)
    if at is not None and kind != FROM_LAKE:
        raise BadOptionError("--at", at, f"with it --fabric {FROM_LAKE}: a planned fabric has no history")
    return when


def lake_of(kinds: Iterable[str], lake: Path) -> Lake | None:
    """Open the lake if one of the fabrics is to be read from it."""
    from reliability.analyses.fabric import FROM_LAKE  # noqa: PLC0415 - keeps --help instant
    from reliability.lake import open_lake  # noqa: PLC0415

    return open_lake(lake) if FROM_LAKE in kinds else None
