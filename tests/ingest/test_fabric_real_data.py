"""A real NDR fabric."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.report import IngestReport

pytestmark = pytest.mark.real_data
Feed = Callable[..., IngestReport]
Rows = Callable[..., list[dict[str, Any]]]


def test_the_dgx_fabric_is_whole(real_data: Path, feed: Feed, rows: Rows) -> None:
    (report,) = feed(real_data / "ibnetdiscover" / "dgx-ndr.ibnetdiscover").files
    assert (report.format, report.rows_rejected) == ("ibnetdiscover", 0)
    links, components = rows("links"), rows("components")
    parents = {(link["parent"], link["tier"]) for link in links}
    assert Counter(tier for _, tier in parents) == {"leaf": 31, "spine": 9}
    # 582 adapters, 40 of which are the aggregation nodes inside the 40 switches.
    assert Counter(component["component"] for component in components) == {"switch": 40, "nic": 542}
    hosts = {component["node"] for component in components if "node" in component}
    assert sum("dgx" in host for host in hosts) == 119
    assert {link["bandwidth_gbps"] for link in links} == {400.0}
    assert not any("plane" in link for link in links)  # P1 stands in the hosts' names, too: a place


def test_every_cable_of_the_dgx_fabric_is_there_once(real_data: Path, feed: Feed, rows: Rows) -> None:
    feed(real_data / "ibnetdiscover" / "dgx-ndr.ibnetdiscover")
    links = rows("links")
    assert len({(link["parent"], link["port"]) for link in links}) == len(links)
    # 2,228 ends of cables: each twice, less those to the aggregation nodes.
    assert len(links) == (2_228 - 2 * 40) // 2
    assert Counter(link["tier"] for link in links) == {"leaf": 542, "spine": 532}


def test_the_dgx_fabric_has_four_rails(real_data: Path, feed: Feed, rows: Rows) -> None:
    feed(real_data / "ibnetdiscover" / "dgx-ndr.ibnetdiscover")
    rails = defaultdict(set)
    for link in rows("links"):
        if link["tier"] == "leaf":
            rails[link["parent"].split("-")[3]].add(link.get("rail"))
    # The site numbers the leaves of its rails 01 to 04.
    assert rails == {"01": {0}, "02": {1}, "03": {4}, "04": {5}}
