"""The rows that a record becomes: conditions, lists that fan out, and records that start or end something."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

from ingest.mapping import values
from ingest.mapping.fill import Fill, Reading, Row, compile_rule
from ingest.mapping.records import Record, look_up
from ingest.mapping.spec import TableRule
from ingest.records import KEPT, NOTHING
from ingest.records import Row as LakeRow
from ingest.taxonomy.reasons import read_reason
from reliability.schema import TIME

#: table → columns between which a row lasts: beginnings, then the end
_SPANS: Final[dict[str, tuple[str, ...]]] = {
    "jobs": ("submit_utc", "start_utc", "end_utc"),
    "nodes": ("from_utc", "to_utc"),
    "components": ("installed_utc", "removed_utc"),
    "node_states": ("from_utc", "to_utc"),
    "links": ("from_utc", "to_utc"),
    "requests": ("arrival_utc", "end_utc"),
}
#: rows that one record may fan out into; more is taken for an attack
_MOST_ITEMS: Final = 10_000
_CAUSE: Final = ("component", "symptom", "domain")

Undo = Callable[[], object]


class RowMaker:
    """Makes the rows of one file.

    Parameters
    ----------
    reading
        The mapping, and what is known of the file.
    """

    def __init__(self, reading: Reading) -> None:
        self._tables = [_TableRows(rule, reading) for rule in reading.mapped.tables]

    def parse(self, record: Record) -> Sequence[LakeRow]:
        """Return the rows of a record.

        Raises
        ------
        ValueError
            If any of its values cannot be used; then nothing of it is.
        """
        rows: list[LakeRow] = []
        undo: list[Undo] = []
        wanted = False
        try:
            for table in self._tables:
                for context in table.contexts(record):
                    rows += table.rows(context, undo)
                    wanted = True
        except ValueError:
            for step in reversed(undo):
                step()
            raise
        if not wanted:
            return NOTHING
        return rows or KEPT

    def finish(self) -> Iterator[LakeRow]:
        """Yield what was started and has not ended."""
        for table in self._tables:
            yield from table.still_open()


class _TableRows:
    """Makes the rows of one table of the mapping."""

    def __init__(self, rule: TableRule, reading: Reading) -> None:
        self._rule = rule
        self._name = rule.table.name
        self._reading = reading
        self._fills: list[Fill] = [compile_rule(one, reading) for one in rule.rules if not one.of_end]
        self._end_fills: list[Fill] = [compile_rule(one, reading) for one in rule.rules if one.of_end]
        self._places = {one.column.name: one for one in rule.rules}
        self._required = [
            column.name for column in rule.table.columns if column.required and column.name in self._places
        ]
        self._times = [column.name for column in rule.table.columns if column.type == TIME]
        self._names_source = any(column.name == "source" for column in rule.table.columns)
        self._covered = rule.table.name in reading.mapped.covers
        self._open: dict[tuple[str, ...], deque[Row]] = {}

    def contexts(self, record: Record) -> Iterator[Record]:
        """Yield the record, or one for each item of its list, where the conditions hold."""
        each = self._rule.each
        if each is None:
            if self._wants(record):
                yield record
            return
        found = look_up(record, each.field)
        if values.is_empty(found, self._reading.mapped.nulls):
            return
        if isinstance(found, list) and each.split is None and not each.hosts:
            items: Sequence[Any] = found
        else:
            items = values.to_list(found, each.split, hosts=each.hosts)
        if len(items) > _MOST_ITEMS:
            raise ValueError(f"{self._name}.each: {len(items):,} items in {each.field}, more than {_MOST_ITEMS:,}")
        for item in items:
            context = {**record, each.field: item}
            if self._wants(context):
                yield context

    def rows(self, record: Record, undo: list[Undo]) -> list[LakeRow]:
        """Return the rows of a record (of one item of its list); what would have to be undone goes into ``undo``."""
        if self._rule.pair is None:
            return [self._finished(self._started(record))]
        starts = self._starts(record)
        key = tuple(_text(look_up(record, field)) for field in self._rule.pair.by)
        return self._start(record, key, undo) if starts else self._end(record, key, undo)

    def still_open(self) -> Iterator[LakeRow]:
        """Yield the rows of what has started and not ended."""
        for waiting in self._open.values():
            for row in waiting:
                yield self._finished(row)

    def _wants(self, record: Record) -> bool:
        nulls = self._reading.mapped.nulls
        for condition in self._rule.conditions:
            value = look_up(record, condition.field)
            text = "" if values.is_empty(value, nulls) else _text(value)
            if condition.fits(text) == condition.negated:
                return False
        return True

    def _starts(self, record: Record) -> bool:
        pair = self._rule.pair
        if pair is None:
            return False
        text = _text(look_up(record, pair.field))
        if pair.starts(text):
            return True
        if pair.ends(text):
            return False
        raise ValueError(f"{self._name}.pair: {pair.field} {text[:80]!r} is neither a start nor an end")

    def _start(self, record: Record, key: tuple[str, ...], undo: list[Undo]) -> list[LakeRow]:
        row = self._started(record)
        self._check_span(row)
        self._open.setdefault(key, deque()).append(row)
        undo.append(partial(self._take_back, key))
        return []

    def _end(self, record: Record, key: tuple[str, ...], undo: list[Undo]) -> list[LakeRow]:
        waiting = self._open.get(key)
        if not waiting:
            named = ", ".join(f"{name} {text[:80]!r}" for name, text in zip(self._by, key, strict=True))
            raise ValueError(f"{self._name}.pair: an end without a start before it{named and f' ({named})'}")
        start = waiting[0]
        row = dict(start)
        for fill in self._end_fills:
            fill(record, row)
        finished = self._finished(row)
        waiting.popleft()
        if not waiting:
            del self._open[key]
        undo.append(lambda: self._open.setdefault(key, deque()).appendleft(start))
        return [finished]

    def _take_back(self, key: tuple[str, ...]) -> None:
        self._open[key].pop()

    @property
    def _by(self) -> tuple[str, ...]:
        return self._rule.pair.by if self._rule.pair else ()

    def _started(self, record: Record) -> Row:
        row: Row = {}
        for fill in self._fills:
            fill(record, row)
        for name in self._required:
            if name not in row:
                rule = self._places[name]
                raise ValueError(f"{rule.place}: nothing in {' or '.join(rule.reads)}")
        return row

    def _finished(self, row: Row) -> LakeRow:
        """Return the row with what follows from the rest of it."""
        self._check_span(row)
        if self._name == "node_states":
            _complete_state(row)
        if self._names_source:
            row["source"] = self._reading.mapped.name
        if self._covered:
            self._reading.findings.see(*(row.get(name) for name in self._times))
        return LakeRow(self._name, row)

    def _check_span(self, row: Row) -> None:
        *firsts, last = _SPANS.get(self._name, ("",))
        end = row.get(last)
        for first in firsts:
            begin = row.get(first)
            if begin is not None and end is not None and end < begin:
                raise ValueError(f"{self._name}: {last} {end} is before {first} {begin}")


def _complete_state(row: Row) -> None:
    """Read in the reason what the mapping does not say; a state goes on from none before it."""
    row.setdefault("continues", False)
    reason = row.get("reason")
    verdict = None if reason is None else read_reason(reason)
    row.setdefault("planned", verdict.planned if verdict else False)
    if verdict is not None and not any(name in row for name in _CAUSE):
        row.update({name: getattr(verdict, name) for name in _CAUSE if getattr(verdict, name) is not None})


def _text(value: object) -> str:
    return "" if value is None else values.to_text(value)
