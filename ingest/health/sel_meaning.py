"""What the records of a BMC's system event log mean: sensor type and event text to symptom and severity.

The texts are those of ipmitool (``include/ipmitool/ipmi_sel.h``) and of FreeIPMI (``libfreeipmi``,
``ipmi-sensor-and-event-code-tables``), which print the tables 42-2 and 42-3 of the IPMI specification 2.0 in slightly
different words. A state that ends (``Deasserted``) is no event, except where its end is the trouble: a power supply
that is no longer there, a redundancy that is no longer full.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ingest.taxonomy.kernel_lines import Finding

#: sensor types that ipmitool prints in front of a sensor's name, in its words and in older ones, longest first
_TYPES: Final = tuple(
    sorted(
        (
            *("Temperature", "Voltage", "Current", "Fan", "Physical Security", "Platform Security", "Processor"),
            *("Power Supply", "Power Unit", "Cooling Device", "Other Units-based Sensor", "Other", "Memory"),
            *("Drive Slot / Bay", "Drive Slot", "POST Memory Resize", "System Firmwares", "System Firmware Error"),
            *("System Firmware Progress", "System Firmware", "Event Logging Disabled", "Watchdog1", "Watchdog 1"),
            *("System Event", "Critical Interrupt", "Button", "Module / Board", "Module/Board", "Microcontroller"),
            *("Add-in Card", "Chassis", "Chip Set", "Other FRU", "Cable / Interconnect", "Terminator"),
            *("System Boot Initiated", "Boot Error", "OS Boot", "OS Critical Stop", "OS Stop/Shutdown"),
            *("OS Stop / Shutdown", "Slot / Connector", "Slot/Connector", "System ACPI Power State", "Watchdog2"),
            *("Watchdog 2", "Platform Alert", "Entity Presence", "Monitor ASIC", "LAN", "Battery", "Session Audit"),
            *("Management Subsys Health", "Management Subsystem Health", "Version Change", "FRU State", "Unknown"),
        ),
        key=len,
        reverse=True,
    )
)


@dataclass(frozen=True, slots=True)
class _Subject:
    """What sensors of one type watch, in the words of the ``events`` table; ``name`` begins their codes."""

    name: str
    component: str
    symptom: str
    domain: str = "hardware"


_SUBJECTS: Final = {
    "temperature": _Subject("temperature", "node", "cooling"),
    "voltage": _Subject("voltage", "board", "power"),
    "current": _Subject("current", "psu", "power"),
    "fan": _Subject("fan", "fan", "cooling"),
    "cooling device": _Subject("fan", "fan", "cooling"),
    "processor": _Subject("processor", "cpu", "cpu"),
    "power supply": _Subject("power_supply", "psu", "power"),
    "power unit": _Subject("power_unit", "node", "power"),
    "memory": _Subject("memory", "dimm", "main_memory"),
    "drive slot": _Subject("drive", "disk", "disk"),
    "system firmware": _Subject("firmware", "board", "other"),
    "system event": _Subject("system", "node", "other"),
    "critical interrupt": _Subject("interrupt", "pcie", "pcie"),
    "slot connector": _Subject("slot", "pcie", "pcie"),
    "add in card": _Subject("card", "pcie", "pcie"),
    "module board": _Subject("board", "board", "other"),
    "microcontroller": _Subject("board", "board", "other"),
    "chip set": _Subject("chipset", "board", "other"),
    "cable interconnect": _Subject("cable", "other", "other"),
    "os critical stop": _Subject("os", "software", "system_services", "system_software"),
    "watchdog": _Subject("watchdog", "node", "node_unresponsive", "other"),
    "lan": _Subject("lan", "nic", "ethernet_link"),
    "management subsystem health": _Subject("bmc", "board", "other"),
    "battery": _Subject("battery", "board", "other"),
    "entity presence": _Subject("entity", "other", "other"),
    "other fru": _Subject("fru", "other", "other"),
    "fru state": _Subject("fru", "other", "other"),
}
#: other spellings of the types above, without punctuation
_SPELLINGS: Final = {
    "drive slot bay": "drive slot",
    "system firmwares": "system firmware",
    "system firmware error": "system firmware",
    "system firmware progress": "system firmware",
    "os stop shutdown": "os critical stop",
    "watchdog1": "watchdog",
    "watchdog 1": "watchdog",
    "watchdog2": "watchdog",
    "watchdog 2": "watchdog",
    "management subsys health": "management subsystem health",
}

_CRITICAL, _WARNING = "critical", "warning"
_Rule = tuple[re.Pattern[str], str, str]


def _rules(*rules: tuple[str, str, str]) -> tuple[_Rule, ...]:
    return tuple((re.compile(pattern), name, severity) for pattern, name, severity in rules)


#: per type: pattern of the event, end of its code, severity; the first that matches decides
_SPECIFIC: Final[dict[str, tuple[_Rule, ...]]] = {
    "memory": _rules(
        (r"uncorrectable", "uncorrectable", _CRITICAL),
        (r"correctable.*limit reached", "correctable_limit", _WARNING),
        (r"correctable", "correctable", _WARNING),
        (r"parity", "parity", _CRITICAL),
        (r"scrub failed", "scrub_failed", _CRITICAL),
        (r"device disabled", "disabled", _CRITICAL),
        (r"configuration error", "configuration", _WARNING),
        (r"critical overtemperature", "overtemperature", _CRITICAL),
        (r"throttled", "throttled", _WARNING),
    ),
    "processor": _rules(
        (r"ierr", "ierr", _CRITICAL),
        (r"thermal trip", "thermal_trip", _CRITICAL),
        (r"frb\d", "start_failure", _CRITICAL),
        (r"uncorrectable cpu-complex", "uncorrectable", _CRITICAL),
        (r"\bcorrectable machine check", "correctable", _WARNING),
        (r"machine check", "machine_check", _CRITICAL),
        (r"configuration error", "configuration", _WARNING),
        (r"disabled", "disabled", _CRITICAL),
        (r"throttled", "throttled", _WARNING),
    ),
    "power supply": _rules(
        (r"predictive failure", "predictive_failure", _WARNING),
        (r"failure detected", "failure", _CRITICAL),
        (r"(ac|input) lost|out-of-range", "input_lost", _WARNING),
        (r"config", "configuration", _WARNING),
    ),
    "power unit": _rules(
        (r"predictive failure", "predictive_failure", _WARNING),
        (r"failure detected|control failure", "failure", _CRITICAL),
        (r"ac lost|input lost", "input_lost", _CRITICAL),
        (r"240va|interlock", "protective_off", _CRITICAL),
        # Nothing says whether somebody wanted it.
        (r"power off|power cycle", "off", _WARNING),
    ),
    "drive slot": _rules(
        (r"drive fault", "fault", _CRITICAL),
        (r"predictive failure", "predictive_failure", _WARNING),
        (r"in failed array", "array_failed", _CRITICAL),
        (r"in critical array", "array_critical", _WARNING),
        (r"aborted", "rebuild_aborted", _WARNING),
    ),
    "critical interrupt": _rules(
        (r"bus correctable", "bus_correctable", _WARNING),
        (r"bus degraded", "bus_degraded", _WARNING),
        (r"bus (uncorrectable|fatal)|bus timeout", "bus_fatal", _CRITICAL),
        (r"pci (perr|serr)", "pci_error", _CRITICAL),
        (r"fatal nmi|channel check|fail ?safe", "fatal_nmi", _CRITICAL),
        (r"nmi", "nmi", _WARNING),
    ),
    "system firmware": _rules(
        (r"unrecoverable|no (usable )?system memory|no usable|corruption", "failure", _CRITICAL),
        (r"mismatch|speed matching|system firmware (error|hang)|unknown (error|hang)", "error", _WARNING),
    ),
    "system event": _rules((r"hardware failure", "hardware_failure", _CRITICAL)),
    "slot connector": _rules((r"fault", "fault", _CRITICAL)),
    "chip set": _rules((r"thermal trip|control failure", "failure", _CRITICAL)),
    "cable interconnect": _rules((r"config", "configuration", _WARNING)),
    "os critical stop": _rules(
        (r"critical stop|error during system startup", "critical_stop", _CRITICAL),
        (r"not responding", "agent_silent", _WARNING),
    ),
    "watchdog": _rules(
        (r"reset|power (down|cycle)|shut ?down", "reset", _CRITICAL),
        (r"expired|interrupt", "expired", _WARNING),
    ),
    "lan": _rules((r"heartbeat lost", "heartbeat_lost", _WARNING)),
    "management subsystem health": _rules((r"fail|unavailable|off-line|degraded", "failure", _WARNING)),
    "battery": _rules((r"low|failed", "failed", _WARNING)),
    "fru state": _rules((r"communication lost", "lost", _WARNING)),
}
_GENERIC: Final = _rules(
    (r"transition to non-recoverable", "non_recoverable", _CRITICAL),
    (r"transition to critical", "critical", _CRITICAL),
    (r"transition to non-critical from ok", "non_critical", _WARNING),
    (r"insufficient resources", "insufficient", _CRITICAL),
    (r"redundancy (lost|degraded)|sufficient.* from redundant", "redundancy_lost", _WARNING),
    (r"predictive failure(?! deasserted)", "predictive_failure", _WARNING),
    (r"limit exceeded|performance lags|install error|transition to degraded", "degraded", _WARNING),
    (r"device (absent|removed)|\babsent\b", "absent", _WARNING),
    (r"fail(ed|ure)", "failure", _CRITICAL),
)
#: states whose end is the trouble
_GOOD_STATES: Final = _rules(
    (r"fully redundant", "redundancy_lost", _WARNING),
    (r"presence detected|drive presen|^(entity |device )?present\b", "absent", _WARNING),
)
_THRESHOLD: Final = re.compile(r"(lower|upper) (non-critical|critical|non-recoverable)\s*-?\s*going (low|high)")
_FAULTY_NAME: Final = re.compile(r"fault|fail|\berr|\bcrit|thermtrip|prochot|over ?temp", re.IGNORECASE)
#: what a temperature sensor sits at, by its name
_PLACES: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), component)
    for pattern, component in (
        (r"gpu|oam", "gpu"),
        (r"nvswitch", "nvswitch"),
        (r"cpu|proc", "cpu"),
        (r"dimm|mem", "dimm"),
        (r"psu|\bps\s?\d|pwr|power supply", "psu"),
        (r"nvme|ssd|hdd|drive|disk|m\.2", "disk"),
        (r"nic|ocp|mezz|hca", "nic"),
    )
)
_DIMM: Final = re.compile(r"(?:\bCPU ?\d+[ _])?\b(?:P\d-)?DIMM[ _#-]?(?:[A-Z]{1,2}\d{0,2}|\d{1,3})(?:[_-]\w{1,4})?\b")
_BRACKETED: Final = re.compile(r"\(([^()|]{1,40})\)")


def sensor_parts(text: str) -> tuple[str, str]:
    """Cut what ipmitool prints of a sensor into its type and its name or number.

    >>> sensor_parts("Power Supply PS2 Status")
    ('Power Supply', 'PS2 Status')
    >>> sensor_parts("Memory #0x2b")
    ('Memory', '#0x2b')
    """
    lowered = text.lower()
    for kind in _TYPES:
        if lowered.startswith(kind.lower()) and (len(text) == len(kind) or text[len(kind)] == " "):
            return text[: len(kind)], text[len(kind) :].strip()
    return "", text.strip()


def is_known_type(kind: str) -> bool:
    """Tell whether a sensor type is one the IPMI specification names."""
    return _canonical(kind) in _SUBJECTS or kind.lower() in _TYPE_NAMES


def meaning(kind: str, name: str, event: str, *, asserted: bool) -> Finding | None:
    """Tell what a record says about failures, if anything.

    Parameters
    ----------
    kind
        Type of the sensor, as ipmitool or FreeIPMI print it.
    name
        Name or number of the sensor; empty if unknown.
    event
        The event with its details.
    asserted
        Whether the state began, not ended.

    Examples
    --------
    >>> meaning("Memory", "#0x2b", "Uncorrectable ECC (CPU0_G1)", asserted=True)
    Finding(code='ipmi:memory_uncorrectable', component='dimm', symptom='main_memory', domain='hardware', \
severity='critical', slot='CPU0_G1')
    >>> meaning("Power Supply", "PS1", "Power Supply AC lost", asserted=False)
    """
    subject = _SUBJECTS.get(_canonical(kind))
    if subject is None:
        return None
    verdict = _verdict(_canonical(kind), name, event.lower(), asserted=asserted)
    if verdict is None:
        return None
    end, severity = verdict
    component = _place(name) if subject.name == "temperature" else subject.component
    symptom = "cooling" if end in {"thermal_trip", "throttled", "overtemperature"} else subject.symptom
    return Finding(
        code=f"ipmi:{subject.name}_{end}",
        component=component,
        symptom=symptom,
        domain=subject.domain,
        severity=severity,
        slot=_slot(component, name, event),
    )


def _verdict(kind: str, name: str, event: str, *, asserted: bool) -> tuple[str, str] | None:
    good = _first(_GOOD_STATES, event)
    if good is not None:
        return None if asserted else good
    if not asserted:
        return None
    threshold = _THRESHOLD.search(event)
    if threshold is not None:
        side, limit, way = threshold.groups()
        if (side, way) in {("upper", "low"), ("lower", "high")}:
            return None  # on its way back
        return f"{side}_{limit.replace('-', '_')}", _WARNING if limit == "non-critical" else _CRITICAL
    if event.startswith("state asserted"):
        return ("fault", _WARNING) if _FAULTY_NAME.search(name) else None
    return _first(_SPECIFIC.get(kind, ()), event) or _first(_GENERIC, event)


def _first(rules: tuple[_Rule, ...], event: str) -> tuple[str, str] | None:
    return next(((end, severity) for pattern, end, severity in rules if pattern.search(event)), None)


def _canonical(kind: str) -> str:
    plain = " ".join(re.sub(r"[/-]", " ", kind.lower()).split())
    return _SPELLINGS.get(plain, plain)


def _place(name: str) -> str:
    return next((component for pattern, component in _PLACES if pattern.search(name)), "node")


def _slot(component: str, name: str, event: str) -> str | None:
    if component == "dimm":
        found = _DIMM.search(event) or _DIMM.search(name)
        if found is not None:
            return found[0]
        bracketed = _BRACKETED.search(event)
        if bracketed is not None and bracketed[1].strip():
            return bracketed[1].strip()
    return name or None


_TYPE_NAMES: Final = frozenset(kind.lower() for kind in _TYPES)
