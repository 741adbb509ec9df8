"""``nvidia-smi -q -x``: the XML form, one document or several one after the other (``-l``).

The layout is NVIDIA's ``nvsmi_device_v10`` to ``v13`` DTDs, as public outputs show it. Written from those; no real file
was at hand. What it means: :mod:`ingest.health.gpu_snapshot`.

The XML is read as a stream by expat. The document type may be named, as nvidia-smi does, but it is never fetched, and a
document that declares an entity is refused: neither needs a file or the network, or swells in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from xml.parsers import expat

from ingest.health.gpu_snapshot import GpuSnapshots, snapshot_time
from ingest.opening import InputFile
from ingest.records import Findings, Row, chunks
from ingest.source import LINE_CUT, Chunk, Options, Reject, Source
from reliability.errors import MissingOptionError

_BEGIN: Final = b"<?xml"
_ROOT: Final = "nvidia_smi_log"
_FED_BYTES: Final = 1 << 16
#: bytes without an element or text in them: more is an attack
_MOST_SILENT: Final = 1 << 22
_DEEPEST: Final = 40
_FACT_CUT: Final = 200

_CLOCKS: Final = (
    ("clocks_event_reasons", "clocks_event_reason"),
    ("clocks_throttle_reasons", "clocks_throttle_reason"),
)
#: place of an element below a GPU's → fact
_PLACES: Final[dict[tuple[str, ...], str]] = {
    ("product_name",): "model",
    ("serial",): "serial",
    ("uuid",): "uuid",
    ("vbios_version",): "vbios",
    ("board_part_number",): "board_part_number",
    ("gpu_reset_status", "reset_required"): "reset_required",
    ("gpu_reset_status", "drain_and_reset_recommended"): "drain_recommended",
    ("gpu_recovery_action",): "recovery_action",
    ("pci", "pci_bus_id"): "bus_id",
    ("pci", "pci_gpu_link_info", "pcie_gen", "current_link_gen"): "pcie_generation",
    ("pci", "pci_gpu_link_info", "pcie_gen", "max_link_gen"): "pcie_generation_max",
    ("pci", "pci_gpu_link_info", "link_widths", "current_link_width"): "pcie_width",
    ("pci", "pci_gpu_link_info", "link_widths", "max_link_width"): "pcie_width_max",
    ("pci", "replay_counter"): "pcie_replays",
    ("ecc_errors", "aggregate", "sram_threshold_exceeded"): "sram_threshold_exceeded",
    ("ecc_errors", "channel_repair_pending"): "channel_repair_pending",
    ("ecc_errors", "tpc_repair_pending"): "tpc_repair_pending",
    ("ecc_errors", "unrepairable_memory"): "unrepairable_memory",
    ("retired_pages", "multiple_single_bit_retirement", "retired_count"): "retired_pages_single_bit",
    ("retired_pages", "double_bit_retirement", "retired_count"): "retired_pages_double_bit",
    ("retired_pages", "pending_blacklist"): "retirement_pending",
    ("retired_pages", "pending_retirement"): "retirement_pending",
    ("remapped_rows", "remapped_row_corr"): "remapped_rows_correctable",
    ("remapped_rows", "remapped_row_unc"): "remapped_rows_uncorrectable",
    ("remapped_rows", "remapped_row_pending"): "remap_pending",
    ("remapped_rows", "remapped_row_failure"): "remap_failed",
    ("fabric", "state"): "fabric_state",
    ("fabric", "status"): "fabric_status",
    **{(group, f"{item}_hw_slowdown"): "hw_slowdown" for group, item in _CLOCKS},
    **{(group, f"{item}_hw_thermal_slowdown"): "hw_thermal_slowdown" for group, item in _CLOCKS},
    **{(group, f"{item}_hw_power_brake_slowdown"): "hw_power_brake" for group, item in _CLOCKS},
    **{(group, f"{item}_sw_thermal_slowdown"): "sw_thermal_slowdown" for group, item in _CLOCKS},
    **{
        ("ecc_errors", period, f"{memory}_{kind}"): f"{period}_{memory}_{kind}"
        for period in ("volatile", "aggregate")
        for memory in ("sram", "dram")
        for kind in ("correctable", "uncorrectable")
    },
}
#: since driver 535 the uncorrectable errors of the SRAM are printed in two elements
_HALVES: Final = {
    ("ecc_errors", period, f"sram_uncorrectable_{half}"): f"{period}_sram_uncorrectable"
    for period in ("volatile", "aggregate")
    for half in ("parity", "secded")
}
_HEADER: Final = {("timestamp",): "timestamp", ("driver_version",): "driver", ("cuda_version",): "cuda"}


class _RefusedError(Exception):
    """A document that is not read on, and why."""


@dataclass(frozen=True, slots=True)
class _Gpu:
    facts: dict[str, str]
    header: dict[str, str]


class NvidiaSmiXml(Source):
    """Source of ``components`` and ``events``."""

    name = "nvidia-smi-xml"
    title = "nvidia-smi -q -x, as XML"
    asks = "`--node`"

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the first element is nvidia-smi's."""
        begin = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:2048]
        return begin.startswith((_BEGIN, b"<!DOCTYPE", b"<nvidia_smi_log")) and b"<nvidia_smi_log" in begin

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

        def parse(gpu: _Gpu) -> Sequence[Row]:
            taken_utc = snapshot_time(gpu.header["timestamp"], options, findings)
            return snapshots.rows({**gpu.header, **gpu.facts}, taken_utc)

        yield from chunks(
            _gpus(file), parse, lambda gpu: f"GPU {gpu.facts.get('bus_id', '')}", findings, snapshots.finish
        )


def _gpus(file: InputFile) -> Iterator[tuple[int, _Gpu | Reject]]:
    document: _Document | None = None
    lines = 0
    for begins, piece in _pieces(file):
        if begins and document is not None:
            yield from document.end()
            document = None
        if document is None:
            if not piece.strip():
                lines += piece.count(b"\n")
                continue
            document = _Document(lines)
        for at in range(0, len(piece), _FED_BYTES):
            yield from document.feed(piece[at : at + _FED_BYTES])
        lines += piece.count(b"\n")
    if document is not None:
        yield from document.end()


def _pieces(file: InputFile) -> Iterator[tuple[bool, bytes]]:
    """Yield the content cut before every XML declaration, with whether the piece begins with one."""
    held = b""
    for block in file.blocks():
        text = held + block
        kept = next((size for size in range(len(_BEGIN) - 1, 0, -1) if text.endswith(_BEGIN[:size])), 0)
        text, held = text[: len(text) - kept], text[len(text) - kept :]
        first, *others = text.split(_BEGIN)
        yield False, first.removeprefix(b"\xef\xbb\xbf")
        for other in others:
            yield True, _BEGIN + other
    yield False, held


class _Document:
    """Reads one document; what is wrong with it costs the rest of it, not the documents behind."""

    def __init__(self, lines_before: int) -> None:
        self._lines_before = lines_before
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.EntityDeclHandler = self._refuse_entity
        self._path: list[str] = []
        self._header: dict[str, str] = {}
        self._facts: dict[str, str] | None = None
        self._value = ""
        self._gpu_line = 0
        self._found: list[tuple[int, _Gpu | Reject]] = []
        self._silent = 0
        self._ended = False

    def feed(self, piece: bytes) -> list[tuple[int, _Gpu | Reject]]:
        """Take in the next bytes; returns the GPUs that are complete with them."""
        self._silent += len(piece)
        if self._silent > _MOST_SILENT:
            self._refuse(f"{_MOST_SILENT >> 20} MiB without an element")
        return self._parse(piece, last=False)

    def end(self) -> list[tuple[int, _Gpu | Reject]]:
        """Close the document."""
        return self._parse(b"", last=True)

    def _parse(self, piece: bytes, *, last: bool) -> list[tuple[int, _Gpu | Reject]]:
        if not self._ended:
            try:
                self._parser.Parse(piece, last)
            except expat.ExpatError as error:
                self._refuse(f"not XML: {error}")
            except _RefusedError as error:
                self._refuse(str(error))
        found, self._found = self._found, []
        return found

    def _refuse(self, reason: str) -> None:
        if not self._ended:
            self._ended = True
            number = self._lines_before + self._parser.CurrentLineNumber
            self._found.append((number, Reject(number, "/".join(self._path)[:LINE_CUT], reason)))

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._silent = 0
        if not self._path and name != _ROOT:
            raise _RefusedError(f"<{name[:40]}> is not <{_ROOT}>")
        if len(self._path) >= _DEEPEST:
            raise _RefusedError(f"elements nested more than {_DEEPEST} deep")
        self._path.append(name)
        self._value = ""
        if self._path == [_ROOT, "gpu"]:
            self._gpu_line = self._lines_before + self._parser.CurrentLineNumber
            self._facts = {"bus_id": attributes["id"][:_FACT_CUT]} if "id" in attributes else {}

    def _text(self, text: str) -> None:
        self._silent = 0
        if len(self._value) < _FACT_CUT:
            self._value += text[:_FACT_CUT]

    def _end(self, name: str) -> None:  # noqa: ARG002 - expat's signature; it checks that the names match
        value = self._value.strip()[:_FACT_CUT]
        if self._facts is None:
            place = tuple(self._path[1:])
            if place in _HEADER:
                self._header[_HEADER[place]] = value
        else:
            self._keep(self._facts, tuple(self._path[2:]), value)
        if self._path == [_ROOT, "gpu"] and self._facts is not None:
            self._found.append((self._gpu_line, _Gpu(self._facts, dict(self._header))))
            self._facts = None
        self._path.pop()
        self._value = ""

    def _keep(self, facts: dict[str, str], place: tuple[str, ...], value: str) -> None:
        if place in _PLACES:
            if facts.get(_PLACES[place], "N/A") == "N/A" or _PLACES[place] == "bus_id":
                facts[_PLACES[place]] = value
        elif place in _HALVES and value.isdecimal() and len(value) < 20:
            facts[_HALVES[place]] = str(int(facts.get(_HALVES[place], "0")) + int(value))

    def _refuse_entity(self, name: str, *_: object) -> None:
        raise _RefusedError(f"the document declares an entity ({name[:40]}): refused")
