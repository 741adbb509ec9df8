"""``smartctl --json -a`` (or ``-x``, ``-i -H -A``) of ATA, NVMe and SCSI disks: one document, several, or an array.

The layout is that of smartmontools 7.0 to 7.5, as its source and the test data of Prometheus' smartctl_exporter show
it; the bits of ``critical_warning`` are those of the NVM Express base specification (SMART / health information log).
Written from those; no real file was at hand.

A snapshot is no history. Events, at the time of the snapshot, are what the disk itself says now: overall health
failed, an attribute at or below its threshold (``when_failed`` ``now``), a bit of ``critical_warning``; within a file
each is told once, when it begins. Counters (reallocated and pending sectors, media errors) are attributes of the disk.
The entries of error logs are dated in hours of operation, which no clock can be read from: they are counted in an
attribute and are no events.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ingest.health.unix_time import from_unix
from ingest.opening import InputFile
from ingest.parsing.json_items import head_paths, json_items
from ingest.records import KEPT, Findings, Row, chunks
from ingest.source import Chunk, Options, Source
from reliability.errors import MissingOptionError

#: bit of NVMe's critical warning → code behind ``smart:``, what it says, symptom, severity
_NVME_WARNINGS: Final = (
    ("nvme_spare_low", "available spare below its threshold", "disk", "critical"),
    ("nvme_temperature", "temperature beyond a threshold", "cooling", "warning"),
    ("nvme_unreliable", "reliability degraded by media or internal errors", "disk", "critical"),
    ("nvme_read_only", "media is read-only", "disk", "critical"),
    ("nvme_backup_failed", "backup of volatile memory failed", "disk", "warning"),
    ("nvme_pmr_read_only", "persistent memory region is read-only or unreliable", "disk", "warning"),
)
#: ATA attribute → attribute of the component that holds its raw value
_ATA_COUNTS: Final = {
    5: "reallocated_sectors",
    187: "reported_uncorrectable",
    197: "pending_sectors",
    198: "offline_uncorrectable",
    199: "interface_crc_errors",
}
_ATA_TEMPERATURES: Final = (190, 194)
#: place of a value → attribute of the component; the first that is there
_PLACES: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("model", ("model_name",)),
    ("model", ("scsi_model_name",)),
    ("family", ("model_family",)),
    ("firmware", ("firmware_version",)),
    ("firmware", ("scsi_revision",)),
    ("protocol", ("device", "protocol")),
    ("capacity_bytes", ("user_capacity", "bytes")),
    ("capacity_bytes", ("nvme_total_capacity",)),
    ("rotation_rate", ("rotation_rate",)),
    ("power_on_hours", ("power_on_time", "hours")),
    ("power_cycles", ("power_cycle_count",)),
    ("percentage_used", ("nvme_smart_health_information_log", "percentage_used")),
    ("percentage_used", ("scsi_percentage_used_endurance_indicator",)),
    ("available_spare", ("nvme_smart_health_information_log", "available_spare")),
    ("media_errors", ("nvme_smart_health_information_log", "media_errors")),
    ("unsafe_shutdowns", ("nvme_smart_health_information_log", "unsafe_shutdowns")),
    ("logged_errors", ("nvme_smart_health_information_log", "num_err_log_entries")),
    ("logged_errors", ("ata_smart_error_log", "extended", "count")),
    ("logged_errors", ("ata_smart_error_log", "summary", "count")),
    ("grown_defects", ("scsi_grown_defect_list",)),
    ("uncorrected_reads", ("scsi_error_counter_log", "read", "total_uncorrected_errors")),
    ("uncorrected_writes", ("scsi_error_counter_log", "write", "total_uncorrected_errors")),
    ("uncorrected_verifies", ("scsi_error_counter_log", "verify", "total_uncorrected_errors")),
)
_GUESSED_TIME: Final = "{count} reports have no time: taken to be of the file's time stamp; give --taken-at"
_UNDATED_ERRORS: Final = "{count} reports hold errors dated in hours of operation only: they are no events"


class SmartctlJson(Source):
    """Source of ``components`` and ``events``."""

    name = "smartctl-json"
    title = "smartctl --json"
    asks = "`--node`"

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the document is a report of smartctl."""
        paths = head_paths(head)
        return any(
            f"{prefix}json_format_version.item" in paths
            and {f"{prefix}smartctl.version.item", f"{prefix}smartctl.exit_status", f"{prefix}device.protocol"} & paths
            for prefix in ("", "item.")
        )

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield the disks, and the events of the states they are in.

        Raises
        ------
        MissingOptionError
            If the options do not name the host: smartctl does not.
        """
        if options.node is None:
            raise MissingOptionError(file.path, "--node HOST", "smartctl does not name its host")
        findings = Findings()
        parser = _Parser(options.node, options.taken_utc, file.modified_utc(), findings)
        prefix = "item" if "item.json_format_version.item" in head_paths(file.head()) else ""
        reports = json_items(file, prefix)
        yield from chunks(reports, parser.parse, lambda report: str(report)[:500], findings, parser.finish)


@dataclass(frozen=True, slots=True)
class _State:
    code: str
    message: str
    symptom: str
    severity: str


@dataclass(slots=True)
class _Parser:
    node: str
    taken_utc: datetime | None
    modified_utc: datetime
    findings: Findings
    _disks: dict[str, Row] = field(default_factory=dict)
    _standing: dict[str, frozenset[str]] = field(default_factory=dict)

    def parse(self, report: object) -> Sequence[Row]:
        """Return the events of a report; its disk comes with :meth:`finish`."""
        serial = _at(report, "serial_number")
        if not isinstance(serial, str) or not serial.strip():
            raise ValueError(f"no serial number of a disk{_complaint(report)}")
        serial = serial.strip()
        taken_utc = self._time(report)
        attributes = _attributes(report)
        if attributes.get("logged_errors", "0") != "0":
            self.findings.note(_UNDATED_ERRORS)
        states = [*_states(report)]
        slot = _at(report, "device", "info_name") or _at(report, "device", "name")
        place = str(slot) if slot else None
        self._note_latest(serial, place, taken_utc, attributes)
        before = self._standing.get(serial, frozenset())
        self._standing[serial] = frozenset(state.code for state in states)
        return [self._event(state, serial, place, taken_utc) for state in states if state.code not in before] or KEPT

    def finish(self) -> Iterable[Row]:
        """Return the disks as the last report of each shows them."""
        return self._disks.values()

    def _time(self, report: object) -> datetime:
        seconds = _at(report, "local_time", "time_t")
        if seconds is not None:
            if not isinstance(seconds, int | float):
                raise ValueError(f"local_time.time_t {seconds!r} is no number")
            return from_unix(seconds)
        if self.taken_utc is None:
            self.findings.note(_GUESSED_TIME)
        return self.taken_utc or self.modified_utc

    def _note_latest(self, serial: str, slot: str | None, taken_utc: datetime, attributes: Mapping[str, str]) -> None:
        known = self._disks.get(serial)
        if known is not None and known.values["removed_utc"] > taken_utc:
            return
        values = {
            "component": "disk",
            "component_id": serial,
            "node": self.node,
            "slot": slot,
            # When it was put in is not known; the next report has the same key and replaces this one.
            "installed_utc": None,
            "removed_utc": taken_utc,
            "removal": "in_service",
            "attributes": attributes,
        }
        self._disks[serial] = Row("components", values)

    def _event(self, state: _State, serial: str, slot: str | None, at_utc: datetime) -> Row:
        values = {
            "time_utc": at_utc,
            "node": self.node,
            "component": "disk",
            "component_id": serial,
            "slot": slot,
            "symptom": state.symptom,
            "domain": "hardware",
            "code": f"smart:{state.code}",
            "severity": state.severity,
            "source": SmartctlJson.name,
            "message": state.message,
        }
        return Row("events", values)


def _states(report: object) -> Iterator[_State]:
    passed = _at(report, "smart_status", "passed")
    if passed is False:
        yield _State("failed", "overall health self-assessment: FAILED", "disk", "critical")
    elif passed is not None and passed is not True:
        raise ValueError(f"smart_status.passed {passed!r} is neither true nor false")
    for attribute in _ata_table(report):
        when = str(attribute.get("when_failed") or "").lower()
        if when == "now":
            severity = "critical" if _at(attribute, "flags", "prefailure") is True else "warning"
            text = (
                f"attribute {attribute.get('id')} {attribute.get('name')}: value {attribute.get('value')} at or below"
            )
            raw = _at(attribute, "raw", "value")
            message = f"{text} threshold {attribute.get('thresh')}, raw {raw}"
            symptom = "cooling" if attribute.get("id") in _ATA_TEMPERATURES else "disk"
            yield _State(f"attribute_{attribute.get('id')}", message, symptom, severity)
    yield from _nvme_states(_at(report, "nvme_smart_health_information_log", "critical_warning"))


def _nvme_states(warning: object) -> Iterator[_State]:
    if warning is None:
        return
    if not isinstance(warning, int) or not 0 <= warning < 256:
        raise ValueError(f"critical_warning {warning!r} is no byte")
    for bit, (code, text, symptom, severity) in enumerate(_NVME_WARNINGS):
        if warning & (1 << bit):
            yield _State(code, f"NVMe critical warning: {text}", symptom, severity)


def _attributes(report: object) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, place in _PLACES:
        value = _at(report, *place)
        if isinstance(value, str | int | float) and name not in found:
            found[name] = str(value)
    for attribute in _ata_table(report):
        number, raw = attribute.get("id"), _at(attribute, "raw", "value")
        if isinstance(number, int) and number in _ATA_COUNTS and isinstance(raw, int):
            found[_ATA_COUNTS[number]] = str(raw)
    return found


def _ata_table(report: object) -> list[dict[str, object]]:
    table = _at(report, "ata_smart_attributes", "table")
    return [entry for entry in table if isinstance(entry, dict)] if isinstance(table, list) else []


def _complaint(report: object) -> str:
    messages = _at(report, "smartctl", "messages")
    texts = [str(_at(message, "string")) for message in messages] if isinstance(messages, list) else []
    return f": {'; '.join(texts)}" if texts else ""


def _at(value: object, *place: str) -> object:
    for key in place:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value
