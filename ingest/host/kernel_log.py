"""Kernel logs, however they were collected: ``dmesg`` in its forms, ``/dev/kmsg``, syslog, ``journalctl``.

The forms and where they are described: :mod:`ingest.parsing.stamps`. What the lines say: :mod:`ingest.taxonomy`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingest.host.readers import JournalReader, Reader, line_reader
from ingest.host.scan import Scan, whole_lines
from ingest.opening import InputFile
from ingest.parsing.lines import head_lines
from ingest.parsing.stamps import Clock, main_dialect
from ingest.source import Chunk, Options, Source
from reliability.errors import MissingOptionError, UnreadableInputError

_KERNEL_WORDS: Final = (b" kernel: ", b"NVRM: ", b"kernel:")
#: share of the first lines that must begin alike for the file to be read at all
_LEAST_SHARE: Final = 0.2
_AMBIGUOUS: Final = "{count} events have a time that occurs twice because the clocks were set back: read as the earlier"


class KernelLog(Source):
    """Source of the ``events`` table."""

    name = "kernel-log"
    title = "kernel log: dmesg, /dev/kmsg, syslog RFC 3164 or 5424, journalctl as text or JSON"
    asks = "`--year` for RFC 3164; `--node` for dmesg and kmsg; `--time-origin` (the boot) for their raw stamps"
    covers = ("events",)
    cluster = None
    names_cluster = False
    grows = True

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the first lines begin like a kernel log's."""
        lines = head_lines(head)
        if _is_journal(lines):
            return True
        dialect = main_dialect(lines)
        return dialect is not None and (not dialect.ordinary or any(word in head for word in _KERNEL_WORDS))

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield the events.

        Raises
        ------
        MissingOptionError
            If the lines lack a year, a host or the time of the boot and the options do not give it.
        UnreadableInputError
            If the lines begin in no way that is known.
        """
        reader = _reader(file, options)
        scan = Scan(reader, self.name, file.first_line)
        for block in whole_lines(file.blocks()):
            yield scan.chunk(block)
        yield Chunk(
            observed=scan.last_time(),
            notes={_AMBIGUOUS: reader.clock.ambiguous},
            naive_times=reader.clock.naive,
        )


def _reader(file: InputFile, options: Options) -> Reader:
    lines = head_lines(file.head())
    if _is_journal(lines):
        return JournalReader(Clock(options), options.node)
    # Whoever names the format may bring a file whose beginning is damaged.
    dialect = main_dialect(lines) or main_dialect(lines, _LEAST_SHARE)
    if dialect is None:
        raise UnreadableInputError(file.path, "no time stamp of dmesg or syslog at the beginning of its lines")
    reader = line_reader(dialect, _lines_of_boot(file), options, file.continues_after)
    lack = reader.lack()
    if lack is not None:
        raise MissingOptionError(file.path, *lack)
    return reader


def _lines_of_boot(file: InputFile) -> Iterator[str]:
    """Yield the lines that may tell when the first boot of the file was."""
    if file.first_line > 1:
        yield from file.head().decode("utf-8", "replace").splitlines()
        return
    for block in whole_lines(file.blocks()):
        yield from block.decode("utf-8", "replace").splitlines()


def _is_journal(lines: list[str]) -> bool:
    return bool(lines) and lines[0].startswith("{") and '"__REALTIME_TIMESTAMP"' in lines[0]
