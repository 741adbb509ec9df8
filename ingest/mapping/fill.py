"""From a record to the values of a row: the rules of a mapping, made into functions for one file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa

from ingest.mapping import values
from ingest.mapping.records import Record, look_up
from ingest.mapping.rules import to_enum
from ingest.mapping.spec import Mapped, Rule
from ingest.opening import InputFile
from ingest.records import Findings
from ingest.source import Options
from reliability.errors import MissingOptionError

Row = dict[str, Any]
#: puts the value of one column into a row
Fill = Callable[[Record, Row], None]

_AMBIGUOUS: Final = "{count} times occur twice because the clocks were set back; the earlier is taken"
_OTHER_ZONE: Final = "{count} times were read in the zone that the mapping names, whatever --timezone says"


@dataclass(slots=True)
class Reading:
    """What the rules need to know of the file at hand, and what they find out about it."""

    mapped: Mapped
    options: Options
    findings: Findings

    @property
    def origin_utc(self) -> datetime | None:
        """Day 0 of times that count from it; the user's word goes before the mapping's."""
        return self.options.origin_utc or self.mapped.origin

    def local(self, zone: str | None) -> values.Local:
        """Return where times of a rule without a zone are."""
        findings = self.findings

        def of_options() -> None:
            findings.naive_times = True

        def of_mapping() -> None:
            if self.options.timezone not in {None, zone}:
                findings.note(_OTHER_ZONE)

        return values.Local(
            ZoneInfo(zone or self.options.zone),
            of_mapping if zone else of_options,
            lambda: findings.note(_AMBIGUOUS),
        )


def needs_origin(mapped: Mapped) -> bool:
    """Tell whether times count from a day that the mapping does not name."""
    rules = (rule for table in mapped.tables for rule in table.rules)
    return mapped.origin is None and any(_counts_from_origin(rule) for rule in rules)


def check_options(file: InputFile, reading: Reading) -> None:
    """Refuse a file whose times count from a day that nobody named.

    Raises
    ------
    MissingOptionError
        If neither the options nor the mapping name it.
    """
    for table in reading.mapped.tables:
        for rule in table.rules:
            if _counts_from_origin(rule) and reading.origin_utc is None:
                why = f"{rule.place} counts from a time that neither the file nor the mapping names"
                raise MissingOptionError(file.path, "--time-origin TIME", why)


def compile_rule(rule: Rule, reading: Reading) -> Fill:
    """Return the function that fills the rule's column.

    A value that cannot be read is a ValueError that names the column of the lake and the field.
    """
    convert = _explained(rule, _finish(rule, _converter(rule, reading)))
    name, key = rule.column.name, rule.key

    def fill(record: Record, row: Row) -> None:
        value = convert(record, row)
        if value is None:
            return
        if key is None:
            row[name] = value
        else:
            row[name] = {**row.get(name, {}), key: value}

    return fill


def _counts_from_origin(rule: Rule) -> bool:
    return pa.types.is_timestamp(rule.column.type) and rule.unit is not None and rule.after is None


def _finish(rule: Rule, convert: Callable[[Any, Record, Row], Any]) -> Callable[[Record, Row], Any]:
    """Return the function from a record to the value: what is empty, what is in the map, and what is converted."""
    if rule.constant is not None:
        return lambda _record, _row: rule.constant
    if rule.filled:
        return lambda record, _row: _first_filled(rule, record)
    translation, default = rule.translation, rule.default
    must_be_known = not _is_measured(rule)
    raw = _joined if rule.template else _only_held if len(rule.fields) == 1 else _first_held

    def value_of(record: Record, row: Row) -> Any:  # noqa: ANN401 - of the column's type
        value = raw(rule, record)
        if value is None:
            return default
        if translation is not None and not isinstance(value, list | dict):
            text = values.to_text(value)
            if text in translation:
                return translation[text]
            if must_be_known:
                raise ValueError(f"{text[:80]!r} is not in the map")
        return convert(value, record, row)

    return value_of


def _first_filled(rule: Rule, record: Record) -> Any:  # noqa: ANN401 - of the column's type
    for name, meaning in rule.filled:
        if not values.is_empty(look_up(record, name), rule.nulls):
            return meaning
    return rule.default


def _first_held(rule: Rule, record: Record) -> Any:  # noqa: ANN401 - whatever the file holds
    for name in rule.fields:
        value = look_up(record, name)
        if not values.is_empty(value, rule.nulls):
            return value
    return None


def _only_held(rule: Rule, record: Record) -> Any:  # noqa: ANN401 - whatever the file holds
    value = look_up(record, rule.fields[0])
    return None if values.is_empty(value, rule.nulls) else value


def _joined(rule: Rule, record: Record) -> str | None:
    template = rule.template
    if template is None:
        return None
    found = [look_up(record, name) for name in template.fields]
    held = ["" if values.is_empty(value, rule.nulls) else values.to_text(value) for value in found]
    if not any(held):
        return None
    rest = (piece for pair in zip(held, template.texts[1:], strict=True) for piece in pair)
    return "".join([template.texts[0], *rest])


def _is_measured(rule: Rule) -> bool:
    kind = rule.column.type
    return bool(
        pa.types.is_timestamp(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_list(kind)
    )


def _converter(rule: Rule, reading: Reading) -> Callable[[Any, Record, Row], Any]:
    kind = rule.column.type
    if pa.types.is_timestamp(kind):
        return _time_converter(rule, reading)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return _number_converter(rule, reading)
    if pa.types.is_boolean(kind):
        return lambda value, _record, _row: values.to_flag(value)
    if pa.types.is_list(kind):
        return lambda value, _record, _row: values.to_list(value, rule.split, hosts=rule.hosts)
    if rule.column.values:
        return lambda value, _record, _row: _of_closed_set(rule, values.to_text(value))
    return lambda value, _record, _row: values.to_text(value)


def _of_closed_set(rule: Rule, text: str) -> str:
    try:
        return to_enum(rule.column, text)
    except ValueError:
        # Not the whole set: a log can have the same stray word in every line.
        raise ValueError(f"{text[:80]!r} is none of the values of {rule.column.name}; say in map what it is") from None


def _time_converter(rule: Rule, reading: Reading) -> Callable[[Any, Record, Row], Any]:
    unit = 1 if rule.unit is None else rule.unit
    if rule.after is not None:
        earlier = rule.after

        def after(value: Any, _record: Record, row: Row) -> datetime | None:  # noqa: ANN401 - whatever the file holds
            number = values.to_number(value)
            start = row.get(earlier)
            return None if start is None else values.span_after(start, number, unit)

        return after
    if _counts_from_origin(rule):
        origin = reading.origin_utc
        if origin is None:
            raise AssertionError("check_options goes before")
        return lambda value, _record, _row: values.span_after(origin, values.to_number(value), unit)
    read = values.time_reader(rule.form, reading.local(rule.zone))
    return lambda value, _record, _row: read(value)


def _number_converter(rule: Rule, reading: Reading) -> Callable[[Any, Record, Row], Any]:
    kind = rule.column.type
    bits = kind.bit_width if pa.types.is_integer(kind) else None
    rounding = rule.rounding or ("nearest" if rule.column.unit == "bytes" else None)
    if rule.since is not None:
        start_name, read = rule.since, values.time_reader(rule.form, reading.local(rule.zone))

        def since(value: Any, _record: Record, row: Row) -> float | None:  # noqa: ANN401 - whatever the file holds
            start = row.get(start_name)
            if start is None:
                return None
            seconds = (read(value) - start) / timedelta(seconds=1)
            return _checked(rule, seconds)

        return since

    def number(value: Any, record: Record, _row: Row) -> values.Number | None:  # noqa: ANN401 - whatever the file holds
        found = values.to_number(value)
        if rule.unit is not None and not isinstance(value, timedelta):
            found = _exact(found * rule.unit)
        if rule.times is not None:
            factor = look_up(record, rule.times)
            if values.is_empty(factor, rule.nulls):
                return None
            found = _exact(found * values.to_number(factor))
        _checked(rule, found)
        return float(found) if bits is None else values.to_whole(found, bits, rounding)

    return number


def _exact(number: values.Number) -> values.Number:
    """Undo the last bit that a decimal unit costs: 300 percent of a GPU are 3, not 3.0000000000000004."""
    near = round(number)
    return near if abs(number - near) < 1e-9 * max(1, abs(near)) else number


def _checked(rule: Rule, number: values.Number) -> values.Number:
    if number < 0 and rule.column.unit:
        raise ValueError(f"{number} {rule.column.unit}: less than nothing (if it means unknown, say null = …)")
    return number


def _explained(rule: Rule, value_of: Callable[[Record, Row], Any]) -> Callable[[Record, Row], Any]:
    origin = " or ".join(rule.reads)

    def explained(record: Record, row: Row) -> Any:  # noqa: ANN401 - of the column's type
        try:
            return value_of(record, row)
        except (ValueError, OverflowError) as error:
            raise ValueError(f"{rule.place} from {origin}: {error}") from error

    return explained
