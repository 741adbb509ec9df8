"""``--fabric`` and ``--set`` of the topology commands: which fabric is asked about, and what is set of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reliability.errors import BadOptionError

if TYPE_CHECKING:
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


def settings_of(given: Sequence[str] | None, option: str = "--set") -> dict[str, str]:
    """Return settings by name.

    Raises
    ------
    BadOptionError
        One is no KEY=VALUE, or is set twice.

    >>> settings_of(["gpus=1024", "m=5"])
    {'gpus': '1024', 'm': '5'}
    """
    settings: dict[str, str] = {}
    for text in given or ():
        key, equals, value = text.partition("=")
        if not (key and equals and value) or key in settings:
            raise BadOptionError(option, text, "KEY=VALUE, each key once, such as gpus=1024")
        settings[key] = value
    return settings


def lake_of(kinds: Iterable[str], lake: Path) -> Lake | None:
    """Open the lake if one of the fabrics is to be read from it."""
    from reliability.analyses.fabric import FROM_LAKE  # noqa: PLC0415 - keeps --help instant
    from reliability.lake import open_lake  # noqa: PLC0415

    return open_lake(lake) if FROM_LAKE in kinds else None
