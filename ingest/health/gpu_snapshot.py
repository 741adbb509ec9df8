"""What ``nvidia-smi -q`` says of one GPU at one moment, whichever way it was printed: rows for the lake.

A snapshot is no history. Counters (ECC errors, remapped rows, PCIe replays) are sums over the life of the GPU or of the
driver, so they are attributes of the component and no events. States that hold now (a remap that failed, a reset that
is asked for) are events at the time of the snapshot; within a file of several snapshots each is told once, when it
begins.

A GPU is known by its UUID, as DCGM and Kubernetes know it, and by its serial number only where it has none; the serial
number is an attribute.

NVIDIA's meaning of the states: nvidia-smi(1); *GPU Memory Error Management* (row remapping, RMA criteria); NVML API
reference (``nvmlGpuRecoveryAction``, clock event reasons).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from ingest.parsing.stamps import local_to_utc
from ingest.records import KEPT, Findings, Row
from ingest.source import Options

#: what nvidia-smi prints where a GPU has no such thing, or none of it now
_NOTHING: Final = frozenset(
    {"", "N/A", "No", "None", "Not Active", "Requested functionality has been deprecated", "[N/A]", "Not Supported"}
)
_MISSING: Final = frozenset({"", "N/A", "0", "[N/A]", "Unknown", "Not Supported"})
_BROKEN: Final = re.compile(r"GPU is lost|Unknown Error|ERR!|GPU requires reset", re.IGNORECASE)
_PCI: Final = re.compile(r"(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}):([0-9a-f]{2})(?:\.([0-9a-f]))?")
_STAMP: Final = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) +(\d{1,2}) (\d\d):(\d\d):(\d\d) (\d{4})")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

#: facts that become attributes as they are
ATTRIBUTES: Final = (
    *("model", "vbios", "board_part_number", "pcie_generation", "pcie_generation_max", "pcie_width", "pcie_width_max"),
    *("pcie_replays", "volatile_sram_correctable", "volatile_sram_uncorrectable", "volatile_dram_correctable"),
    *("volatile_dram_uncorrectable", "aggregate_sram_correctable", "aggregate_sram_uncorrectable"),
    *("aggregate_dram_correctable", "aggregate_dram_uncorrectable", "remapped_rows_correctable"),
    *("remapped_rows_uncorrectable", "retired_pages_single_bit", "retired_pages_double_bit"),
)


@dataclass(frozen=True, slots=True)
class _State:
    """A state that is trouble while it holds: its code behind ``smi:``, symptom and severity."""

    code: str
    symptom: str
    severity: str


#: fact → state, for facts that say Yes or Active
_STATES: Final = {
    "remap_failed": _State("row_remap_failed", "gpu_memory", "critical"),
    "remap_pending": _State("row_remap_pending", "gpu_memory", "warning"),
    "retirement_pending": _State("page_retirement_pending", "gpu_memory", "warning"),
    "sram_threshold_exceeded": _State("sram_threshold_exceeded", "gpu_memory", "critical"),
    "unrepairable_memory": _State("unrepairable_memory", "gpu_memory", "critical"),
    "channel_repair_pending": _State("channel_repair_pending", "gpu_memory", "warning"),
    "tpc_repair_pending": _State("tpc_repair_pending", "gpu_memory", "warning"),
    "reset_required": _State("reset_required", "gpu_unavailable", "critical"),
    "drain_recommended": _State("drain_and_reset_recommended", "gpu_unavailable", "critical"),
    "hw_thermal_slowdown": _State("hw_thermal_slowdown", "cooling", "warning"),
    "hw_power_brake": _State("hw_power_brake_slowdown", "power", "warning"),
    "sw_thermal_slowdown": _State("sw_thermal_slowdown", "cooling", "info"),
}
_PLAIN_SLOWDOWN: Final = _State("hw_slowdown", "other", "warning")
_LOST: Final = _State("lost", "gpu_unavailable", "critical")
_FABRIC_FAILED: Final = _State("fabric_failed", "nvlink", "critical")
_FABRIC_UNREADY: Final = _State("fabric_not_ready", "nvlink", "warning")
_INFOROM: Final = _State("inforom_corrupted", "other", "warning")
_DRAIN: Final = _State("recovery_drain_p2p", "nvlink", "warning")


@dataclass(slots=True)
class GpuSnapshots:
    """Turns the GPUs of the snapshots of one file into rows.

    Attributes
    ----------
    source
        Name of the format.
    node
        Host.
    """

    source: str
    node: str
    _latest: dict[str, Row] = field(default_factory=dict)
    _standing: dict[str, frozenset[str]] = field(default_factory=dict)
    _warned: set[str] = field(default_factory=set)

    def rows(self, facts: Mapping[str, str], taken_utc: datetime) -> Sequence[Row]:
        """Return the events of one GPU; itself comes with :meth:`finish`.

        Parameters
        ----------
        facts
            Names of :data:`ATTRIBUTES` and the states, and ``serial``, ``uuid``, ``bus_id``, ``recovery_action``,
            ``fabric_state``, ``fabric_status``, ``hw_slowdown``, ``driver``, ``cuda``.
        taken_utc
            When the snapshot was taken.

        Raises
        ------
        ValueError
            If nothing says which GPU it is.
        """
        identity = next((facts[key] for key in ("uuid", "serial") if _is_known(facts.get(key))), None)
        slot = pci_slot(facts["bus_id"]) if _is_known(facts.get("bus_id")) else None
        if slot is None and identity is None:
            raise ValueError("neither serial number nor UUID nor bus id of the GPU")
        states = _states(facts)
        # Of a GPU that does not answer nothing is known that was not known before.
        if identity is not None and not any(state is _LOST for state, _ in states):
            self._note_latest(identity, self._component(facts, identity, slot, taken_utc))
        before = self._standing.get(slot or str(identity), frozenset())
        self._standing[slot or str(identity)] = frozenset(state.code for state, _ in states)
        return [
            self._event(state, message, identity, slot, taken_utc)
            for state, message in states
            if state.code not in before
        ] or KEPT

    def finish(self) -> Iterable[Row]:
        """Return the GPUs as the last snapshot of each shows them."""
        return self._latest.values()

    def _note_latest(self, identity: str, row: Row) -> None:
        known = self._latest.get(identity)
        if known is None or known.values["removed_utc"] <= row.values["removed_utc"]:
            self._latest[identity] = row

    def warning(self, bus_id: str, message: str, taken_utc: datetime) -> list[Row]:
        """Return the event of a warning that the InfoROM of a GPU is corrupted, once per GPU."""
        slot = pci_slot(bus_id)
        if slot in self._warned:
            return []
        self._warned.add(slot)
        return [self._event(_INFOROM, message, None, slot, taken_utc)]

    def _component(self, facts: Mapping[str, str], identity: str, slot: str | None, taken_utc: datetime) -> Row:
        kept = {name: facts[name] for name in (*ATTRIBUTES, "driver", "cuda") if facts.get(name, "N/A") not in _NOTHING}
        if _is_known(facts.get("serial")):
            kept["serial"] = facts["serial"]
        values = {
            "component": "gpu",
            "component_id": identity,
            "node": self.node,
            "slot": slot,
            # When it was put in is not known; the next snapshot has the same key and replaces this one.
            "installed_utc": None,
            "removed_utc": taken_utc,
            "removal": "in_service",
            "attributes": kept,
        }
        return Row("components", values)

    def _event(self, state: _State, message: str, identity: str | None, slot: str | None, at_utc: datetime) -> Row:
        values = {
            "time_utc": at_utc,
            "node": self.node,
            "component": "gpu",
            "component_id": identity,
            "slot": slot,
            "symptom": state.symptom,
            "domain": "hardware",
            "code": f"smi:{state.code}",
            "severity": state.severity,
            "source": self.source,
            "message": message,
        }
        return Row("events", values)


def _states(facts: Mapping[str, str]) -> list[tuple[_State, str]]:
    found = []
    for name, state in _STATES.items():
        value = facts.get(name, "N/A")
        if value in {"Yes", "Active"}:
            found.append((state, f"{state.code.replace('_', ' ')}: {value}"))
        elif value not in _NOTHING and not _BROKEN.search(value) and not value.startswith("Unknown"):
            raise ValueError(f"{name.replace('_', ' ')}: {value[:80]!r} is neither yes nor no")
    codes = {state.code for state, _ in found}
    if facts.get("hw_slowdown") == "Active" and not codes & {"hw_thermal_slowdown", "hw_power_brake_slowdown"}:
        found.append((_PLAIN_SLOWDOWN, "hw slowdown: Active"))
    found += [*_recovery(facts.get("recovery_action", "N/A")), *_fabric(facts)]
    broken = next((value for value in facts.values() if _BROKEN.search(value)), None)
    if broken is not None:
        found.append((_LOST, broken))
    return found


def _recovery(action: str) -> list[tuple[_State, str]]:
    if action in _NOTHING or _BROKEN.search(action) or action.startswith("Unknown"):
        return []
    plain = re.sub(r"[^a-z0-9]+", "_", action.lower()).strip("_")
    message = f"GPU recovery action: {action}"
    if "p2p" in plain:
        return [(_DRAIN, message)]
    return [(_State(f"recovery_{plain[:40]}", "gpu_unavailable", "critical"), message)]


def _fabric(facts: Mapping[str, str]) -> list[tuple[_State, str]]:
    state, status = facts.get("fabric_state", "N/A"), facts.get("fabric_status", "N/A")
    if state in _NOTHING or state == "Not Supported":
        return []
    message = f"fabric state: {state}, status: {status}"
    if state == "Completed":
        return [] if status == "Success" or status in _NOTHING else [(_FABRIC_FAILED, message)]
    return [(_FABRIC_UNREADY, message)]


def pci_slot(bus_id: str) -> str:
    """Return a PCI address as the kernel's Xid lines print it, so that both name one slot alike.

    >>> pci_slot("00000000:9B:00.0")
    '0000:9b:00'
    """
    match = _PCI.fullmatch(bus_id.strip().lower())
    if match is None:
        raise ValueError(f"not a PCI address: {bus_id[:40]!r}")
    domain = (match[1] or "0000")[-4:]
    function = f".{match[4]}" if match[4] not in {None, "0"} else ""
    return f"{domain}:{match[2]}:{match[3]}{function}"


def snapshot_time(text: str, options: Options, findings: Findings) -> datetime:
    """Return the instant of nvidia-smi's ``Thu Mar 14 10:11:12 2024``, which is local time.

    Raises
    ------
    ValueError
        If it is no such time.
    """
    match = _STAMP.fullmatch(text.strip())
    if match is None or match[1] not in _MONTHS:
        raise ValueError(f"not a time: {text[:40]!r}")
    day, hour, minute, second, year = (int(match[i]) for i in (2, 3, 4, 5, 6))
    local = datetime(year, _MONTHS.index(match[1]) + 1, day, hour, minute, second)  # noqa: DTZ001 - its zone comes next
    findings.naive_times = True
    return local_to_utc(local, ZoneInfo(options.zone))[0]


def _is_known(value: str | None) -> bool:
    return value is not None and value not in _MISSING and not _BROKEN.search(value)
