"""Samples of dcgm-exporter's metrics over time, turned into events.

A sample says how things are, not what happened, so an event needs two: one before and one after. What a GPU shows in
its first sample came at a time that nobody knows, and is counted in a note only. Between two samples:

- the gauge ``DCGM_FI_DEV_XID_ERRORS`` holds the last Xid: an event when it changes to another one (an Xid that comes
  twice in a row is seen once);
- row remapper states: an event when they become true;
- counters of uncorrectable errors and remapped rows: an event when they grow;
- counters that run all the time on busy systems (corrected errors, replays, throttling): an event when they begin to
  grow after a sample in which they did not.

A counter that is smaller than before has been reset, and counts from 0 again. Fields: NVIDIA, *DCGM API reference*,
field identifiers, and dcgm-exporter's ``etc/dcp-metrics-included.csv``. Power violations are what a power cap does all
day: they are ``info``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ingest.health.gpu_snapshot import pci_slot
from ingest.records import Findings, Row
from ingest.taxonomy.xid import xid_verdict

_XID: Final = "DCGM_FI_DEV_XID_ERRORS"
#: DCGM's ways to say that there is no value, as 32 and 64 bit integers; what is printed of the latter is rounded
_BLANK_32: Final = frozenset(range(2**31 - 16, 2**31 - 9))
_BLANK_64: Final = 2.0**63 * 0.999
_HOST_LABELS: Final = ("Hostname", "hostname", "kubernetes_node", "node", "instance")
_UNDATED: Final = "{count} GPUs show {what} in their first sample: since when is not known, so it is no event"


@dataclass(frozen=True, slots=True)
class _Metric:
    """What a metric says: its code behind ``dcgm:``, its meaning, and when it is told.

    ``told`` is ``state`` (becomes true), ``growth`` (every time it grows) or ``onset`` (begins to grow).
    Metrics of one ``family`` count the same thing; of each GPU the first that is seen is followed.
    """

    code: str
    symptom: str
    severity: str
    told: str
    family: str = ""


def _metric(code: str, symptom: str, severity: str, told: str, family: str = "") -> _Metric:
    return _Metric(code, symptom, severity, told, family or code)


_METRICS: Final = {
    "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": _metric("ecc_dbe", "gpu_memory", "critical", "growth"),
    "DCGM_FI_DEV_ECC_DBE_AGG_TOTAL": _metric("ecc_dbe", "gpu_memory", "critical", "growth"),
    "DCGM_FI_DEV_ECC_SBE_VOL_TOTAL": _metric("ecc_sbe", "gpu_memory", "info", "onset"),
    "DCGM_FI_DEV_ECC_SBE_AGG_TOTAL": _metric("ecc_sbe", "gpu_memory", "info", "onset"),
    "DCGM_FI_DEV_RETIRED_DBE": _metric("retired_pages_dbe", "gpu_memory", "warning", "growth"),
    "DCGM_FI_DEV_RETIRED_SBE": _metric("retired_pages_sbe", "gpu_memory", "info", "growth"),
    "DCGM_FI_DEV_RETIRED_PENDING": _metric("retired_pages_pending", "gpu_memory", "warning", "growth"),
    "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS": _metric("remapped_rows", "gpu_memory", "warning", "growth"),
    "DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS": _metric("remapped_rows_correctable", "gpu_memory", "info", "growth"),
    "DCGM_FI_DEV_ROW_REMAP_FAILURE": _metric("row_remap_failed", "gpu_memory", "critical", "state"),
    "DCGM_FI_DEV_ROW_REMAP_PENDING": _metric("row_remap_pending", "gpu_memory", "warning", "state"),
    "DCGM_FI_DEV_PCIE_REPLAY_COUNTER": _metric("pcie_replay", "pcie", "info", "onset"),
    "DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL": _metric("nvlink_crc_flit", "nvlink", "info", "onset"),
    "DCGM_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL": _metric("nvlink_crc_data", "nvlink", "info", "onset"),
    "DCGM_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL": _metric("nvlink_replay", "nvlink", "warning", "onset"),
    "DCGM_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL": _metric("nvlink_recovery", "nvlink", "warning", "growth"),
    "DCGM_FI_DEV_THERMAL_VIOLATION": _metric("thermal_violation", "cooling", "warning", "onset"),
    "DCGM_FI_DEV_POWER_VIOLATION": _metric("power_violation", "power", "info", "onset"),
}


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one GPU (or of one MIG instance of it)."""

    metric: str
    node: str | None
    identity: str
    uuid: str | None
    slot: str | None
    instance: str


@dataclass(slots=True)
class _Last:
    value: float
    at_utc: datetime
    growing: bool = False

    def check(self, at_utc: datetime) -> None:
        """Refuse a sample that is older than the one before."""
        if at_utc < self.at_utc:
            raise ValueError(f"a sample of {at_utc:%Y-%m-%dT%H:%M:%SZ} behind one of {self.at_utc:%Y-%m-%dT%H:%M:%SZ}")
        self.at_utc = at_utc


@dataclass(slots=True)
class GpuMetrics:
    """Follows the series of one file; samples of one series must come in the order of time.

    Attributes
    ----------
    source
        Name of the format.
    """

    source: str
    findings: Findings
    _last: dict[tuple[str, str | None, str, str], _Last] = field(default_factory=dict)
    _followed: dict[tuple[str | None, str, str], str] = field(default_factory=dict)

    def sample(self, series: Series, at_utc: datetime, value: float) -> Row | None:
        """Take in one sample; returns the event that it shows.

        Parameters
        ----------
        series
            Which metric of which GPU.
        at_utc
            When it was taken.
        value
            As sampled; values that stand for "none" are passed over.

        Raises
        ------
        ValueError
            If the value is negative, or the sample older than the one before.
        """
        if math.isnan(value) or value >= _BLANK_64 or value in _BLANK_32:
            return None
        if value < 0:
            raise ValueError(f"{series.metric} is negative: {value:g}")
        if series.metric == _XID:
            return self._xid(series, at_utc, int(value))
        metric = _METRICS[series.metric]
        family = (series.node, series.identity, metric.family)
        if self._followed.setdefault(family, series.metric) != series.metric:
            return None
        key = (series.metric, series.node, series.identity, series.instance)
        last = self._last.get(key)
        if last is None:
            self._last[key] = _Last(value, at_utc)
            if metric.told == "state" and value:
                self.findings.note(_UNDATED.replace("{what}", f"DCGM's {metric.code}"))
            return None
        last.check(at_utc)
        grown = value - last.value if value >= last.value else value
        begins = not last.growing
        last.value, last.growing = value, grown > 0
        if grown <= 0 or (metric.told == "onset" and not begins):
            return None
        text = f"{series.metric} = {value:g}, {grown:g} more than in the sample before"
        verdict = (metric.symptom, "hardware", metric.severity)
        return self._event(series, at_utc, f"dcgm:{metric.code}", verdict, text)

    def _xid(self, series: Series, at_utc: datetime, value: int) -> Row | None:
        # The instances of a GPU all show the GPU's own Xid.
        key = (_XID, series.node, series.identity, "")
        last = self._last.get(key)
        if last is None:
            self._last[key] = _Last(value, at_utc)
            if value:
                self.findings.note(_UNDATED.replace("{what}", "an Xid"))
            return None
        last.check(at_utc)
        before, last.value = int(last.value), value
        if value in {0, before}:
            return None
        found = xid_verdict(value)
        text = f"{_XID} = {value}, {before} in the sample before"
        return self._event(series, at_utc, f"xid:{value}", (found.symptom, found.domain, found.severity), text)

    def _event(self, series: Series, at_utc: datetime, code: str, verdict: tuple[str, str, str], message: str) -> Row:
        symptom, domain, severity = verdict
        values = {
            "time_utc": at_utc,
            "node": series.node,
            "component": "gpu",
            "component_id": series.uuid,
            "slot": series.slot,
            "symptom": symptom,
            "domain": domain,
            "code": code,
            "severity": severity,
            "source": self.source,
            "message": message,
        }
        return Row("events", values)


def is_followed(metric: str) -> bool:
    """Tell whether a metric says something about failures."""
    return metric == _XID or metric in _METRICS


def series_of(metric: str, labels: Mapping[str, str], node: str | None) -> Series:
    """Return the series that the labels of a metric stand for.

    Parameters
    ----------
    metric
        Its name.
    labels
        dcgm-exporter's, with those that Prometheus adds.
    node
        Host, where no label names it.

    Raises
    ------
    ValueError
        If no label says which GPU it is.
    """
    uuid = labels.get("UUID") or labels.get("uuid") or None
    number = labels.get("gpu") or labels.get("minor_number") or ""
    bus_id = labels.get("pci_bus_id") or labels.get("pciBusId")
    if not (uuid or number or bus_id):
        raise ValueError("no label says which GPU it is: no UUID, gpu or pci_bus_id")
    slot = pci_slot(bus_id) if bus_id else f"gpu{number}" if number else None
    host = next((labels[name] for name in _HOST_LABELS if labels.get(name)), None)
    if host is not None and host == labels.get("instance"):
        host = host.rpartition(":")[0] or host
    instance = labels.get("GPU_I_ID", "")
    return Series(metric, host or node, uuid or slot or number, uuid, slot, instance)
