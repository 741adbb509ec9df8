"""Log of NVIDIA's fabric manager, which trains and watches the NVLinks between GPUs and NVSwitches.

Lines are ``[Feb 25 2025 13:59:45] [ERROR] [tid 841] text``; what a message says on further lines has no stamp. An error
of a switch is an SXid and stands in the kernel log as well, under the same code. Sources: NVIDIA, *Fabric Manager User
Guide* (``/var/log/fabricmanager.log``), and the lines that gpud looks for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from ingest.opening import InputFile
from ingest.parsing.lines import head_lines, numbered_lines
from ingest.parsing.stamps import MONTHS, local_to_utc
from ingest.records import NOTHING, Findings, Row, chunks
from ingest.source import Chunk, Options, Source
from ingest.taxonomy.kernel_lines import Finding
from ingest.taxonomy.sxid import sxid_verdict
from reliability.errors import MissingOptionError

_STAMP: Final = rf"\[(?P<month>{'|'.join(MONTHS)}) (?P<day>[ \d]\d) (?P<year>\d{{4}}) (?P<clock>\d\d:\d\d:\d\d)\]"
_LINE: Final = re.compile(rf"{_STAMP} \[(?P<level>[A-Z]+)\] (?:\[tid \d+\] )?(?P<message>.*)")
_SWITCH_ERROR: Final = re.compile(
    r"detected NVSwitch (?P<word>fatal|non-fatal) error (?P<number>\d{1,6}) .*?pci bus id (?P<slot>[0-9a-fA-F:.]+)"
)
#: what cannot be a message's second line
_MARKS: Final = ("] [ERROR] ", "] [CRITICAL] ", "detected NVSwitch ")
_ERRORS: Final = frozenset({"ERROR", "CRITICAL"})
#: text → code and severity
_KNOWN: Final = (
    ("don't match with any supported system topology", "fm:topology_mismatch", "critical"),
    ("failed to find the GPU handle", "fm:gpu_not_found", "warning"),
    ("request to query NVSwitch device information", "fm:no_nvswitch", "warning"),
)
_AMBIGUOUS: Final = "{count} lines have a time that occurs twice because the clocks were set back: read as the earlier"


class FabricManager(Source):
    """Source of the ``events`` table."""

    name = "fabric-manager"
    title = "log of NVIDIA's fabric manager (NVSwitch)"
    asks = "`--node`"
    covers = ("events",)
    grows = True

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the stamped lines are of this form and some come from a thread of the daemon."""
        stamped = [line for line in head_lines(head, most=100) if line.startswith("[")]
        return (
            bool(stamped)
            and all(_LINE.fullmatch(line) for line in stamped)
            and any("] [tid " in line or "NVSwitch" in line for line in stamped)
        )

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield the errors.

        Raises
        ------
        MissingOptionError
            If the options do not name the host.
        """
        if options.node is None:
            raise MissingOptionError(file.path, "--node HOST", "the fabric manager does not name its host")
        parser = _Parser(options.node, ZoneInfo(options.zone))
        yield from chunks(numbered_lines(file), parser.parse, str, parser.findings)


class _Parser:
    def __init__(self, node: str, zone: ZoneInfo) -> None:
        self.findings = Findings()
        self._node = node
        self._zone = zone

    def parse(self, line: str) -> Sequence[Row]:
        match = _LINE.fullmatch(line)
        if match is None:
            if any(mark in line for mark in _MARKS):
                raise ValueError("no time at the beginning of the line")
            return NOTHING
        time = self._time(match)
        self.findings.see(time)
        found = _find(match["level"], match["message"])
        if found is None:
            return NOTHING
        row = {
            "time_utc": time,
            "node": self._node,
            "component": found.component,
            "slot": found.slot,
            "symptom": found.symptom,
            "domain": found.domain,
            "code": found.code,
            "severity": found.severity,
            "source": FabricManager.name,
            "message": match["message"],
        }
        return (Row("events", row),)

    def _time(self, match: re.Match[str]) -> datetime:
        self.findings.naive_times = True
        naive = datetime.fromisoformat(
            f"{match['year']}-{MONTHS[match['month']]:02d}-{int(match['day']):02d}T{match['clock']}"
        )
        time, ambiguous = local_to_utc(naive, self._zone)
        if ambiguous:
            self.findings.note(_AMBIGUOUS)
        return time


def _find(level: str, message: str) -> Finding | None:
    error = _SWITCH_ERROR.search(message)
    if error is not None:
        number = int(error["number"])
        verdict = sxid_verdict(number, fatal=error["word"] == "fatal")
        # The kernel prints four digits of the domain, the daemon eight.
        slot = re.sub(r"^0000([0-9a-fA-F]{4}:)", r"\1", error["slot"])
        return Finding(f"sxid:{number}", "nvswitch", verdict.symptom, verdict.domain, verdict.severity, slot)
    for text, code, severity in _KNOWN:
        if text in message:
            return Finding(code, "nvswitch", "nvlink", "hardware", severity, None)
    if level in _ERRORS:
        return Finding("fm:error", "nvswitch", "nvlink", "other", "warning", None)
    return None
