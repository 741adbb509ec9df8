"""The value of ``--lever``, a lever of a planned run and what it is set to; ``--list-levers``, the table of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import typer

from reliability.cli.options import duration_seconds
from reliability.errors import BadOptionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reliability.analyses.lever_catalogue import Setting

_OPTION: Final = "--lever"
_SECONDS: Final = "_seconds"


def lever_setting(text: str) -> Setting:
    """Return a lever and what it is set to: durations in seconds, shares from 0 to 1, counts.

    The ``_seconds`` of a value's name may be left out, and the name itself where the lever takes one value.

    Raises
    ------
    BadOptionError
        There is no such lever, it takes other values, or a value is not what it has to be.

    >>> dict(lever_setting("hot_spares:spares=20,repair=1d,swap=30s").values)
    {'spares': 20, 'repair_seconds': 86400.0, 'swap_seconds': 30.0}
    >>> dict(lever_setting("detection:30s").values)
    {'detection_seconds': 30.0}
    """
    from reliability.analyses.lever_catalogue import CATALOGUE, setting  # noqa: PLC0415 - keeps --help instant

    name, _, listed = text.partition(":")
    name = name.strip().replace("-", "_")
    if name not in CATALOGUE:
        raise BadOptionError(_OPTION, name, f"one of {', '.join(CATALOGUE)}")
    known = CATALOGUE[name].values
    values: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in listed.split(","))):
        given, equals, worth = part.partition("=")
        if not equals:
            if len(known) > 1:
                raise BadOptionError(_OPTION, f"{name}:{part}", f"VALUE=X with one of {_names(known)}")
            given, worth = next(iter(known)), part
        value = _value_of(name, given.strip().replace("-", "_"), known)
        if value in values:
            raise BadOptionError(_OPTION, f"{name}:{part}", f"{_shown(value)} once")
        values[value] = _number(f"{_OPTION} {name}:{_shown(value)}", value, worth.strip())
    return setting(name, **values)


def list_levers(wanted: bool) -> None:  # noqa: FBT001 - typer's callback signature
    """Print all levers: how each is set, what it does, what its values are, what it assumes, where it is from."""
    if not wanted:
        return
    from reliability.analyses.lever_catalogue import CATALOGUE, kind_of, optional_values  # noqa: PLC0415

    marks = {"duration": "DURATION", "share": "SHARE", "count": "N"}
    for lever in CATALOGUE.values():
        optional = optional_values(lever)
        takes = [f"{_shown(value)}={marks[kind_of(value)]}" for value in lever.values]
        print(f"{lever.name}:{','.join(takes)}")
        print(f"  {lever.meaning}")
        for value, what in lever.values.items():
            print(f"  - {_shown(value)}: {what}" + (" (optional)" if value in optional else ""))
        print(f"  assumes: {lever.assumption}")
        print(f"  source: {lever.source}\n")
    raise typer.Exit


def _value_of(name: str, given: str, known: Mapping[str, str]) -> str:
    """Return the full name of a value."""
    for value in (given, given + _SECONDS):
        if value in known:
            return value
    raise BadOptionError(_OPTION, f"{name}:{given}", f"one of {_names(known)}")


def _number(option: str, value: str, text: str) -> float:
    from reliability.analyses.lever_catalogue import kind_of  # noqa: PLC0415 - keeps --help instant

    kind = kind_of(value)
    if kind == "duration":
        return duration_seconds(option, text)
    if kind == "count":
        if not text.isdecimal():
            raise BadOptionError(option, text, "a whole number")
        return int(text)
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0.0 <= share <= 1.0:
        raise BadOptionError(option, text, "a share from 0 to 1, such as 0.23")
    return share


def _shown(value: str) -> str:
    return value.removesuffix(_SECONDS)


def _names(known: Mapping[str, str]) -> str:
    return ", ".join(map(_shown, known))
