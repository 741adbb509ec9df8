"""The layouts in which ipmitool and FreeIPMI print a system event log, cut into records.

ipmitool's are described by ``lib/ipmi_sel.c`` and ``lib/ipmi_time.c`` of its source (1.8.9 to 1.8.19): since 1.8.19 the
date has the form of the machine's locale and the time names its zone. FreeIPMI's are those of ``ipmi-sel(8)``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ingest.health.sel_meaning import sensor_parts
from ingest.opening import InputFile
from ingest.parsing.lines import numbered_lines
from ingest.source import LINE_CUT, Reject

#: no record is nearly as long
LONGEST_LINE: Final = 1 << 14
#: a record of the verbose form with more lines than this is damage
_MOST_LINES: Final = 200
_RECORD_ID: Final = "SEL Record ID"
#: what `pdsh` and FreeIPMI put in front of lines of several hosts
_HOST: Final = re.compile(r"(?P<host>[A-Za-z0-9][\w.-]{0,252}): ?(?=\s*(?:[0-9a-fA-F]{1,8}\s*[|,]|ID\s*[|,]|SEL ))")
_IPMITOOL: Final = re.compile(
    r"\s*[0-9a-fA-F]{1,4}\s*(?P<separator>[|,])\s*"
    r"(?:\d\d/\d\d/\d{2,4}\s*[|,]\s*\d\d:\d\d:\d\d[^|,]*[|,]|Pre-Init\b|S\+ |Unspecified\b|Unknown\s*[|,]"
    r"|OEM record |,?,?OEM record |,?,?Linux kernel panic)"
)
_FREEIPMI: Final = re.compile(
    r"\s*\d{1,8}\s*(?P<separator>[|,])\s*(?:[A-Z][a-z]{2}-\d\d-\d{4}|P(?:re|ost)Init|N/A)\s*[|,]"
)
#: how records begin that may have no time
_TIMELESS: Final = ("OEM record", "Linux kernel panic")
_FREEIPMI_HEADER: Final = re.compile(r"\s*ID\s*[|,]\s*Date\s*[|,]\s*Time\s*[|,]\s*Name\s*[|,]\s*Type\s*[|,].*Event\s*")
_EMPTY: Final = re.compile(r"SEL has no (?:more )?entries")
_DIRECTIONS: Final = {
    "asserted": True,
    "deasserted": False,
    "assertion event": True,
    "deassertion event": False,
}
_STATES: Final = frozenset({"nominal", "warning", "critical", "n/a", "na"})


@dataclass(frozen=True, slots=True)
class SelRecord:
    """One record, as text.

    Attributes
    ----------
    text
        The record as printed.
    host
        Host that stands in front of the line, if one does.
    date, time
        As printed; a record that has neither has been made without a clock.
    kind, name
        Type of the sensor, and its name or number.
    event
        What happened, with its details.
    asserted
        Whether the state began; None where the record does not say.
    """

    text: str
    host: str | None
    date: str
    time: str
    kind: str
    name: str
    event: str
    asserted: bool | None


def looks_like_sel(lines: list[str]) -> bool:
    """Tell whether the first lines of a file are those of a system event log."""
    bare = [_without_host(line)[1] for line in lines]
    if bare and all(_EMPTY.fullmatch(line.strip()) for line in bare):
        return True
    known = sum(_is_line(line) for line in bare)
    dated = any(_IPMITOOL.match(line) or _FREEIPMI.match(line) or _FREEIPMI_HEADER.fullmatch(line) for line in bare)
    return (dated and known >= 0.8 * len(bare)) or _is_verbose(bare)


def sel_records(file: InputFile) -> Iterator[tuple[int, SelRecord | Reject | None]]:
    """Yield the records of a file, each with the number of its first line; None for a line that is no record."""
    block: list[str] = []
    begun, host = 0, None
    for number, line in numbered_lines(file, LONGEST_LINE):
        if isinstance(line, Reject):
            yield number, line
            continue
        named, bare = _without_host(line)
        if bare.lstrip().startswith(_RECORD_ID):
            if block:
                yield begun, _verbose_record(begun, block, host)
            block, begun, host = [bare], number, named
        elif block:
            if len(block) <= _MOST_LINES:
                block.append(bare)
        else:
            yield number, _line_record(number, line, bare, named)
    if block:
        yield begun, _verbose_record(begun, block, host)


def _without_host(line: str) -> tuple[str | None, str]:
    match = _HOST.match(line)
    return (None, line) if match is None else (match["host"], line[match.end() :])


def _is_line(line: str) -> bool:
    return bool(
        _IPMITOOL.match(line) or _FREEIPMI.match(line) or _FREEIPMI_HEADER.fullmatch(line) or _EMPTY.match(line.strip())
    )


def _is_verbose(lines: list[str]) -> bool:
    keys = {line.partition(":")[0].strip() for line in lines}
    return {_RECORD_ID, "Record Type"} <= keys


def _line_record(number: int, line: str, bare: str, host: str | None) -> SelRecord | Reject | None:
    if _EMPTY.match(bare.strip()) or _FREEIPMI_HEADER.fullmatch(bare):
        return None
    free = _FREEIPMI.match(bare)
    tool = free or _IPMITOOL.match(bare)
    if tool is None:
        return Reject(number, line[:LINE_CUT], "not a record of a system event log")
    separator = tool["separator"]
    fields = [field.strip() for field in bare.split(separator)]
    if free is not None:
        return _freeipmi_record(line, host, fields, separator)
    return _ipmitool_record(line, host, fields, separator)


def _ipmitool_record(line: str, host: str | None, fields: list[str], separator: str) -> SelRecord:
    if len(fields) > 1 and fields[1].startswith("Pre-Init"):
        # Older versions print one field here, later ones the seconds since the start in a second.
        fields = [fields[0], "Pre-Init", "", *fields[3 if fields[2:3] and fields[2].isdigit() else 2 :]]
    elif any(field.startswith(_TIMELESS) for field in fields):
        fields = _with_times(fields)
    sensor = fields[3] if len(fields) > 3 else ""
    rest = fields[4:]
    turn = next((i for i, field in enumerate(rest) if field.lower() in _DIRECTIONS), None)
    glue = f"{separator} " if separator == "," else f" {separator} "
    kind, name = sensor_parts(sensor)
    return SelRecord(
        text=line,
        host=host,
        date=fields[1],
        time=fields[2] if len(fields) > 2 else "",
        kind=kind,
        name=name,
        event=glue.join(field for i, field in enumerate(rest) if i != turn and field),
        asserted=None if turn is None else _DIRECTIONS[rest[turn].lower()],
    )


def _with_times(fields: list[str]) -> list[str]:
    """Return the fields of a record that may lack the two of its time, with both."""
    begin = next(i for i, field in enumerate(fields) if field.startswith(_TIMELESS))
    times = [field for field in fields[1:begin] if field]
    return [fields[0], *times, *[""] * (2 - len(times)), *fields[begin:]]


def _freeipmi_record(line: str, host: str | None, fields: list[str], separator: str) -> SelRecord:
    identity, date, time, name, kind, *rest = [*fields, *[""] * (6 - len(fields))]
    del identity
    asserted = None
    while len(rest) > 1 and rest[0].lower() in _STATES | _DIRECTIONS.keys():
        asserted = _DIRECTIONS.get(rest[0].lower(), asserted)
        rest = rest[1:]
    event = f"{separator} ".join(rest)
    return SelRecord(line, host, date, time, kind, name, event, asserted)


def _verbose_record(number: int, block: list[str], host: str | None) -> SelRecord | Reject:
    text = "\n".join(line.strip() for line in block)
    if len(block) > _MOST_LINES:
        return Reject(number, text[:LINE_CUT], f"a record of more than {_MOST_LINES} lines")
    values: dict[str, str] = {}
    for line in block:
        key, colon, value = line.partition(":")
        if colon:
            values.setdefault(key.strip(), value.strip())
    date, _, time = values.get("Timestamp", "").partition(" ")
    return SelRecord(
        text=text,
        host=host,
        date=date,
        time=time.strip(),
        kind=values.get("Sensor Type", "OEM record" if "OEM" in values.get("Record Type", "") else ""),
        name=values.get("Sensor ID", "").partition(" (0x")[0] or _number(values.get("Sensor Number", "")),
        event=values.get("Description", ""),
        asserted=_DIRECTIONS.get(values.get("Event Direction", "").lower()),
    )


def _number(text: str) -> str:
    return f"#0x{text}" if text else ""
