"""``nvidia-smi -q``: the text form, one snapshot or several one after the other (``-l``).

The layout is that of nvidia-smi(1), drivers 470 to 595, as public outputs show it; older and newer names of one thing
are both known. Written from those; no real file was at hand. What it means: :mod:`ingest.health.gpu_snapshot`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from ingest.health.gpu_snapshot import GpuSnapshots, snapshot_time
from ingest.opening import InputFile
from ingest.parsing.lines import head_lines, numbered_lines
from ingest.records import Findings, Row, chunks
from ingest.source import LINE_CUT, Chunk, Options, Reject, Source
from reliability.errors import MissingOptionError

_BANNER: Final = re.compile(r"=+NVSMI LOG=+")
_GPU: Final = re.compile(r"GPU ([0-9A-Fa-f:.]{7,16})")
_INFOROM: Final = re.compile(r"WARNING: infoROM is corrupted at gpu ([0-9A-Fa-f:.]{7,16})")
_LONGEST_LINE: Final = 1 << 14
_FACT_CUT: Final = 200
_DEEPEST: Final = 8
_MOST_HEADER_LINES: Final = 100

_ABOVE: Final[tuple[tuple[str, ...], ...]] = ((), ("HW Slowdown",))
_CLOCKS: Final = ("Clocks Event Reasons", "Clocks Throttle Reasons")
#: place of a value within a GPU's part → fact
_PLACES: Final[dict[tuple[str, ...], str]] = {
    ("Product Name",): "model",
    ("Serial Number",): "serial",
    ("GPU UUID",): "uuid",
    ("VBIOS Version",): "vbios",
    ("Board Part Number",): "board_part_number",
    ("GPU Reset Status", "Reset Required"): "reset_required",
    ("GPU Reset Status", "Drain and Reset Recommended"): "drain_recommended",
    ("GPU Recovery Action",): "recovery_action",
    ("PCI", "Bus Id"): "bus_id",
    ("PCI", "GPU Link Info", "PCIe Generation", "Current"): "pcie_generation",
    ("PCI", "GPU Link Info", "PCIe Generation", "Max"): "pcie_generation_max",
    ("PCI", "GPU Link Info", "Link Width", "Current"): "pcie_width",
    ("PCI", "GPU Link Info", "Link Width", "Max"): "pcie_width_max",
    ("PCI", "Replays Since Reset"): "pcie_replays",
    ("ECC Errors", "Aggregate", "SRAM Threshold Exceeded"): "sram_threshold_exceeded",
    ("ECC Errors", "Channel Repair Pending"): "channel_repair_pending",
    ("ECC Errors", "TPC Repair Pending"): "tpc_repair_pending",
    ("ECC Errors", "Unrepairable Memory"): "unrepairable_memory",
    ("Retired Pages", "Single Bit ECC"): "retired_pages_single_bit",
    ("Retired Pages", "Double Bit ECC"): "retired_pages_double_bit",
    ("Retired Pages", "Pending Page Blacklist"): "retirement_pending",
    ("Retired Pages", "Pending"): "retirement_pending",
    ("Remapped Rows", "Correctable Error"): "remapped_rows_correctable",
    ("Remapped Rows", "Uncorrectable Error"): "remapped_rows_uncorrectable",
    ("Remapped Rows", "Pending"): "remap_pending",
    ("Remapped Rows", "Remapping Failure Occurred"): "remap_failed",
    ("Fabric", "State"): "fabric_state",
    ("Fabric", "Status"): "fabric_status",
    **{(clocks, "HW Slowdown"): "hw_slowdown" for clocks in _CLOCKS},
    **{(clocks, "SW Thermal Slowdown"): "sw_thermal_slowdown" for clocks in _CLOCKS},
    **{(clocks, *above, "HW Thermal Slowdown"): "hw_thermal_slowdown" for clocks in _CLOCKS for above in _ABOVE},
    **{(clocks, *above, "HW Power Brake Slowdown"): "hw_power_brake" for clocks in _CLOCKS for above in _ABOVE},
    **{
        ("ECC Errors", period, f"{memory} {kind}"): f"{period}_{memory}_{kind}".lower()
        for period in ("Volatile", "Aggregate")
        for memory in ("SRAM", "DRAM")
        for kind in ("Correctable", "Uncorrectable")
    },
}
#: since driver 535 the uncorrectable errors of the SRAM are printed in two lines
_HALVES: Final = {
    ("ECC Errors", period, f"SRAM Uncorrectable {half}"): f"{period}_sram_uncorrectable".lower()
    for period in ("Volatile", "Aggregate")
    for half in ("Parity", "SEC-DED")
}


@dataclass(slots=True)
class _Part:
    """What is printed of one GPU, with what stood above all of them; or a warning about one."""

    bus_id: str
    header: dict[str, str]
    warning: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    _labels: list[tuple[int, str]] = field(default_factory=list)

    def take(self, line: str) -> None:
        """Take in one line below the GPU's own."""
        body = line.lstrip(" ")
        indent = len(line) - len(body)
        label, _, value = (part.strip() for part in body.partition(" : "))
        while self._labels and self._labels[-1][0] >= indent:
            self._labels.pop()
        if len(self._labels) >= _DEEPEST:
            return
        self._labels.append((indent, label[:_FACT_CUT]))
        place = tuple(name for _, name in self._labels)
        place = place[1:] if place[0] == "Performance" and len(place) > 1 else place
        if place in _PLACES:
            self.facts.setdefault(_PLACES[place], value[:_FACT_CUT])
        elif place in _HALVES and value.isdecimal() and len(value) < 20:
            name = _HALVES[place]
            self.facts[name] = str(int(self.facts.get(name, "0")) + int(value))


class NvidiaSmiText(Source):
    """Source of ``components`` and ``events``."""

    name = "nvidia-smi-q"
    title = "nvidia-smi -q, as text"
    asks = "`--node`"

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the file begins with nvidia-smi's banner."""
        return any(_BANNER.fullmatch(line.strip()) for line in head_lines(head, most=5))

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield the GPUs, and the events of the states they are in.

        Raises
        ------
        MissingOptionError
            If the options do not name the host: nvidia-smi does not.
        """
        if options.node is None:
            raise MissingOptionError(file.path, "--node HOST", "nvidia-smi does not name its host")
        findings = Findings()
        snapshots = GpuSnapshots(self.name, options.node)

        def parse(part: _Part) -> Sequence[Row]:
            taken_utc = snapshot_time(part.header["Timestamp"], options, findings)
            if part.warning:
                return snapshots.warning(part.bus_id, part.warning, taken_utc)
            about = {"driver": part.header.get("Driver Version", "N/A"), "cuda": part.header.get("CUDA Version", "N/A")}
            return snapshots.rows({**about, "bus_id": part.bus_id, **part.facts}, taken_utc)

        yield from chunks(
            _parts(file), parse, lambda part: part.warning or f"GPU {part.bus_id}", findings, snapshots.finish
        )


def _parts(file: InputFile) -> Iterator[tuple[int, _Part | Reject]]:
    header: dict[str, str] = {}
    part: _Part | None = None
    begun = 0
    for number, line in numbered_lines(file, _LONGEST_LINE):
        if isinstance(line, Reject):
            yield number, line
            continue
        if part is not None and line.startswith(" "):
            part.take(line)
            continue
        if part is not None:
            yield begun, part
            part = None
        gpu = _GPU.fullmatch(line.rstrip())
        if gpu is not None:
            part, begun = _Part(gpu[1], header), number
        elif _BANNER.fullmatch(line.strip()):
            header = {}
        else:
            yield from _above_gpus(number, line, header)
    if part is not None:
        yield begun, part


def _above_gpus(number: int, line: str, header: dict[str, str]) -> Iterator[tuple[int, _Part | Reject]]:
    warning = _INFOROM.match(line)
    label, colon, value = line.partition(" : ")
    if warning is not None:
        yield number, _Part(warning[1], header, warning=line.strip())
    elif not colon:
        yield number, Reject(number, line[:LINE_CUT], "neither a GPU nor a line above one")
    elif len(header) < _MOST_HEADER_LINES:
        header[label.strip()[:_FACT_CUT]] = value.strip()[:_FACT_CUT]
