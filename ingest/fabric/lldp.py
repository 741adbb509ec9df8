"""``lldpcli show neighbors -f json`` and ``json0``: which switch port each Ethernet interface of a machine leads to.

The format is that of lldpd (manual page ``lldpcli(8)``; ``json`` puts names in the place of keys and one of a list in
place of the list, ``json0`` has lists everywhere); written from documents in the tests of programs that read it. It
does not name the machine it was taken on, so ``--node`` must.

A neighbour that bridges or routes is the upper end of the link; one that does neither is a machine on a switch that
``lldpcli`` was run on, and that switch is then a ``leaf``. Otherwise the tier is not known, nor are planes and rails.
The bandwidth is what the port says it negotiated, where it does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from ingest.opening import InputFile
from ingest.parsing.json_items import head_paths, json_items
from ingest.records import Findings, Row, chunks
from ingest.source import LINE_CUT, Chunk, Options, Source
from reliability.errors import MissingOptionError

_SPEED: Final = re.compile(r"(\d{1,4})(G(?:ig)?)?base", re.IGNORECASE)
_FORWARDING: Final = frozenset({"Bridge", "Router"})


class LldpJson(Source):
    """Source of ``links``."""

    name = "lldp-json"
    title = "Ethernet neighbours: lldpcli show neighbors -f json or json0"
    asks = "`--node`"

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the document has interfaces with a chassis and a port at the other end."""
        paths = head_paths(head)
        within = [path.split(".") for path in paths if path.startswith(("lldp.interface.", "lldp.item.interface."))]
        return any("chassis" in path for path in within) and any("port" in path for path in within)

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield one link per neighbour.

        Raises
        ------
        MissingOptionError
            If the options do not say whose neighbours these are.
        """
        node = options.node
        if node is None:
            raise MissingOptionError(file.path, "--node HOST", "lldpcli does not name the machine it runs on")
        yield from chunks(_neighbours(file), lambda one: [_link(node, *one)], _show, Findings())


def _neighbours(file: InputFile) -> Iterator[tuple[int, tuple[str, Any]]]:
    """Yield local interface and neighbour, from either form."""
    position = 0
    for _, document in json_items(file, ""):
        lists = _many(document.get("lldp")) if isinstance(document, dict) else []
        for part in lists:
            for one in _many(part.get("interface")) if isinstance(part, dict) else []:
                named = [(str(_value(one["name"])), one)] if isinstance(one, dict) and "name" in one else None
                for name, neighbour in named or (list(one.items()) if isinstance(one, dict) else [("", one)]):
                    position += 1
                    yield position, (name, neighbour)


def _link(node: str, interface: str, neighbour: Any) -> Row:  # noqa: ANN401 - whatever the document holds
    if not isinstance(neighbour, dict):
        raise ValueError("no neighbour")  # noqa: TRY004 - refuses the record
    name, chassis = _chassis(_one(neighbour["chassis"]))
    port = _one(neighbour["port"])
    if not isinstance(port, dict):
        raise ValueError("a neighbour without a port")  # noqa: TRY004 - refuses the record
    far = _port_name(port)
    capabilities = [one for one in _many(chassis.get("capability")) if isinstance(one, dict)]
    forwards = any(one.get("type") in _FORWARDING and one.get("enabled") is True for one in capabilities)
    station = bool(capabilities) and not forwards
    child, parent, place = (name, node, interface) if station else (node, name, far)
    return Row(
        "links",
        {
            "child": child,
            "parent": parent,
            "port": place,
            "tier": "leaf" if station else None,
            "bandwidth_gbps": _bandwidth(_one(port.get("auto-negotiation"))),
        },
    )


def _chassis(chassis: Any) -> tuple[str, dict[str, Any]]:  # noqa: ANN401 - whatever the document holds
    """Return name (or what else identifies it) and content of a chassis; ``json`` has the name for a key."""
    if isinstance(chassis, dict) and "id" not in chassis and len(chassis) == 1:
        name, content = next(iter(chassis.items()))
        if isinstance(content, dict):
            return name, content
    if not isinstance(chassis, dict):
        raise ValueError("a neighbour without a chassis")  # noqa: TRY004 - refuses the record
    name = _value(chassis.get("name")) or _value(chassis.get("mgmt-ip")) or _value(chassis.get("id"))
    if not name:
        raise ValueError("a chassis without a name, address or id")
    return str(name), chassis


def _port_name(port: dict[str, Any]) -> str | None:
    """Return what the port is called; a MAC address only where there is no better."""
    identity = _one(port.get("id"))
    kind = identity.get("type") if isinstance(identity, dict) else None
    name = _value(port.get("id")) if kind in {"ifname", "local"} else _value(port.get("descr"))
    name = name or _value(port.get("id"))
    return None if name is None else str(name)


def _bandwidth(negotiated: Any) -> float | None:  # noqa: ANN401 - whatever the document holds
    if not isinstance(negotiated, dict):
        return None
    found = _SPEED.search(str(_value(negotiated.get("current")) or ""))
    if found is None:
        return None
    return float(found[1]) if found[2] else int(found[1]) / 1000


def _many(value: Any) -> list[Any]:  # noqa: ANN401 - whatever the document holds
    return value if isinstance(value, list) else [] if value is None else [value]


def _one(value: Any) -> Any:  # noqa: ANN401 - whatever the document holds
    return value[0] if isinstance(value, list) and value else value


def _value(value: Any) -> str | int | float | None:  # noqa: ANN401 - whatever the document holds
    """Return a value, unwrapped from ``[{"value": …}]``."""
    value = _one(value)
    value = value.get("value") if isinstance(value, dict) else value
    return value if isinstance(value, str | int | float) and not isinstance(value, bool) else None


def _show(one: Sequence[Any]) -> str:
    return json.dumps(one, ensure_ascii=False, default=str)[:LINE_CUT]
