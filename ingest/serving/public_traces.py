"""Public traces of LLM serving: Azure, Mooncake, BurstGPT. They say when requests came and how long they were.

Azure
    *Azure LLM inference dataset* 2023 and 2024 (Azure/AzurePublicDataset): ``TIMESTAMP,ContextTokens,GeneratedTokens``;
    the stamps of 2023 have seven decimals and no zone, those of 2024 bear ``+00:00``; both are UTC.
Mooncake
    ``mooncake_trace.jsonl`` (kvcache-ai/Mooncake): ``timestamp`` in milliseconds since the trace began,
    ``input_length``, ``output_length``, ``hash_ids``.
BurstGPT
    HPMLL/BurstGPT, releases 1.1 and 2.0: ``Timestamp`` in seconds since midnight of the first day, local time;
    ``Response tokens`` 0 marks a failure; the later files have ``Session ID`` and ``Elapsed time`` (seconds to the
    whole answer).

Of Azure's trace a file of 2023 was at hand; the others are written from their documentation.
"""

from __future__ import annotations

import json
import math
import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final

from ingest.opening import InputFile
from ingest.parsing.json_items import json_lines
from ingest.parsing.lines import head_lines
from ingest.parsing.quoted import head_columns, quoted_records
from ingest.records import Findings, Row, chunks
from ingest.source import Chunk, Options, Reject, Source
from reliability.errors import MissingOptionError

_AZURE: Final = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
_AZURE_STAMP: Final = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d{0,3})?(\+00:00|Z)?")
_MOONCAKE: Final = frozenset({"timestamp", "input_length", "output_length"})
_BURSTGPT: Final = frozenset({"Timestamp", "Model", "Request tokens", "Response tokens", "Log Type"})
#: ten years: more is no time since a trace began
_LONGEST_SECONDS: Final = 3.2e8


def count(value: object, name: str) -> int:
    """Return a number of tokens.

    >>> count("110", "ContextTokens"), count(7.0, "n")
    (110, 7)
    """
    found: float | int | None = None
    if isinstance(value, int | float) and not isinstance(value, bool):
        found = value
    elif isinstance(value, str) and re.fullmatch(r"\d{1,12}(\.0+)?", value.strip()):
        found = float(value)
    if found is None or not math.isfinite(found) or found != int(found) or not 0 <= found < 1e12:
        raise ValueError(f"{name} is no number of tokens: {str(value)[:80]}")
    return int(found)


class _RelativeTrace(Source):
    """A trace whose times count from its beginning."""

    covers = ("requests",)
    names_cluster = True
    asks = "`--time-origin`"
    begins: ClassVar[str]

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield the requests.

        Raises
        ------
        MissingOptionError
            If the time at which the trace begins is not given.
        """
        origin = options.origin_utc
        if origin is None:
            raise MissingOptionError(file.path, "--time-origin TIME", f"its times are {self.begins}")
        findings = Findings()

        def parse(record: Mapping[str, Any]) -> Sequence[Row]:
            row = self.request(record, origin)
            findings.see(row["arrival_utc"], row.get("end_utc"))
            return [Row("requests", row)]

        yield from chunks(self.records(file), parse, lambda record: json.dumps(record, default=str), findings)

    @abstractmethod
    def records(self, file: InputFile) -> Iterator[tuple[int, Mapping[str, Any] | Reject]]:
        """Yield the records of the file."""

    @abstractmethod
    def request(self, record: Mapping[str, Any], origin: datetime) -> dict[str, Any]:
        """Return the row of a record."""


class AzureLlm(Source):
    """Source of ``requests``."""

    name = "azure-llm"
    title = "Azure LLM inference trace, 2023 and 2024: TIMESTAMP,ContextTokens,GeneratedTokens"
    covers = ("requests",)
    cluster = "azure-llm"
    names_cluster = True

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the first line is the trace's header."""
        return head_columns(head, ",") == _AZURE

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:  # noqa: ARG002 - the protocol's
        """Yield the requests."""
        findings = Findings()

        def parse(fields: Sequence[str]) -> Sequence[Row]:
            if len(fields) != len(_AZURE):
                raise ValueError(f"{len(fields)} fields where the file has {len(_AZURE)}")
            row: dict[str, Any] = {
                "arrival_utc": _azure_time(fields[0]),
                "input_tokens": count(fields[1], "ContextTokens"),
                "output_tokens": count(fields[2], "GeneratedTokens"),
                "status": "unknown",
            }
            findings.see(row["arrival_utc"])
            return [Row("requests", row)]

        records = quoted_records(file, ",")
        next(records, None)
        yield from chunks(records, parse, ",".join, findings)


class Mooncake(_RelativeTrace):
    """Source of ``requests``."""

    name = "mooncake"
    title = "Mooncake trace: JSON lines with timestamp, input_length, output_length, hash_ids"
    cluster = "mooncake"
    begins = "milliseconds since the trace began"

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the first line is a request of the trace."""
        return is_mooncake(head)

    def records(self, file: InputFile) -> Iterator[tuple[int, Mapping[str, Any] | Reject]]:
        """Yield the objects."""
        return json_lines(file)

    def request(self, record: Mapping[str, Any], origin: datetime) -> dict[str, Any]:
        """Return the row of a request."""
        return {
            "arrival_utc": origin + _since(record["timestamp"], 1e-3),
            "input_tokens": count(record["input_length"], "input_length"),
            "output_tokens": count(record["output_length"], "output_length"),
            "status": "unknown",
        }


class BurstGpt(_RelativeTrace):
    """Source of ``requests``."""

    name = "burstgpt"
    title = "BurstGPT trace: Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type"
    cluster = "burstgpt"
    begins = "seconds since midnight of its first day"

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the first line is the trace's header."""
        return set(head_columns(head, ",")) >= _BURSTGPT

    def records(self, file: InputFile) -> Iterator[tuple[int, Mapping[str, Any] | Reject]]:
        """Yield the lines by their header."""
        names = head_columns(file.head(), ",")
        lines = quoted_records(file, ",")
        next(lines, None)
        for number, fields in lines:
            if isinstance(fields, Reject):
                yield number, fields
            elif len(fields) != len(names):
                yield number, Reject(number, ",".join(fields), f"{len(fields)} fields where the file has {len(names)}")
            else:
                yield number, dict(zip(names, fields, strict=True))

    def request(self, record: Mapping[str, Any], origin: datetime) -> dict[str, Any]:
        """Return the row of a request."""
        arrival = origin + _since(record["Timestamp"], 1.0)
        output = count(record["Response tokens"], "Response tokens")
        elapsed = record.get("Elapsed time")
        return {
            "arrival_utc": arrival,
            "end_utc": arrival + _since(elapsed, 1.0) if elapsed else None,
            "input_tokens": count(record["Request tokens"], "Request tokens"),
            "output_tokens": output,
            "status": "ok" if output else "error",
        }


def is_mooncake(head: bytes) -> bool:
    """Tell whether a file begins with a request of the Mooncake trace, whose times are no dates."""
    lines = head_lines(head, most=1)
    try:
        first = json.loads(lines[0]) if lines else None
    except (ValueError, RecursionError):
        return False
    if not isinstance(first, dict) or not first.keys() >= _MOONCAKE:
        return False
    stamp = first["timestamp"]
    return isinstance(stamp, int | float) and not isinstance(stamp, bool) and 0 <= stamp < _LONGEST_SECONDS


def _azure_time(text: str) -> datetime:
    match = _AZURE_STAMP.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"TIMESTAMP is no time: {text[:80]}")
    date, clock, fraction, _ = match.groups()
    return datetime.fromisoformat(f"{date}T{clock}.{(fraction or '0').ljust(6, '0')}").replace(tzinfo=UTC)


def _since(value: object, unit_seconds: float) -> timedelta:
    try:
        seconds = float(value) * unit_seconds  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise ValueError(f"no time since the trace began: {str(value)[:80]}") from None
    if isinstance(value, bool) or not 0 <= seconds < _LONGEST_SECONDS:
        raise ValueError(f"no time since the trace began: {str(value)[:80]}")
    return timedelta(seconds=seconds)
