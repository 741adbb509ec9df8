"""``dcgmi health -c -j``: what DCGM's watches found of each GPU and NVSwitch.

The layout is that of DCGM's ``dcgmi/Health.cpp`` and ``dcgmi/DcgmiOutput.h``: a tree whose nodes have ``value``,
``overflow`` (lines of text) and ``children``. Written from those; no real file was at hand.

The output has no time and no host: it is taken to be of ``--taken-at``, else of the file's time stamp. GPUs are named
by DCGM's number, which becomes the slot ``gpu0``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ingest.opening import InputFile
from ingest.parsing.json_items import head_paths, json_items
from ingest.records import NOTHING, Findings, Row, chunks
from ingest.source import Chunk, Options, Source
from reliability.errors import MissingOptionError

_SEVERITIES: Final = {"Healthy": None, "Warning": "warning", "Failure": "critical"}
_COMPONENTS: Final = {"GPU": "gpu", "NvSwitch": "nvswitch", "Switch": "nvswitch", "Link": "link", "CPU": "cpu"}
#: the watch, as printed → code behind ``dcgm:``, symptom, domain
_SYSTEMS: Final = {
    "PCIe system": ("pcie", "pcie", "hardware"),
    "NVLINK system": ("nvlink", "nvlink", "hardware"),
    "PMU system": ("pmu", "gpu_unavailable", "hardware"),
    "MCU system": ("mcu", "gpu_unavailable", "hardware"),
    "Memory system": ("memory", "gpu_memory", "hardware"),
    "SM system": ("sm", "gpu_unavailable", "hardware"),
    "InfoROM system": ("inforom", "other", "hardware"),
    "Thermal system": ("thermal", "cooling", "hardware"),
    "Power system": ("power", "power", "hardware"),
    "Driver": ("driver", "gpu_driver", "system_software"),
}
_SWITCH: Final = ("nvswitch", "nvlink", "hardware")
_OTHER: Final = ("other", "other", "other")
_GUESSED_TIME: Final = "{count} reports have no time: taken to be of the file's time stamp; give --taken-at"


class DcgmHealth(Source):
    """Source of ``events``."""

    name = "dcgm-health"
    title = "dcgmi health -c -j"
    asks = "`--node`"

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the document is a health report."""
        return {"header.item", "body.Overall Health.value"} <= head_paths(head)

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield the events.

        Raises
        ------
        MissingOptionError
            If the options do not name the host.
        """
        if options.node is None:
            raise MissingOptionError(file.path, "--node HOST", "a DCGM health report does not name its host")
        findings = Findings()
        parser = _Parser(options.node, options.taken_utc, file.modified_utc(), findings)
        yield from chunks(json_items(file, ""), parser.parse, lambda report: str(report)[:500], findings)


@dataclass(slots=True)
class _Parser:
    node: str
    taken_utc: datetime | None
    modified_utc: datetime
    findings: Findings
    _told: set[tuple[str, ...]] = field(default_factory=set)

    def parse(self, report: object) -> Sequence[Row]:
        """Return the incidents of a report that none before it had."""
        body = _mapping(report, "body")
        _severity(_mapping(body, "Overall Health"))
        rows = [
            row
            for group, node in body.items()
            if group != "Overall Health"
            for number, entity in _mapping(node, "children").items()
            for system, incident in _mapping(_mapping(_mapping(entity, "children"), "Errors"), "children").items()
            for row in self._incident(str(group), str(number), str(system), incident)
        ]
        if rows and self.taken_utc is None:
            self.findings.note(_GUESSED_TIME)
        return rows or NOTHING

    def _incident(self, group: str, number: str, system: str, incident: object) -> Iterator[Row]:
        severity = _severity(incident)
        if severity is None:
            return
        message = _text(incident)
        if (group, number, system, message) in self._told:
            return
        self._told.add((group, number, system, message))
        component = _COMPONENTS.get(group, "other")
        known = _SYSTEMS.get(system, _SWITCH if component == "nvswitch" else _OTHER)
        code, symptom, domain = known
        values = {
            "time_utc": self.taken_utc or self.modified_utc,
            "node": self.node,
            "component": component,
            "slot": f"{group.lower()}{number}",
            "symptom": symptom,
            "domain": domain,
            "code": f"dcgm:{code}",
            "severity": severity,
            "source": DcgmHealth.name,
            "message": f"{system}: {message}",
        }
        yield Row("events", values)


def _mapping(node: object, key: str) -> Mapping[str, object]:
    found = node.get(key) if isinstance(node, dict) else None
    if not isinstance(found, dict):
        raise ValueError(f"no object {key!r} where there should be one")  # noqa: TRY004 - refuses the record
    return found


def _severity(node: object) -> str | None:
    value = node.get("value") if isinstance(node, dict) else None
    if not isinstance(value, str) or value not in _SEVERITIES:
        raise ValueError(f"health {value!r} is none of {', '.join(_SEVERITIES)}")
    return _SEVERITIES[value]


def _text(node: object) -> str:
    lines = node.get("overflow", []) if isinstance(node, dict) else []
    if not isinstance(lines, list):
        raise ValueError("the text of an incident is no list")  # noqa: TRY004 - refuses the record
    return " ".join(str(line).strip() for line in lines)
