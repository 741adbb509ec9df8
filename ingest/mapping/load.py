"""From a TOML file to a checked mapping: every problem in it is found at once and named by its place."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from ingest.mapping.errors import MappingError, hint
from ingest.mapping.records import FORMATS, FileShape
from ingest.mapping.rules import read_rule, read_zone, to_constant
from ingest.mapping.section import Section, shown
from ingest.mapping.spec import Condition, FanOut, Mapped, Pair, Recognition, Rule, TableRule
from ingest.mapping.values import any_of
from reliability.schema import DATA_TABLES, LINEAGE, TABLES, TIME
from reliability.table import Column, Table

_TABLES: Final = tuple(table.name for table in DATA_TABLES)
_TOP: Final = ("name", "title", "cluster", "covers", "zone", "origin", "file", "recognise", *_TABLES)
_FILE: Final = ("format", "delimiter", "columns", "skip", "comment", "records", "null")
#: keys of a table of the mapping that are no columns of the lake
_DIRECTIVES: Final = ("where", "each", "pair")
#: columns that the platform fills itself
_OWN: Final = frozenset({"source", *(column.name for column in LINEAGE)})
#: required columns that follow from others where the mapping leaves them out
_DERIVED: Final = _OWN | {"cluster", "planned", "continues", "job_id", "job_id_raw"}
_NAME: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def load(path: Path) -> Mapped:
    """Read a mapping file.

    Raises
    ------
    MappingError
        If it cannot be read, is no TOML, or says something that cannot be meant.
    """
    try:
        content = path.read_bytes()
        document = tomllib.loads(content.decode("utf-8"))
    except OSError as error:
        raise MappingError(path, [error.strerror or str(error)]) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise MappingError(path, [f"not TOML: {error}"]) from error
    problems: list[str] = []
    top = Section("", document, _TOP, problems)
    zone = read_zone(top)
    name = top.text("name")
    if name is None or not _NAME.fullmatch(name):
        top.problem("name", "is needed: letters, digits and hyphens, such as fault-log")
    file = Section("file", document.get("file", {}), _FILE, problems)
    shape = _shape(file)
    tables = _tables(top, shape, frozenset(file.texts("null")), zone)
    if not tables and not problems:
        top.problem("", f"fills no table of the lake; there are: {', '.join(_TABLES)}")
    covers = top.texts("covers")
    for covered in covers:
        if covered not in {rule.table.name for rule in tables}:
            top.problem("covers", f"{covered!r} is no table that the mapping fills")
    origin = top.raw("origin")
    mapped = Mapped(
        path=path,
        digest=hashlib.sha256(content).hexdigest(),
        name=name or "",
        title=top.text("title") or f"{path.name}: a table by a mapping",
        cluster=top.text("cluster"),
        covers=covers,
        zone=zone,
        origin=None if origin is None else to_constant(Column("origin", TIME, ""), origin, zone, top, "origin"),
        file=shape,
        nulls=frozenset(file.texts("null")),
        recognition=_recognition(top, shape),
        tables=tables,
    )
    if problems:
        raise MappingError(path, problems)
    return mapped


def _shape(file: Section) -> FileShape:
    form = file.choice("format", FORMATS) or "csv"
    delimiter = file.text("delimiter")
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        file.problem("delimiter", f"expected one character, found {delimiter!r}")
    for key in ("delimiter", "columns", "skip", "comment"):
        if key in file and form != "csv":
            file.problem(key, f"says nothing about {form}")
    if "records" in file and form != "json":
        file.problem("records", f"says nothing about {form}")
    columns = file.texts("columns") if "columns" in file else None
    if columns is not None and len(set(columns)) != len(columns):
        file.problem("columns", "names a column twice")
    return FileShape(
        form=form,
        delimiter=delimiter if delimiter is not None and len(delimiter) == 1 else ",",
        columns=columns,
        skip=file.whole("skip") or 0,
        comment=file.text("comment"),
        records=file.text("records") or "",
    )


def _tables(top: Section, shape: FileShape, nulls: frozenset[str], zone: str | None) -> tuple[TableRule, ...]:
    found = []
    for name in top.names:
        if name not in _TABLES:
            continue
        content = top.raw(name)
        several = content if isinstance(content, list) else [content]
        for number, one in enumerate(several, start=1):
            place = name if len(several) == 1 else f"{name}[{number}]"
            found.append(_table(TABLES[name], place, one, shape, nulls, zone, top.problems))
    return tuple(found)


def _table(
    table: Table,
    place: str,
    content: object,
    shape: FileShape,
    nulls: frozenset[str],
    zone: str | None,
    problems: list[str],
) -> TableRule:
    columns = [column.name for column in table.columns if column.name not in _OWN]
    section = Section(place, content, (*columns, *_DIRECTIVES), problems)
    rules: list[Rule] = []
    # In the order of the file, so that a time may count from one that stands before it.
    for name in section.names:
        if name in columns:
            rules += read_rule(table.column(name), section, [rule.column.name for rule in rules], shape, nulls, zone)
    each = _fan_out(section)
    rule = TableRule(table, _completed(table, rules), _conditions(section), each, _pair(section))
    _check_columns(section, rule)
    _check_fields(section, rule, shape)
    return rule


def _check_columns(section: Section, rule: TableRule) -> None:
    """Name the columns that a row cannot do without."""
    given = {one.column.name: one for one in rule.rules}
    for column in rule.table.columns:
        if column.required and column.name not in {*given, *_DERIVED}:
            choice = f" (one of {', '.join(column.values)})" if column.values else ""
            section.problem(column.name, f"is missing: {column.meaning}{choice}; a row needs it")
        if column.required and column.name in given and given[column.name].of_end:
            section.problem(column.name, "cannot come from the end of a pair: what has not ended would lack it")
    if rule.table.name == "jobs":
        if not {"job_id", "job_id_raw"} & set(given):
            section.problem("job_id", "is missing: job id; a row needs it")
        if "submit_utc" not in given:
            section.problem("submit_utc", "is missing: it tells the attempts of a job apart; take the start if need be")
    if rule.pair is None and any(one.of_end for one in rule.rules):
        section.problem("", "reads the end of a pair, but pair does not say which records are ends")


def _check_fields(section: Section, rule: TableRule, shape: FileShape) -> None:
    if shape.columns is None:
        return
    for field in sorted(rule.reads - set(shape.columns)):
        section.problem("", f"reads {field!r}, which file.columns does not name; {hint(field, shape.columns)}")


def _completed(table: Table, rules: list[Rule]) -> tuple[Rule, ...]:
    """Add what follows: either job id from the other, and the state as it was printed."""
    given = {rule.column.name: rule for rule in rules}
    added = []
    if table.name == "jobs":
        for missing, known in (("job_id", "job_id_raw"), ("job_id_raw", "job_id")):
            if missing not in given and known in given:
                added.append(_renamed(given[known], table.column(missing)))
        state = given.get("state")
        if state is not None and (state.fields or state.template) and "state_raw" not in given:
            added.append(_untranslated(state, table.column("state_raw")))
    return (*rules, *added)


def _renamed(rule: Rule, column: Column) -> Rule:
    values = {name: getattr(rule, name) for name in Rule.__slots__}
    return Rule(**{**values, "column": column})


def _untranslated(rule: Rule, column: Column) -> Rule:
    return Rule(column, rule.place, fields=rule.fields, template=rule.template, nulls=rule.nulls, of_end=rule.of_end)


def _conditions(section: Section) -> tuple[Condition, ...]:
    conditions = []
    for field, wanted in section.table("where").items():
        negated = isinstance(wanted, dict)
        if negated and set(wanted) != {"not"}:
            why = f'is a table: quote a field whose name has dots ("{field}.…"), or say {{ not = "text" }}'
            section.problem(f"where.{field}", why)
            continue
        texts = wanted["not"] if isinstance(wanted, dict) else wanted
        conditions.append(Condition(field, any_of(_as_texts(section, f"where.{field}", texts)), negated))
    return tuple(conditions)


def _as_texts(section: Section, key: str, value: object) -> list[str]:
    items = value if isinstance(value, list) else [value]
    texts = [_as_text(item) for item in items]
    if not texts or None in texts:
        section.problem(key, f"expected texts, found {shown(value)}")
    return [text for text in texts if text is not None]


def _as_text(item: object) -> str | None:
    if isinstance(item, bool):
        return "true" if item else "false"
    return str(item) if isinstance(item, str | int) else None


def _fan_out(section: Section) -> FanOut | None:
    content = section.raw("each")
    if content is None:
        return None
    place = f"{section.place}.each"
    given = {"column": content} if isinstance(content, str) else content
    each = Section(place, given, ("column", "split", "hosts"), section.problems)
    field = each.text("column")
    if field is None:
        each.problem("column", "is missing: the field with the list")
    return FanOut(field or "", each.text("split"), each.flag("hosts"))


def _pair(section: Section) -> Pair | None:
    content = section.raw("pair")
    if content is None:
        return None
    pair = Section(f"{section.place}.pair", content, ("column", "start", "end", "by"), section.problems)
    for key in ("column", "start", "end", "by"):
        if key not in pair:
            pair.problem(key, "is missing")
    starts, ends = (_as_texts(pair, key, pair.raw(key)) if key in pair else [] for key in ("start", "end"))
    return Pair(pair.text("column") or "", any_of(starts), any_of(ends), pair.texts("by"))


def _recognition(top: Section, shape: FileShape) -> Recognition | None:
    content = top.raw("recognise")
    if content is None:
        return None
    section = Section("recognise", content, ("columns", "shapes"), top.problems)
    if ("columns" in section) == ("shapes" in section):
        section.problem("", "expected either columns or shapes")
    shapes: dict[str, Any] = section.table("shapes")
    _check_shapes(section, shapes, shape.columns or ())
    return Recognition(section.texts("columns") or None, shapes)


def _check_shapes(section: Section, shapes: dict[str, Any], columns: Sequence[str]) -> None:
    for name, pattern in shapes.items():
        if name not in columns:
            section.problem(f"shapes.{name}", f"is no column of file.columns; {hint(name, columns)}")
        try:
            re.compile(pattern)
        except (re.error, TypeError) as error:
            section.problem(f"shapes.{name}", f"is no regular expression: {error}")
