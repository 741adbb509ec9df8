"""The report's section of a large run where the lake has a fabric, and where it has none."""

import pytest

from reliability.analyses.fabric import load_fabric
from reliability.analyses.plan import measured_rate, plan
from reliability.analyses.plan_fabric_lake import plan_in_fabrics
from reliability.report.sections.plan import plan_section
from reliability.report.sections.plan_fabric import FabricPart, fabric_part
from reliability.report.sections.section import Window
from tests.lakes import add_ingest, build_lake, sample_lake

EVER = Window(0.9, None, None)


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return sample_lake(tmp_path_factory.mktemp("plan-fabric-section") / "lake", days=20)


def test_a_run_that_fills_the_fabric_is_told_by_domain(lake):
    rate, fabric = measured_rate(lake), load_fabric(lake).fabric
    gpus = fabric.hosts * fabric.gpus_per_host
    planned = plan(gpus, rate, gpus_per_node=fabric.gpus_per_host, checkpoint_write_seconds=120)
    section = plan_section(lake, rate, 10 * gpus, EVER)
    domains = section.tables[1]
    found = plan_in_fabrics(lake, planned, "from-lake")
    assert [row[0] for row in domains.rows] == [row.component for row in found.one.rows]
    assert all(len(row) == len(domains.columns) for row in domains.rows)
    assert f"a run on {gpus:,} GPUs would be taken down" in section.text
    assert section.figures[-1].layout.title.text.startswith("What takes the run down")


def test_what_dual_tors_buy_is_told_by_both_ways_with_limits(lake):
    rate, fabric = measured_rate(lake), load_fabric(lake).fabric
    gpus = fabric.hosts * fabric.gpus_per_host
    planned = plan(gpus, rate, gpus_per_node=fabric.gpus_per_host, checkpoint_write_seconds=120)
    difference = plan_in_fabrics(lake, planned, "hpn", "hpn-single-tor").difference
    text = plan_section(lake, rate, gpus, EVER).text
    assert f"{difference.exact:+.4f} ({difference.low:+.4f} to {difference.high:+.4f}) of ETTR" in text
    assert f"{difference.simulated:+.4f} ({difference.simulated_low:+.4f} to" in text


def test_a_lake_without_cables_is_planned_without_a_fabric(lake, tmp_path):
    bare = build_lake(tmp_path / "lake", nodes=[{"node": "n1"}])
    assert fabric_part(bare, measured_rate(lake), 64, None, checkpoint_write_seconds=120) == FabricPart()


def test_cables_of_several_clusters_are_a_sentence(lake, tmp_path):
    several = build_lake(tmp_path / "lake", cluster="a", links=[{"child": "n1", "parent": "leaf"}])
    add_ingest(several, cluster="b", links=[{"child": "n2", "parent": "leaf"}])
    found = fabric_part(several, measured_rate(lake), 64, None, checkpoint_write_seconds=120)
    assert "several clusters (a, b)" in found.text
    assert not found.tables
