"""The report's sections of the fabric: what there is is drawn and told, what is missing is said."""

import pytest

from reliability.analyses.blast import blast
from reliability.analyses.domain_failures import domain_failures
from reliability.lake import create_lake
from reliability.report.sections.section import Window
from reliability.report.sections.topology import domain_section, topology_section
from tests.lakes import add_ingest, build_lake, sample_lake

EVER = Window(0.9, None, None)


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return sample_lake(tmp_path_factory.mktemp("topology-section") / "lake", days=20)


def test_the_fabric_is_drawn_and_the_loss_of_every_class_is_told(lake):
    section = topology_section(lake, EVER)
    (figure,) = section.figures
    assert figure.layout.title.text == "The fabric of this lake, from the hosts up"
    found = blast("from-lake", {}, lake)
    classes, leaves = section.tables
    assert [row[0] for row in classes.rows] == [row["component"] for row in found.rows()]
    assert {row[0] for row in leaves.rows} == {"leaf0", "leaf1", "leaf2", "leaf3"}
    assert all(len(row) == len(table.columns) for table in section.tables for row in table.rows)


def test_running_jobs_are_counted_where_there_is_a_job_log(lake, tmp_path):
    assert "jobs that fail" in topology_section(lake, EVER).tables[0].columns
    cables = [{"child": f"n{number}", "parent": "leaf"} for number in range(2)]
    without = topology_section(build_lake(tmp_path / "lake", links=cables), EVER)
    assert "jobs that fail" not in without.tables[0].columns


def test_domains_stand_with_their_events(lake):
    section = domain_section(lake, EVER)
    found = domain_failures(lake)
    domains, events = section.tables
    assert len(domains.rows) == len(found.domains)
    assert len(events.rows) == len(found.events)
    assert f"{len(found.found)} of {len(found.domains)} domains fail as one" in section.text
    assert len(section.figures) == 2
    assert all(len(row) == len(table.columns) for table in section.tables for row in table.rows)


def test_a_lake_without_cables_or_logs_says_what_it_needs(tmp_path):
    empty = create_lake(tmp_path / "lake")
    fabric, domains = topology_section(empty, EVER), domain_section(empty, EVER)
    assert fabric.is_empty
    assert "cables" in fabric.text
    assert domains.is_empty
    assert "it needs" in domains.text


def test_several_clusters_are_a_sentence_and_not_an_error(tmp_path):
    lake = build_lake(tmp_path / "lake", cluster="a", links=[{"child": "n1", "parent": "leaf"}])
    add_ingest(lake, cluster="b", links=[{"child": "n2", "parent": "leaf"}])
    assert "several clusters (a, b)" in topology_section(lake, EVER).text


def test_a_lake_with_logs_and_no_places_has_events_without_domains(tmp_path):
    states = [
        {"node": f"n{number}", "from_utc": f"2026-01-0{day}", "to_utc": f"2026-01-0{day + 1}"}
        for day in (2, 4)
        for number in range(3)
    ]
    nodes = [{"node": f"n{number}"} for number in range(8)]
    section = domain_section(build_lake(tmp_path / "lake", nodes=nodes, node_states=states), EVER)
    assert "0 of 0 domains" in section.text
    assert not section.is_empty
