"""The network as Slurm is told of it: ``topology.conf``, ``topology.yaml``, and ``scontrol show topology``.

The formats are those of the manual pages ``topology.conf(5)`` and ``topology.yaml(5)`` (25.05 on) and the output of
22.05 and 26.05. A switch right above nodes is a ``leaf``, one above leaves a ``spine``, anything higher ``core``; a
block of topology/block is a ``block``. Neither planes, rails, ports nor bandwidth are known from these files
(``LinkSpeed`` has no unit), nor since when a link is in place. No real ``topology.yaml`` was at hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from ingest.opening import InputFile
from ingest.parsing.lines import head_lines, numbered_lines
from ingest.records import KEPT, NOTHING, Findings, Row, chunks
from ingest.slurm.host_lists import parse_hosts
from ingest.source import LINE_CUT, Chunk, Options, Reject, Source
from reliability.errors import UnreadableInputError

_PAIR: Final = re.compile(r"([A-Za-z]+)=(\S*)")
_SHOWN: Final = re.compile(r"(?:SwitchName=\S+ Level=\d+ LinkSpeed=|(?:BlockName|AggregatedBlock)=\S+ BlockIndex=\d)")
_CONFIGURED: Final = re.compile(r"\s*(?:SwitchName|BlockName|BlockSizes|BlockLevels)\s*=\s*\S", re.IGNORECASE)
_NAMED: Final = re.compile(rb"^\s*(?:SwitchName|BlockName)\s*=", re.IGNORECASE | re.MULTILINE)
_YAML_BEGIN: Final = re.compile(r"-\s+topology:\s*\S")
_YAML_KIND: Final = re.compile(r"\s+(?:tree|block|flat|ring|torus3d):")
_TIERS: Final = ("leaf", "spine", "core")
#: continued lines of one record
_MOST_LINES: Final = 1_000
#: a topology.yaml larger than this is taken for something else
_LARGEST_YAML: Final = 1 << 24
_DEEPEST_YAML: Final = 20


@dataclass(frozen=True, slots=True)
class _Unit:
    """A switch or a block: what is right below it."""

    name: str
    kind: str
    level: int | None
    nodes: tuple[str, ...]
    switches: tuple[str, ...]


@dataclass(slots=True)
class _Fabric:
    """The units of one file; only together do they tell which tier each is of."""

    _units: dict[tuple[str, str], _Unit] = field(default_factory=dict)

    def add(self, topology: str, unit: _Unit) -> Sequence[Row]:
        """Keep a unit.

        Raises
        ------
        ValueError
            If it has nothing below it, or there is one of the name.
        """
        if not unit.nodes and not unit.switches:
            raise ValueError("neither nodes nor switches below it")
        if (topology, unit.name) in self._units:
            raise ValueError(f"a second {unit.kind} of the name")
        self._units[topology, unit.name] = unit
        return KEPT

    def links(self) -> Iterator[Row]:
        """Yield each link once."""
        levels = self._levels()
        seen: set[tuple[str, str]] = set()
        for (topology, name), unit in self._units.items():
            tier = "block" if unit.kind == "block" else _TIERS[min(levels[topology, name], 2)]
            below = {
                node
                for switch in unit.switches
                if (topology, switch) in self._units
                for node in self._units[topology, switch].nodes
            }
            # scontrol shows at every switch all nodes below it.
            for child in (*unit.switches, *(node for node in unit.nodes if node not in below)):
                if (child, name) not in seen:
                    seen.add((child, name))
                    yield Row("links", {"child": child, "parent": name, "tier": tier})

    def _levels(self) -> dict[tuple[str, str], int]:
        """Return how far each switch is from its nodes, from the bottom up; switches in a circle come out as core."""
        above: dict[tuple[str, str], list[tuple[str, str]]] = {}
        waiting: dict[tuple[str, str], int] = {}
        for key, unit in self._units.items():
            known = {(key[0], switch) for switch in unit.switches} & self._units.keys()
            waiting[key] = len(known)
            for switch in known:
                above.setdefault(switch, []).append(key)
        levels = {key: 1 if unit.switches else 0 for key, unit in self._units.items()}
        done = [key for key, count in waiting.items() if not count]
        for key in done:
            for parent in above.get(key, ()):
                levels[parent] = max(levels[parent], levels[key] + 1)
                waiting[parent] -= 1
                if not waiting[parent]:
                    done.append(parent)
        circle = dict.fromkeys(self._units.keys() - set(done), len(_TIERS))
        told = {key: unit.level for key, unit in self._units.items() if unit.level is not None}
        return {**levels, **circle, **told}


class ScontrolTopology(Source):
    """Source of ``links``."""

    name = "scontrol-topology"
    title = "Slurm's network: scontrol show topology"

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the first lines are switches or blocks as scontrol shows them."""
        lines = head_lines(head)
        return bool(lines) and _SHOWN.match(lines[0]) is not None

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:  # noqa: ARG002 - the protocol's
        """Yield the links at the end of the file."""
        yield from _read_lines(file)


class TopologyConf(Source):
    """Source of ``links``."""

    name = "topology-conf"
    title = "Slurm's network: topology.conf"

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the lines that are no comments are switches or blocks of a configuration."""
        lines = [line for line in head_lines(head, 1_000) if not line.lstrip().startswith("#")]
        begun = [line for before, line in zip(["", *lines], lines, strict=False) if not before.endswith("\\")]
        return (
            bool(begun)
            and _NAMED.search(head) is not None
            and all(_CONFIGURED.match(line) and not _SHOWN.match(line) for line in begun)
        )

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:  # noqa: ARG002 - the protocol's
        """Yield the links at the end of the file."""
        yield from _read_lines(file)


class TopologyYaml(Source):
    """Source of ``links``."""

    name = "topology-yaml"
    title = "Slurm's network: topology.yaml"

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the first item of a list is a topology of a known kind."""
        lines = [line for line in head_lines(head, 1_000) if not line.lstrip().startswith(("#", "---"))]
        return (
            bool(lines)
            and _YAML_BEGIN.match(lines[0].lstrip()) is not None
            and any(_YAML_KIND.match(line) for line in lines[1:4])
        )

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:  # noqa: ARG002 - the protocol's
        """Yield the links at the end of the file.

        Raises
        ------
        UnreadableInputError
            If the file is no YAML, or is larger than any topology.
        """
        fabric = _Fabric()
        records = list(enumerate(_yaml_units(file), start=1))
        yield from chunks(
            records, lambda unit: fabric.add(unit[0], _yaml_unit(*unit[1:])), str, Findings(), fabric.links
        )


def _read_lines(file: InputFile) -> Iterator[Chunk]:
    fabric = _Fabric()
    yield from chunks(_joined(file), lambda line: _line(line, fabric), str, Findings(), fabric.links)


def _joined(file: InputFile) -> Iterator[tuple[int, str | Reject]]:
    """Put lines that end in a backslash together with the next."""
    begun: tuple[int, list[str]] | None = None
    for number, line in numbered_lines(file):
        if isinstance(line, Reject):
            yield number, line
            continue
        start, parts = begun or (number, [])
        parts.append(line)
        if line.endswith("\\") and len(parts) < _MOST_LINES:
            begun = (start, parts)
            continue
        begun = None
        yield start, "".join(part.removesuffix("\\") for part in parts)
    if begun:
        yield begun[0], Reject(begun[0], begun[1][0][:LINE_CUT], "ends with a backslash")


def _line(line: str, fabric: _Fabric) -> Sequence[Row]:
    text = line.partition("#")[0].strip()
    fields = {name.lower(): value for name, value in _PAIR.findall(text)}
    if not text or {"blocksizes", "blocklevels", "aggregatedblock"} & fields.keys():
        return NOTHING
    kind = "switch" if "switchname" in fields else "block"
    name = fields.get(f"{kind}name")
    if not name:
        raise ValueError("no SwitchName or BlockName")
    level = fields.get("level")
    if level is not None and not (level.isdecimal() and len(level) <= 3):
        raise ValueError("no level of a switch")
    unit = _Unit(
        name=name,
        kind=kind,
        level=None if level is None else int(level),
        nodes=tuple(parse_hosts(fields.get("nodes", ""))),
        switches=tuple(parse_hosts(fields.get("switches", ""))),
    )
    return fabric.add("", unit)


def _yaml_units(file: InputFile) -> Iterator[tuple[str, str, Any]]:
    """Yield topology, kind and content of every switch and block."""
    text = b""
    for block in file.blocks():
        text += block
        if len(text) > _LARGEST_YAML:
            raise UnreadableInputError(file.path, f"a topology.yaml larger than {_LARGEST_YAML >> 20} MiB")
    try:
        _check_depth(file, text)
        # The base loader takes everything for text and expands no merge keys, of which a few lines make billions.
        document = yaml.load(text, Loader=yaml.CBaseLoader)  # noqa: S506 - it makes nothing but text, lists and maps
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise UnreadableInputError(file.path, f"no YAML: {' '.join(str(error).split())[:200]}") from error
    for topology in document if isinstance(document, list) else []:
        if not isinstance(topology, dict):
            yield "", "", topology
            continue
        name = str(topology.get("topology", ""))
        for plugin, units, kind in (("tree", "switches", "switch"), ("block", "blocks", "block")):
            content = topology.get(plugin)
            for unit in (content.get(units) or []) if isinstance(content, dict) else []:
                yield name, kind, unit


def _check_depth(file: InputFile, text: bytes) -> None:
    """Refuse what is nested so deeply that the loader would overrun the stack, which ends the program."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CBaseLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST_YAML:
            raise UnreadableInputError(file.path, f"YAML nested more than {_DEEPEST_YAML} deep")


def _yaml_unit(kind: str, content: Any) -> _Unit:  # noqa: ANN401 - whatever the document holds
    if not isinstance(content, dict) or not kind:
        raise ValueError("no switch or block")
    name = content.get(kind)
    if not isinstance(name, str) or not name:
        raise ValueError(f"a {kind} without a name")
    return _Unit(
        name=name,
        kind=kind,
        level=None,
        nodes=tuple(parse_hosts(_text(content.get("nodes", "")))),
        switches=tuple(parse_hosts(_text(content.get("children", "")))),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("no list of names")  # noqa: TRY004 - refuses the record
    return value
