"""The rule for one column of the lake: checked against the column's type, constants turned into values."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa

from ingest.mapping.errors import hint
from ingest.mapping.records import FileShape
from ingest.mapping.section import Section, shown
from ingest.mapping.spec import Rule, Template
from ingest.mapping.values import ROUNDINGS, UNITS, Number, Translation, check_format, to_text, to_whole
from ingest.parsing.stamps import local_to_utc
from reliability.table import Column

_ORIGINS: Final = ("column", "template", "filled", "value")
_COMMON: Final = (*_ORIGINS, "map", "default", "null", "of")
_OF_TIMES: Final = ("format", "zone", "unit", "after")
_OF_NUMBERS: Final = ("unit", "times", "round", "since", "format", "zone")
_OF_LISTS: Final = ("split", "hosts")
#: where values are spelled out: keys that may stand beside them
_ALONE: Final = {"value": ("zone", "of"), "filled": ("zone", "of", "default", "null")}
_FIELD: Final = re.compile(r"\{([^{}]+)\}")


def read_rule(
    column: Column, table: Section, before: Sequence[str], shape: FileShape, nulls: frozenset[str], zone: str | None
) -> list[Rule]:
    """Return the rule for a column, one per key where the column is a map, none where it is wrong.

    Parameters
    ----------
    column
        The column of the lake.
    table
        The table of the mapping in which it stands.
    before
        Columns that stand before it.
    shape, nulls, zone
        What the mapping says of the whole file.
    """
    content = table.raw(column.name)
    place = f"{table.place}.{column.name}"
    if not pa.types.is_map(column.type):
        return [_rule(column, None, place, content, table, before, shape, nulls, zone)]
    if not isinstance(content, dict) or not content:
        table.problem(column.name, f'expected keys, such as {column.name}.batch = "Batch", found {shown(content)}')
        return []
    text = Column(column.name, pa.string(), column.meaning)
    return [_rule(text, key, f"{place}.{key}", one, table, before, shape, nulls, zone) for key, one in content.items()]


def to_constant(column: Column, value: object, zone: str | None, section: Section, key: str) -> Any:  # noqa: ANN401 - of the column's type
    """Return what a mapping spells out as a value of a column; None, and a problem, if it is none."""
    try:
        return _constant(column, value, zone)
    except (ValueError, OverflowError) as error:
        section.problem(key, str(error))
        return None


def _check_spelled_out(column: Column, rule: Section) -> None:
    for origin, along in _ALONE.items():
        for key in rule.names if origin in rule else ():
            if key in _allowed(column) and key not in {*along, *_ORIGINS}:
                rule.problem(key, f"says nothing about {origin}")


def read_zone(section: Section) -> str | None:
    """Return the zone that a section names, or None."""
    zone = section.text("zone")
    if zone is None:
        return None
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        section.problem("zone", f"{zone!r} is no IANA zone such as Europe/Berlin")
        return None
    return zone


def to_enum(column: Column, text: str) -> str:
    """Return the value of a closed set that a text spells, in capitals or not.

    Raises
    ------
    ValueError
        If it is none of them.
    """
    if text in column.values:
        return text
    for value in column.values:
        if value.casefold() == text.casefold():
            return value
    raise ValueError(f"{text[:80]!r} is none of {', '.join(column.values)}")


def _rule(
    column: Column,
    key: str | None,
    place: str,
    content: object,
    table: Section,
    before: Sequence[str],
    shape: FileShape,
    nulls: frozenset[str],
    zone: str | None,
) -> Rule:
    given = {"column": content} if isinstance(content, str) else content
    rule = Section(place, given, _allowed(column), table.problems)
    if isinstance(given, dict) and sum(origin in rule for origin in _ORIGINS) != 1:
        rule.problem("", f"needs exactly one of {', '.join(_ORIGINS)}")
    own_zone = read_zone(rule) or zone
    made = Rule(
        column=column,
        place=place,
        key=key,
        fields=rule.texts("column"),
        template=_template(rule),
        filled=tuple(
            (name, to_constant(column, value, own_zone, rule, "filled")) for name, value in rule.table("filled").items()
        ),
        constant=to_constant(column, rule.raw("value"), own_zone, rule, "value") if "value" in rule else None,
        default=to_constant(column, rule.raw("default"), own_zone, rule, "default") if "default" in rule else None,
        translation=_translation(column, rule, own_zone),
        nulls=nulls | frozenset(rule.texts("null")),
        form=_form(rule),
        zone=own_zone,
        unit=_unit(column, rule),
        after=_other(rule, "after", before),
        since=_other(rule, "since", before),
        times=rule.text("times"),
        rounding=rule.choice("round", tuple(ROUNDINGS)),
        split=rule.text("split"),
        hosts=rule.flag("hosts"),
        of_end=rule.choice("of", ("start", "end")) == "end",
    )
    _check_spelled_out(column, rule)
    _check_kind(column, rule, made, shape)
    return made


def _allowed(column: Column) -> tuple[str, ...]:
    if pa.types.is_timestamp(column.type):
        return (*_COMMON, *_OF_TIMES)
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return (*_COMMON, *_OF_NUMBERS)
    return (*_COMMON, *_OF_LISTS) if pa.types.is_list(column.type) else _COMMON


def _check_kind(column: Column, rule: Section, made: Rule, shape: FileShape) -> None:
    if pa.types.is_list(column.type) and shape.form == "csv" and "value" not in rule and not (made.split or made.hosts):
        rule.problem("", 'is a list: say split = ";" or hosts = true')
    if made.split and made.hosts:
        rule.problem("hosts", "and split exclude each other")
    if made.after is not None and "format" in rule:
        rule.problem("format", "says nothing about a number of seconds after another time")
    if made.since is None and not pa.types.is_timestamp(column.type):
        for key in ("format", "zone"):
            if key in rule:
                rule.problem(key, "is for times")
    if made.since is not None and (column.unit != "s" or "unit" in rule):
        rule.problem("since", "gives seconds, and takes no unit")


def _form(rule: Section) -> str:
    form = rule.text("format") or "iso"
    problem = check_format(form)
    if problem is not None:
        rule.problem("format", f"{form!r} {problem}")
        return "iso"
    return form


def _unit(column: Column, rule: Section) -> Number | None:
    unit = rule.text("unit")
    if unit is None:
        return None
    schema_unit = "s" if pa.types.is_timestamp(column.type) else column.unit
    known = UNITS.get(schema_unit, {})
    if not known:
        rule.problem("unit", "says nothing about a column that has none")
    elif unit not in known:
        rule.problem("unit", f"{unit!r} is no unit to make {schema_unit} of; there are: {', '.join(known)}")
    return known.get(unit, 1)


def _other(rule: Section, key: str, before: Sequence[str]) -> str | None:
    name = rule.text(key)
    if name is not None and name not in before:
        rule.problem(key, f"{name!r} is no column of this table that stands before it; {hint(name, before)}")
    return name


def _template(rule: Section) -> Template | None:
    text = rule.text("template")
    if text is None:
        return None
    pieces = _FIELD.split(text)
    if len(pieces) < 3 or any("{" in piece or "}" in piece for piece in pieces[::2]):
        rule.problem("template", f"expected fields in braces, such as '{{rack}}-{{unit}}', found {text!r}")
        return None
    return Template(tuple(pieces[::2]), tuple(pieces[1::2]))


def _translation(column: Column, rule: Section, zone: str | None) -> Translation | None:
    entries = rule.table("map")
    if not entries:
        return None
    return Translation({text: to_constant(column, value, zone, rule, f"map.{text}") for text, value in entries.items()})


def _constant(column: Column, value: object, zone: str | None) -> Any:  # noqa: ANN401 - of the column's type
    kind = column.type
    if pa.types.is_timestamp(kind):
        return _constant_time(value, zone)
    if pa.types.is_boolean(kind):
        if not isinstance(value, bool):
            raise ValueError(f"expected true or false, found {shown(value)}")
        return value
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            raise ValueError(f"expected a number, found {shown(value)}")
        return to_whole(value, kind.bit_width, None) if pa.types.is_integer(kind) else float(value)
    if pa.types.is_list(kind):
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise ValueError(f"expected a list of texts, found {shown(value)}")
        return value
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise ValueError(f"expected a text, found {shown(value)}")  # noqa: TRY004 - collected as a problem
    return to_enum(column, to_text(value)) if column.values else to_text(value)


def _constant_time(value: object, zone: str | None) -> datetime:
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, str | date):
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError as error:
            raise ValueError(f"{shown(value)} is no time such as 2024-03-10T02:30:00Z") from error
    else:
        raise ValueError(f"expected a time such as 2024-03-10T02:30:00Z, found {shown(value)}")  # noqa: TRY004 - collected as a problem
    return local_to_utc(moment, ZoneInfo(zone or "UTC"))[0] if moment.tzinfo is None else moment.astimezone(UTC)
