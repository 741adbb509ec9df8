"""``ibnetdiscover``: the cables of an InfiniBand fabric, and its switches and adapters.

The format is that of infiniband-diags (manual page ``ibnetdiscover(8)``, "Topology File Format"); read from a real dump
of an NDR fabric with 119 DGX hosts. What the dump does not say outright is inferred so:

- A switch with channel adapters on it is a ``leaf``, one that has leaves but no adapters a ``spine``, one above that
  ``core``. The aggregation nodes that live inside switches do not count as adapters; a switch has their number as an
  attribute.
- An adapter belongs to the host in its description (``dgx-01 mlx5_5``). One that was not named (``MT4129 ConnectX7
  Mellanox Technologies``) stands for itself under its GUID.
- The rail of a leaf is spelled out in its name (``rail2``), or it is the number of the device (``mlx5_5``, ``HCA-6`` is
  5) that at least three in four of its named adapters share. All links of a leaf have its rail; without such a number
  there is none.
- The plane is in the switch's name: ``plane2``, or ``P2`` where that cannot be a place (:mod:`ingest.fabric.names`).
- Bandwidth is lanes × the lane's nominal rate: ``4xNDR`` is 400 Gb/s.

A dump knows nothing of the past: links and components are without a beginning.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from ingest.fabric import names
from ingest.opening import InputFile
from ingest.parsing.lines import head_lines, numbered_lines
from ingest.records import KEPT, NOTHING, Findings, Row, chunks
from ingest.source import Chunk, Options, Source

_HEADER: Final = re.compile(r'(?P<kind>Switch|Ca|Rt)\s+\d+\s+"[SHR]-(?P<guid>[0-9a-f]{1,16})"\s+#\s+"(?P<text>.*)".*')
_PORT: Final = re.compile(
    r'\[(?P<port>\d{1,3})\](?:\([0-9a-f]+\))?\s+"(?P<kind>[SHR])-(?P<guid>[0-9a-f]{1,16})"\[(?P<far>\d{1,3})\]'
    r"(?:\([0-9a-f]+\))?\s*#\s*(?P<rest>.*)"
)
_SPEED: Final = re.compile(r"(\d{1,2})x(SDR|DDR|QDR|FDR10|FDR|EDR|HDR|NDR|XDR)$")
_IGNORED: Final = re.compile(r"#|(?:vendid|devid|sysimgguid|switchguid|caguid|rtguid)=")
#: nominal Gb/s of a lane
_LANE_GBPS: Final = {
    "SDR": 2.5,
    "DDR": 5.0,
    "QDR": 10.0,
    "FDR10": 10.0,
    "FDR": 14.0,
    "EDR": 25.0,
    "HDR": 50.0,
    "NDR": 100.0,
    "XDR": 200.0,
}
_TIERS: Final = ("leaf", "spine", "core")
#: of a leaf's named adapters, so many in one device number make it a rail
_RAIL_SHARE: Final = 0.75
_AGGREGATION: Final = "Aggregation Node"


class Ibnetdiscover(Source):
    """Source of ``links`` and ``components``."""

    name = "ibnetdiscover"
    title = "InfiniBand fabric: ibnetdiscover"

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether a switch or adapter and a cable of it are among the first lines."""
        lines = head_lines(head, 1_000)
        return any(_HEADER.fullmatch(line) for line in lines) and any(_PORT.fullmatch(line) for line in lines)

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:  # noqa: ARG002 - the protocol's
        """Yield the links and components at the end: only the whole fabric tells tiers and rails."""
        fabric = _Fabric()
        yield from chunks(numbered_lines(file), fabric.take, str, Findings(), fabric.rows)


@dataclass(frozen=True, slots=True)
class _Cable:
    """A cable as a switch sees it."""

    port: int
    far: str
    far_port: int
    bandwidth_gbps: float | None


@dataclass(slots=True)
class _Switch:
    description: str
    cables: dict[int, _Cable] = field(default_factory=dict)


@dataclass(slots=True)
class _Fabric:
    """One dump (or several of one fabric, one after the other: the last word counts)."""

    _switches: dict[str, _Switch] = field(default_factory=dict)
    _adapters: dict[str, str] = field(default_factory=dict)
    _now: _Switch | None = None
    _inside: bool = False

    def take(self, line: str) -> Sequence[Row]:
        """Take in one line.

        Raises
        ------
        ValueError
            If it is none of ibnetdiscover's.
        """
        if _IGNORED.match(line):
            return NOTHING
        header = _HEADER.fullmatch(line)
        if header is not None:
            self._begin(header["kind"], header["guid"], header["text"])
            return KEPT
        cable = _PORT.fullmatch(line)
        if cable is None:
            raise ValueError("neither a node nor a port of ibnetdiscover")
        if not self._inside:
            raise ValueError("a port without a node")
        if cable["kind"] == "H":
            self._adapters.setdefault(cable["guid"], _described(cable["rest"]))
        if self._now is None:
            return NOTHING  # a cable between a switch and an adapter is told by the switch
        self._now.cables[int(cable["port"])] = _Cable(
            int(cable["port"]), cable["guid"], int(cable["far"]), _bandwidth(cable["rest"])
        )
        return KEPT

    def rows(self) -> Iterator[Row]:
        """Yield the links and components."""
        labels = {guid: names.switch(switch.description) for guid, switch in self._switches.items()}
        used = Counter(label.name for label in labels.values())
        called = {guid: label.name if label.name and used[label.name] == 1 else guid for guid, label in labels.items()}
        adapters = {guid: names.adapter(text) for guid, text in self._adapters.items() if _AGGREGATION not in text}
        levels = self._levels(adapters)
        rails = {guid: self._rail(guid, called[guid], adapters) for guid in self._switches}
        hosts = list({one.host for one in adapters.values() if one.host})
        planes = names.planes_in_names(list(called.values()), hosts)
        for guid, switch in self._switches.items():
            yield Row(
                "components",
                {
                    "component": "switch",
                    "component_id": guid,
                    "slot": called[guid],
                    "attributes": _attributes(
                        description=switch.description,
                        model=labels[guid].model,
                        aggregation_nodes=self._aggregation_nodes(switch),
                    ),
                },
            )
            for cable in switch.cables.values():
                child = self._child(guid, cable, levels, adapters)
                if child is None:
                    continue
                below = guid if cable.far in adapters else cable.far
                yield Row(
                    "links",
                    {
                        "child": called.get(child) or adapters[child].host or child,
                        "parent": called[guid],
                        "tier": _TIERS[min(levels[guid], 2)],
                        "plane": planes.get(called[guid]),
                        "rail": rails[below],
                        "port": str(cable.port),
                        "bandwidth_gbps": cable.bandwidth_gbps,
                    },
                )
        on_switch = {
            cable.far: called[guid] for guid, switch in self._switches.items() for cable in switch.cables.values()
        }
        for guid, one in adapters.items():
            attributes = _attributes(description=self._adapters[guid], switch=on_switch.get(guid))
            yield Row(
                "components",
                {
                    "component": "nic",
                    "component_id": guid,
                    "node": one.host,
                    "slot": one.device,
                    "attributes": attributes,
                },
            )

    def _aggregation_nodes(self, switch: _Switch) -> str | None:
        """Return how many adapters live inside a switch; None for none."""
        inside = {cable.far for cable in switch.cables.values() if _AGGREGATION in self._adapters.get(cable.far, "")}
        return str(len(inside)) if inside else None

    def _begin(self, kind: str, guid: str, text: str) -> None:
        self._inside = True
        self._now = None
        if kind == "Switch":
            self._now = self._switches[guid] = _Switch(text)
        elif kind == "Ca":
            self._adapters[guid] = text

    def _levels(self, adapters: dict[str, names.Adapter]) -> dict[str, int]:
        """Return the distance of each switch from the nearest leaf; one that reaches none is taken for core."""
        leaves = [
            guid
            for guid, switch in self._switches.items()
            if any(cable.far in adapters for cable in switch.cables.values())
        ]
        levels = dict.fromkeys(leaves, 0)
        for guid in leaves:  # grows while it is walked: breadth first
            for cable in self._switches[guid].cables.values():
                if cable.far in self._switches and cable.far not in levels:
                    levels[cable.far] = levels[guid] + 1
                    leaves.append(cable.far)
        return {guid: levels.get(guid, len(_TIERS)) for guid in self._switches}

    def _rail(self, guid: str, name: str, adapters: dict[str, names.Adapter]) -> int | None:
        spelled = names.rail_in_name(name)
        if spelled is not None:
            return spelled
        below = [adapters[cable.far] for cable in self._switches[guid].cables.values() if cable.far in adapters]
        numbers = Counter(one.number for one in below if one.number is not None)
        if numbers.total() < 2:
            return None
        number, count = numbers.most_common(1)[0]
        return number if count >= _RAIL_SHARE * numbers.total() else None

    def _child(
        self, guid: str, cable: _Cable, levels: dict[str, int], adapters: dict[str, names.Adapter]
    ) -> str | None:
        """Return the lower end of a cable if this switch is the upper one."""
        if cable.far in adapters:
            return cable.far
        if cable.far not in self._switches:
            return None  # an aggregation node, or a switch that the dump was cut before
        below = (levels[cable.far], cable.far) < (levels[guid], guid)
        return cable.far if below else None


def _described(rest: str) -> str:
    return rest[rest.find('"') + 1 : rest.rfind('"')] if rest.count('"') >= 2 else ""


def _bandwidth(rest: str) -> float | None:
    found = _SPEED.search(rest.rstrip())
    return None if found is None else int(found[1]) * _LANE_GBPS[found[2]]


def _attributes(**given: str | None) -> list[tuple[str, str]]:
    return [(key, value) for key, value in given.items() if value]
