"""What a mapping says, after it was checked: which column of the lake is filled from what, and how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ingest.mapping.records import FileShape
from ingest.mapping.values import Number, Translation
from reliability.table import Column, Table


@dataclass(frozen=True, slots=True)
class Template:
    """Text with fields in it: ``texts[0] fields[0] texts[1] … fields[n-1] texts[n]``."""

    texts: tuple[str, ...]
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """How one column of the lake is filled.

    Attributes
    ----------
    column
        The column of the lake.
    key
        Key within a column that is a map.
    place
        Where the rule stands in the mapping, for messages.
    fields
        Fields of the record; the first that holds something counts.
    template
        Text made of fields.
    filled
        Fields and the value each stands for; the first field that holds something counts.
    constant
        The value, for rules that read no field.
    default
        Value where the fields hold nothing.
    translation
        Values of certain texts.
    nulls
        Texts that stand for nothing.
    form, zone
        Format and zone of a time.
    unit
        How many of the column's unit (seconds, for a time) one of the record's is.
    after
        Column of the lake that a time is so many units after.
    since
        Column of the lake to which a time is taken the distance from.
    times
        Field that a number is multiplied with.
    rounding
        What is done to a number that is not whole.
    split, hosts
        Between the items of a list; whether it is a Slurm host list.
    of_end
        Whether it is read from the record that ends a pair.
    """

    column: Column
    place: str
    key: str | None = None
    fields: tuple[str, ...] = ()
    template: Template | None = None
    filled: tuple[tuple[str, Any], ...] = ()
    constant: Any = None
    default: Any = None
    translation: Translation | None = None
    nulls: frozenset[str] = frozenset()
    form: str = "iso"
    zone: str | None = None
    unit: Number | None = None
    after: str | None = None
    since: str | None = None
    times: str | None = None
    rounding: str | None = None
    split: str | None = None
    hosts: bool = False
    of_end: bool = False

    @property
    def reads(self) -> tuple[str, ...]:
        """Every field the rule asks for."""
        inside = self.template.fields if self.template else ()
        return (*self.fields, *inside, *(name for name, _ in self.filled), *((self.times,) if self.times else ()))


@dataclass(frozen=True, slots=True)
class Condition:
    """A field must be, or must not be, like one of some texts; a field that holds nothing is the empty text."""

    field: str
    fits: Callable[[str], bool]
    negated: bool


@dataclass(frozen=True, slots=True)
class FanOut:
    """One row for each item of a list."""

    field: str
    split: str | None
    hosts: bool


@dataclass(frozen=True, slots=True)
class Pair:
    """Which records start something and which end it; first in, first out among those equal in the fields ``by``."""

    field: str
    starts: Callable[[str], bool]
    ends: Callable[[str], bool]
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableRule:
    """How the rows of one table are made of a record."""

    table: Table
    rules: tuple[Rule, ...]
    conditions: tuple[Condition, ...] = ()
    each: FanOut | None = None
    pair: Pair | None = None

    @property
    def reads(self) -> frozenset[str]:
        """Every field of the record that is asked for."""
        fields = {field for rule in self.rules for field in rule.reads}
        fields |= {condition.field for condition in self.conditions}
        if self.each is not None:
            fields.add(self.each.field)
        if self.pair is not None:
            fields |= {self.pair.field, *self.pair.by}
        return frozenset(fields)


@dataclass(frozen=True, slots=True)
class Recognition:
    """How a bundled mapping knows its files: by the names of all columns, or by what the values of each look like.

    Attributes
    ----------
    columns
        The header, in its order.
    shapes
        Regular expression that every value of a column of the first lines matches.
    """

    columns: tuple[str, ...] | None
    shapes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Mapped:
    """A mapping file.

    Attributes
    ----------
    path
        Where it lies.
    digest
        SHA-256 of its text.
    name, title, cluster, covers
        As of any source.
    zone, origin
        Zone of times without one; day 0 of times that count from it.
    file
        How a file is cut into records.
    nulls
        Texts that stand for nothing.
    recognition
        How its files are known.
    tables
        What is made of a record.
    """

    path: Path
    digest: str
    name: str
    title: str
    cluster: str | None
    covers: tuple[str, ...]
    zone: str | None
    origin: datetime | None
    file: FileShape
    nulls: frozenset[str]
    recognition: Recognition | None
    tables: tuple[TableRule, ...]

    @property
    def reads(self) -> frozenset[str]:
        """Every field of a record that is asked for."""
        return frozenset().union(*(table.reads for table in self.tables))
