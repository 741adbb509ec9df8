"""The fabric that a lake's cables make: which of them count, when, of which cluster; and the jobs under a fault."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.topology.blast.parts import Component
from models.topology.fabric import network_domains
from reliability.analyses.blast import blast, under_fault
from reliability.analyses.double_blast import double_blast
from reliability.analyses.fabric import fabric_of, load_fabric, real_fabric
from reliability.analyses.fabric_compare import fabric_compare
from reliability.analyses.fabric_show import fabric_show
from reliability.analyses.running_jobs import running_jobs
from reliability.errors import BadOptionError, NoDataError, SeveralClustersError
from tests.lakes import add_ingest, build_lake

from .fabric_lakes import HOSTS, cables, fabric_lake, with_scheduler

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)


def test_a_lakes_cables_make_its_fabric(tmp_path: Path) -> None:
    real = load_fabric(fabric_lake(tmp_path / "lake"))
    assert (real.cluster, real.source, real.fabric.kind) == ("c1", "test", "from-lake")
    assert real.fabric.host_names == tuple(HOSTS)
    assert (real.fabric.hosts, real.fabric.gpus_per_host) == (8, 2)
    assert [(switch.name, switch.tier, switch.rail, switch.pod) for switch in real.fabric.switches] == [
        ("pod0-leaf0", "leaf", 0, 0),
        ("pod0-leaf1", "leaf", 1, 0),
        ("pod1-leaf0", "leaf", 0, 1),
        ("pod1-leaf1", "leaf", 1, 1),
        ("spine0", "spine", None, None),
        ("spine1", "spine", None, None),
    ]
    assert real.findings == ()
    down = {domain.name: domain.hosts for domain in network_domains(real.fabric) if domain.takes_down}
    assert down == {f"pod{pod}-leaf{rail}": tuple(range(4 * pod, 4 * pod + 4)) for pod in (0, 1) for rail in (0, 1)}


def test_cables_that_have_gone_count_only_while_they_were_in_place(tmp_path: Path) -> None:
    links = [
        *({**link, "from_utc": "2026-01-01"} for link in cables() if link["child"] != "gpu-8"),
        *({**link, "from_utc": "2026-01-01", "to_utc": "2026-01-10"} for link in cables() if link["child"] == "gpu-8"),
    ]
    lake = fabric_lake(tmp_path / "lake", links=links)
    assert load_fabric(lake).fabric.hosts == 7
    assert load_fabric(lake, datetime(2026, 1, 9, tzinfo=UTC)).fabric.hosts == 8
    assert load_fabric(lake, datetime(2026, 1, 10, tzinfo=UTC)).fabric.hosts == 7
    (hosts,) = double_blast("from-lake", {}, lake, pair=("host", "host"), at=datetime(2026, 1, 9, tzinfo=UTC)).faults
    assert hosts.pairs == 8 * 7 / 2
    with pytest.raises(NoDataError, match="2025-12-31"):
        load_fabric(lake, datetime(2025, 12, 31, tzinfo=UTC))


def test_what_the_scheduler_was_told_is_held_against_the_cables(tmp_path: Path) -> None:
    real = load_fabric(with_scheduler(fabric_lake(tmp_path / "lake")))
    assert real.source == "test"
    assert any("10 links of topology-conf are left out" in sentence for sentence in real.inference)
    assert real.contradictions == ("1 node of the scheduler's network is on no cable of test: ghost.",)
    chosen = load_fabric(with_scheduler(fabric_lake(tmp_path / "again")), source="topology-conf")
    assert chosen.fabric.hosts == 8
    assert any("GPUs share them" in sentence for sentence in chosen.inference)


def test_the_schedulers_tree_is_the_fabric_where_there_are_no_cables(tmp_path: Path) -> None:
    real = load_fabric(with_scheduler(build_lake(tmp_path / "lake", nodes=[{"node": "gpu-1"}])))
    assert real.source == "topology-conf"
    assert [(switch.name, switch.tier) for switch in real.fabric.switches] == [
        ("pod0", "leaf"),
        ("pod1", "leaf"),
        ("top", "spine"),
    ]


def test_of_two_records_of_one_port_the_later_counts(tmp_path: Path) -> None:
    lake = fabric_lake(tmp_path / "lake")
    moved = {"child": "gpu-9", "parent": "pod0-leaf0", "rail": 0, "port": "1", "bandwidth_gbps": 400.0}
    add_ingest(lake, links=[moved], ingested_utc="2026-04-01")
    real = load_fabric(lake)
    assert any("pod0-leaf0 port 1" in sentence for sentence in real.contradictions)
    # gpu-9 is none of the cluster's nodes, and thus serves it.
    assert real.wired.service_hosts == ("gpu-9",)


def test_of_several_clusters_one_must_be_chosen(tmp_path: Path) -> None:
    lake = fabric_lake(tmp_path / "lake")
    add_ingest(lake, cluster="c2", links=[{"child": "n1", "parent": "leaf"}])
    with pytest.raises(SeveralClustersError, match=r"c1, c2\): choose one with --set cluster=NAME"):
        load_fabric(lake)
    assert load_fabric(lake, cluster="c2").fabric.host_names == ("n1",)
    assert real_fabric({"cluster": "c2"}, lake).fabric.hosts == 1
    with pytest.raises(BadOptionError, match="cluster=c3"):
        load_fabric(lake, cluster="c3")
    with pytest.raises(BadOptionError, match="source=lldp-json"):
        load_fabric(lake, cluster="c2", source="lldp-json")


def test_a_lake_without_cables_says_what_to_take_in(tmp_path: Path) -> None:
    lake = build_lake(tmp_path / "lake", nodes=[{"node": "n1"}])
    with pytest.raises(NoDataError, match="ibnetdiscover"):
        load_fabric(lake)


def test_one_door_for_planned_and_real_fabrics(tmp_path: Path) -> None:
    assert fabric_of("rail", {"gpus": 64, "gpus_per_host": 8, "radix": 16}, None).hosts == 8
    assert fabric_of("from-lake", {}, fabric_lake(tmp_path / "lake")).hosts == 8
    with pytest.raises(NoDataError):
        fabric_of("from-lake", {}, None)
    with pytest.raises(BadOptionError, match="cluster, source"):
        fabric_of("from-lake", {"gpus": 8}, fabric_lake(tmp_path / "other"))


def test_cables_of_hosts_that_compute_nothing_count_as_cables_but_not_as_hosts(tmp_path: Path) -> None:
    storage = [{"child": "store-1", "parent": "pod0-leaf0", "rail": 0, "port": "9", "bandwidth_gbps": 200.0}]
    shown = fabric_show("from-lake", {}, fabric_lake(tmp_path / "lake", links=[*cables(), *storage]))
    assert (shown.counts.hosts, shown.counts.gpus) == (8, 16)
    assert shown.counts.links == {"leaf": 17, "spine": 16}
    assert shown.counts.oversubscription == {"leaf": (16 * 400 + 200) / (16 * 400)}
    assert shown.adapters == 17
    assert [(row.rail, row.leaves, row.cables, row.hosts) for row in shown.rails] == [(0, 2, 8, 8), (1, 2, 8, 8)]


def test_jobs_that_run_at_a_moment_are_those_that_began_before_and_end_after_it(tmp_path: Path) -> None:
    lake = fabric_lake(tmp_path / "lake")
    running = running_jobs(lake, "c1", NOON)
    assert running is not None
    assert [job.job_id for job in running.jobs] == ["wide", "small", "other"]
    assert running_jobs(lake, "nowhere", NOON) is None


def test_a_leaf_takes_down_the_jobs_on_its_hosts_and_no_others(tmp_path: Path) -> None:
    lake = fabric_lake(tmp_path / "lake")
    found = blast("from-lake", {}, lake, component="leaf", at=NOON)
    jobs = {row.radius.components[0].name: (row.jobs.down, row.jobs.degraded) for row in found.found if row.jobs}
    assert jobs["pod0-leaf0"] == (("wide", "small"), ())
    assert jobs["pod1-leaf1"] == (("wide",), ())
    spine = blast("from-lake", {}, lake, component="spine", name="spine0", at=NOON).found[0]
    assert spine.jobs is not None
    assert (spine.jobs.down, spine.jobs.degraded) == ((), ("wide", "small"))
    assert (spine.radius.gpus_degraded, spine.radius.bandwidth_left_share) == (16, 0.5)


def test_a_rack_is_a_component_of_a_fabric_whose_nodes_tell_their_rack(tmp_path: Path) -> None:
    lake = fabric_lake(tmp_path / "lake")
    found = blast("from-lake", {}, lake, component="rack", name="rack-1", at=NOON).found[0]
    assert (found.radius.gpus_down, found.radius.hosts_down) == (4, 2)
    assert found.jobs is not None
    assert found.jobs.down == ("wide",)
    assert {grouping.kind for grouping in under_fault("from-lake", {}, lake).groupings} == {"rack"}


def test_every_class_and_every_leaf_stand_in_one_answer(tmp_path: Path) -> None:
    found = blast("from-lake", {}, fabric_lake(tmp_path / "lake"))
    kinds = {row.radius.kind for row in found.found}
    assert kinds >= {"gpu", "nic", "nic-link", "host", "leaf", "spine", "rack", "pod", "rail"}
    assert len(found.leaves) == 4


def test_two_faults_reach_further_than_one(tmp_path: Path) -> None:
    lake = fabric_lake(tmp_path / "lake")
    lost = [Component("spine", "spine1")]
    both = blast("from-lake", {}, lake, component="spine", name="spine0", beside=lost).found[0].radius
    assert both.takes_down
    assert (both.gpus_down, both.gpus_cut_off) == (0, 16)


def test_fabrics_are_compared_by_settings_of_all_and_of_one() -> None:
    found = fabric_compare(["hpn", "hpn-single-tor"], {"gpus": 2_048, "hpn.cores": "no", "hpn-single-tor.cores": "no"})
    pair, single = found.fabrics
    assert (pair.show.counts.gpus, single.show.counts.gpus) == (2_048, 2_048)
    assert not pair.worst["tor"].takes_down
    assert single.worst["tor"].takes_down
    assert found.warnings == ()
    with pytest.raises(BadOptionError, match="each fabric once"):
        fabric_compare(["hpn", "hpn"])
    with pytest.raises(BadOptionError, match="--set nothing"):
        fabric_compare(["hpn", "rail"], {"nothing": 1})
    assert "different sizes" in fabric_compare(["rail", "nvl72"], {"rail.gpus": 64, "nvl72.gpus": 144}).warnings[0]
