"""Fabrics as ibnetdiscover and topology.conf show them, read back by the real pipeline."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from ClusterShell.NodeSet import expand
from hypothesis import given
from hypothesis import strategies as st

from ingest.pipeline import ingest_paths
from ingest.source import Options
from models.topology import FABRIC_KINDS, Adapter, build_fabric
from models.topology.builders.nvl72 import nvl72
from models.topology.builders.rail import rail
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.lake import create_lake
from synthetic_traces.logs.fabric import (
    NodeNamesError,
    NoInfiniBandSpeedError,
    ibnetdiscover_lines,
    topology_conf_lines,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
INFINIBAND = tuple(kind for kind in FABRIC_KINDS if kind != "railx")
#: as ingest calls them
TIERS = {"tor": "leaf", "leaf": "leaf", "agg": "spine", "spine": "spine", "core": "core"}

fabrics = st.builds(
    build_fabric,
    st.sampled_from(FABRIC_KINDS),
    hosts=st.integers(1, 30),
    gpus_per_host=st.integers(1, 8),
    hosts_per_rack=st.integers(1, 5),
    racks_per_pod=st.integers(1, 4),
)


def names(fabric):
    return [f"node-{number:03d}" for number in range(1, fabric.hosts + 1)]


def seen(fabric):
    """What a subnet manager sees."""
    return [link for link in fabric.links if link.tier not in {"nvswitch", "ocs"}]


def ingested(tmp_path, lines):
    """Feed lines to the pipeline; its only file's report, and a way to ask the lake."""
    path = tmp_path / "dump.txt"
    path.write_text("".join(f"{line}\n" for line in lines))
    lake = create_lake(tmp_path / "lake")
    (report,) = ingest_paths(lake, [path], Options(), lambda: NOW).files
    return report, DuckDBEngine(lake).rows


def sample(kind, **sizes):
    """Partial racks, pods and domains; cores wherever the kind has them."""
    return build_fabric(kind, **({"hosts": 45, "gpus_per_host": 4, "hosts_per_rack": 2, "racks_per_pod": 1} | sizes))


@pytest.mark.parametrize("kind", INFINIBAND)
def test_every_link_comes_back_from_ibnetdiscover_as_it_was_built(kind, tmp_path):
    fabric = sample(kind)
    report, rows = ingested(tmp_path, ibnetdiscover_lines(fabric, names(fabric), NOW))
    assert (report.format, report.rows_rejected) == ("ibnetdiscover", 0)
    node = names(fabric)
    built = Counter(
        (
            node[link.child.host] if isinstance(link.child, Adapter) else link.child,
            link.parent,
            TIERS[link.tier],
            link.plane,
            link.rail,
            str(link.parent_port),
            link.bandwidth_gbps,
        )
        for link in seen(fabric)
    )
    columns = ("child", "parent", "tier", "plane", "rail", "port", "bandwidth_gbps")
    read = rows(f"SELECT {', '.join(columns)} FROM links")
    assert Counter(tuple(row[column] for column in columns) for row in read) == built


@pytest.mark.parametrize("kind", INFINIBAND)
def test_every_switch_and_adapter_comes_back_from_ibnetdiscover(kind, tmp_path):
    fabric = sample(kind, hosts=11, gpus_per_host=3)
    _, rows = ingested(tmp_path, ibnetdiscover_lines(fabric, names(fabric), NOW))
    found = {(row["component"], row["place"]) for row in rows(
        "SELECT component, coalesce(node || ' ' || slot, slot) AS place FROM components"
    )}  # fmt: skip
    switches = {("switch", switch.name) for switch in fabric.switches if switch.tier != "nvswitch"}
    adapters = {("nic", f"{node} mlx5_{gpu}") for node in names(fabric) for gpu in range(3)}
    assert found == switches | adapters


def test_cores_too_come_back_from_a_rail_optimised_network_of_three_tiers(tmp_path):
    fabric = rail(hosts=40, gpus_per_host=2, hosts_per_pod=4, radix=16)
    report, rows = ingested(tmp_path, ibnetdiscover_lines(fabric, names(fabric), NOW))
    assert report.rows_rejected == 0
    read = {row["tier"]: row["links"] for row in rows("SELECT tier, count(*) AS links FROM links GROUP BY tier")}
    assert read == Counter(TIERS[link.tier] for link in seen(fabric))
    assert set(read) == {"leaf", "spine", "core"}


@given(fabrics)
def test_a_switch_shows_each_of_its_cables_once_and_so_does_an_adapter(fabric):
    lines = list(ibnetdiscover_lines(fabric, names(fabric), NOW))
    ports = [line for line in lines if line.startswith("[")]
    assert len(ports) == 2 * len(seen(fabric))
    assert len(set(ports)) == len(ports)


@given(fabrics)
def test_both_ends_of_a_cable_name_each_other(fabric):
    """Strips the texts: what is left is a symmetric relation of (node, port)."""
    ends, here = set(), ""
    for line in ibnetdiscover_lines(fabric, names(fabric), NOW):
        if line.startswith(("Switch", "Ca")):
            here = line.split('"')[1]
        if line.startswith("["):
            there = line.split('"')
            ends.add(((here, line[1 : line.index("]")]), (there[1], there[2][1 : there[2].index("]")])))
    assert {(far, near) for near, far in ends} == ends
    assert all(near != far for near, far in ends)


@given(fabrics)
def test_subnets_are_dumped_one_after_the_other(fabric):
    lines = list(ibnetdiscover_lines(fabric, names(fabric), NOW))
    subnets = {"railx": 0, "hpn": 2, "rail-only": fabric.gpus_per_host}.get(fabric.kind, 1)
    assert lines.count("# Topology file: generated on Fri Jan  2 03:04:05 2026") == subnets


def test_the_lids_of_a_subnet_are_its_own_and_differ():
    fabric = sample("rail-only", hosts=5)
    lids = []
    for line in ibnetdiscover_lines(fabric, names(fabric), NOW):
        if line.startswith("# Topology"):
            lids.append(set())
        if line.startswith("Switch"):
            lids[-1].add(line.split(" lid ")[1].split()[0])
        if line.startswith("[") and "mlx5_" in line:
            lids[-1].add(line.split(" lid ")[1].split()[0])
    ends = 3 + 5 + 2  # leaves, adapters and spines of a rail
    assert [len(one) for one in lids] == [ends] * 4


def test_equal_fabrics_give_equal_dumps():
    first, second = (list(ibnetdiscover_lines(sample("hpn"), names(sample("hpn")), NOW)) for _ in range(2))
    assert first == second


def test_no_subnet_manager_sees_optical_switches_or_nvswitches():
    assert list(ibnetdiscover_lines(sample("railx"), names(sample("railx")), NOW)) == []
    text = "\n".join(ibnetdiscover_lines(nvl72(hosts=36), names(nvl72(hosts=36)), NOW))
    assert "nvl" not in text


@pytest.mark.parametrize(("gbps", "speed"), [(200.0, "4xHDR"), (400.0, "4xNDR"), (800.0, "4xXDR")])
def test_the_speed_is_that_of_four_lanes(gbps, speed, tmp_path):
    fabric = sample("rail", adapter_gbps=gbps)
    lines = list(ibnetdiscover_lines(fabric, names(fabric), NOW))
    assert all(line.endswith(speed) for line in lines if line.startswith("["))
    _, rows = ingested(tmp_path, lines)
    assert rows("SELECT DISTINCT bandwidth_gbps FROM links") == [{"bandwidth_gbps": gbps}]


def test_a_port_of_a_dual_homed_adapter_has_two_lanes():
    lines = list(ibnetdiscover_lines(sample("hpn"), names(sample("hpn")), NOW))
    assert {line.split()[-1] for line in lines if line.startswith("[") and "mlx5" in line} == {"2xNDR"}


def test_a_speed_that_infiniband_has_not_is_refused():
    with pytest.raises(NoInfiniBandSpeedError, match="no InfiniBand of 300 Gb/s"):
        list(ibnetdiscover_lines(sample("rail", adapter_gbps=300.0), names(sample("rail")), NOW))


def test_a_link_of_three_lanes_is_refused_among_others_of_four():
    fabric = sample("rail")
    slow = replace(fabric.links[-1], bandwidth_gbps=300.0)
    with pytest.raises(NoInfiniBandSpeedError):
        list(ibnetdiscover_lines(replace(fabric, links=(*fabric.links[:-1], slow)), names(fabric), NOW))


@pytest.mark.parametrize("dump", [lambda *given: ibnetdiscover_lines(*given, NOW), topology_conf_lines])
def test_every_host_needs_a_name(dump):
    with pytest.raises(NodeNamesError, match="44 node names for 45 hosts"):
        list(dump(sample("rail"), names(sample("rail"))[1:]))


@pytest.mark.parametrize("kind", FABRIC_KINDS)
def test_the_tree_comes_back_from_topology_conf(kind, tmp_path):
    fabric = sample(kind)
    lines = list(topology_conf_lines(fabric, names(fabric)))
    report, rows = ingested(tmp_path, lines)
    assert (report.format, report.rows_rejected) == ("topology-conf", 0)
    # A tree has one edge less than it has nodes and switches.
    assert rows("SELECT count(*) AS links FROM links") == [{"links": fabric.hosts + len(lines) - 1}]


@given(fabrics)
def test_the_tree_holds_every_node_and_switch_once_and_has_one_top(fabric):
    lines = [line.split() for line in topology_conf_lines(fabric, names(fabric))]
    switches = [name.removeprefix("SwitchName=") for name, _ in lines]
    below = Counter(name for _, listed in lines for name in expand(listed.partition("=")[2]))
    assert below == Counter([*names(fabric), *switches[:-1]])


@pytest.mark.parametrize(
    ("kind", "lines"),
    [
        ("clos", ["pod0-rack0 Nodes", "pod0-rack1 Nodes", "pod1-rack0 Nodes", "pod0 Switches", "pod1 Switches"]),
        ("rail", ["pod0 Nodes", "pod1 Nodes"]),
        ("rail-only", ["block0 Nodes", "block1 Nodes"]),
        ("hpn", ["pod0-segment0 Nodes", "pod0-segment1 Nodes"]),
        ("hpn-single-tor", ["pod0-segment0 Nodes", "pod0-segment1 Nodes"]),
        ("railx", ["row0 Nodes", "row1 Nodes"]),
        ("nvl72", ["nvl0 Nodes", "nvl1 Nodes", "nvl2 Nodes", "pod0 Switches", "pod1 Switches"]),
    ],
)
def test_the_levels_of_the_tree_are_those_of_the_kind(kind, lines):
    fabric = build_fabric(kind, hosts=6, gpus_per_host=4, hosts_per_rack=2, racks_per_pod=2)
    written = [
        line.removeprefix("SwitchName=").rpartition("=")[0] for line in topology_conf_lines(fabric, names(fabric))
    ]
    top = "pod0 Switches" if kind.startswith("hpn") else "top Switches"
    assert written == [*lines, top]


def test_one_rack_is_one_switch():
    fabric = build_fabric("clos", hosts=3, gpus_per_host=8, hosts_per_rack=4, racks_per_pod=2)
    assert list(topology_conf_lines(fabric, names(fabric))) == ["SwitchName=pod0-rack0 Nodes=node-[001-003]"]
