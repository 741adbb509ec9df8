"""Blue Gene/L's log of reliability, availability and serviceability events, at LLNL, June 2005 to January 2006.

A line is ``label epoch date location time location type facility level text``. Those who published it went through the
kinds of lines with the machine's administrators: the label ``-`` means that nobody had to do anything, any other names
the kind of alert. So an alert is an event, and all other lines are dropped, whatever level they claim.

Source: A. Oliner and J. Stearley, *What Supercomputers Say: A Study of Five System Logs*, DSN 2007. The USENIX Computer
Failure Data Repository and Loghub hand the log out: 4,747,963 lines, of which 348,460 are alerts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from ingest.opening import InputFile
from ingest.parsing.lines import head_lines, numbered_lines
from ingest.records import NOTHING, Findings, Row, chunks
from ingest.source import Chunk, Options, Source

_LINE: Final = re.compile(
    r"(?P<label>\S+) (?P<epoch>\d{9,10}) \d{4}\.\d\d\.\d\d (?P<node>\S+) "
    r"\d{4}-\d\d-\d\d-\d\d\.\d\d\.\d\d\.(?P<fraction>\d{6}) \S+ \S+ [A-Z]+ (?P<level>[A-Z]+) ?(?P<message>.*)"
)
_NOT_AN_ALERT: Final = "-"
_NOWHERE: Final = frozenset({"NULL", "UNKNOWN_LOCATION"})
_SEVERE: Final = frozenset({"FATAL", "FAILURE", "SEVERE"})


def _kinds(labels: str, component: str, symptom: str, domain: str) -> dict[str, tuple[str, str, str]]:
    return dict.fromkeys(labels.split(), (component, symptom, domain))


#: label → component, symptom, domain, by what its lines say; the paper sorts the larger ones into hardware and software
_KINDS: Final = {
    **_kinds("KERNDTLB KERNSTOR KERNTLBE KERNMC KERNPROG KERNFLOAT KERNEXT MMCS", "cpu", "cpu", "hardware"),
    **_kinds("KERNBIT R_DDR_EXC R_DDR_STR", "dimm", "main_memory", "hardware"),
    **_kinds("KERNPOW KERNSERV MONPOW", "psu", "power", "hardware"),
    **_kinds("KERNNOETH", "nic", "ethernet_link", "hardware"),
    **_kinds("LINKBLL LINKDISC LINKIAP LINKPAP", "link", "other", "hardware"),
    **_kinds("KERNMNT KERNMNTF", "filesystem", "filesystem_mount", "system_software"),
    **_kinds("KERNTERM KERNREC KERNRTSP KERNRTSA KERNPAN KERNMICRO", "software", "system_services", "system_software"),
    **_kinds("KERNCON KERNSOCK MASABNORM MASNORM MONILL MONNULL", "software", "system_services", "system_software"),
    **_kinds("APPSEV APPREAD APPRES APPTO APPBUSY APPUNAV APPTORUS", "software", "system_services", "system_software"),
    # the program could not be started: no such file, no such folder, not enough memory
    **_kinds("APPCHILD APPOUT APPALLOC", "software", "application", "user_program"),
}
_OTHER: Final = ("other", "other", "other")


class BlueGeneL(Source):
    """Source of the ``events`` table."""

    name = "bgl"
    title = "Blue Gene/L RAS log (LLNL, 2005 to 2006; CFDR and Loghub)"
    covers = ("events",)
    cluster = "bgl"

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether most lines are of this very form."""
        lines = head_lines(head)
        return bool(lines) and sum(_LINE.fullmatch(line) is not None for line in lines) >= 0.8 * len(lines)

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:  # noqa: ARG002 - the protocol's
        """Yield the alerts."""
        findings = Findings()

        def parse(line: str) -> Sequence[Row]:
            match = _LINE.fullmatch(line)
            if match is None:
                raise ValueError("not a line of this log")
            time = datetime.fromtimestamp(int(match["epoch"]), UTC).replace(microsecond=int(match["fraction"]))
            findings.see(time)
            return NOTHING if match["label"] == _NOT_AN_ALERT else (_event(match, time),)

        yield from chunks(numbered_lines(file), parse, str, findings)


def _event(match: re.Match[str], time: datetime) -> Row:
    component, symptom, domain = _KINDS.get(match["label"], _OTHER)
    return Row(
        "events",
        {
            "time_utc": time,
            "node": None if match["node"] in _NOWHERE else match["node"],
            "component": component,
            "symptom": symptom,
            "domain": domain,
            "severity": _severity(domain, match["level"]),
            "code": f"bgl:{match['label']}",
            "source": BlueGeneL.name,
            "message": match["message"],
        },
    )


def _severity(domain: str, level: str) -> str:
    if domain == "user_program":
        return "info"
    return "critical" if level in _SEVERE else "warning"
