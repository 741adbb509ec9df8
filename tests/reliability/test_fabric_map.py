"""The map of a fabric: what failed is marked, what a fault reaches is coloured, text of a log stays text."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import plotly.graph_objects as go
import pytest

from models.topology.blast.components import Component
from models.topology.blast.radius import blast_radius
from models.topology.build import build_fabric
from models.topology.builders.hpn import hpn
from models.topology.builders.rail import rail
from reliability.analyses.fabric import load_fabric
from reliability.analyses.fabric_failures import fabric_failures
from reliability.analyses.fabric_map import Happened, fabric_map
from reliability.figures.blast_left import left_figure
from reliability.figures.fabric_map import clicked
from reliability.figures.theme import themed
from tests.lakes import build_lake, sample_lake
from tests.reliability.test_figures import HOSTILE, drawn_texts

NAMES = tuple(f"n{number:02d}" for number in range(16))


def marks(figure):
    """Kind, name and group of everything that can be clicked, with its hover text."""
    found = {}
    for trace in figure.data:
        for data in trace.customdata if trace.customdata is not None else ():
            kind, name, group = clicked({"customdata": list(data)})
            if kind:
                found[name] = (kind, group, data[0])
    return found


def names_of(figure):
    return {trace.name for trace in figure.data if trace.showlegend}


@pytest.fixture
def real():
    return replace(rail(hosts=16, gpus_per_host=4, hosts_per_pod=8), kind="from-lake", host_names=NAMES)


def test_every_mark_says_name_tier_rail_ports_and_hosts_below(real):
    kind, group, text = marks(fabric_map(real).figure())["pod0-rail2"]
    assert (kind, group) == ("leaf", "")
    assert text == "<b>pod0-rail2</b><br>1 leaf<br>pod 0<br>rail 2<br>16 ports in use<br>8 hosts below"


def test_failures_stand_on_hosts_and_switches(real):
    happened = Happened({"n03": 2, "pod1-rail0": 5}, "100 node-days", elsewhere=1)
    found = fabric_map(real, happened=happened)
    figure = found.figure()
    assert "2 failures in the log" in marks(figure)["n03"][2]
    assert "host with failures" in names_of(figure)
    numbers = [text for trace in figure.data for text in trace.text or () if trace.name == "failures in the log"]
    assert numbers == ["5"]
    assert "7 failures and 1 off its cables in 100 node-days" in figure.layout.title.subtitle.text
    assert {row["name"]: row["failures"] for row in found.rows() if row["failures"]} == {"n03": 2, "pod1-rail0": 5}


def test_without_a_log_nothing_is_said_of_failures(real):
    figure = fabric_map(real).figure()
    assert "failure" not in figure.layout.title.subtitle.text
    assert not any("failure" in text for _, _, text in marks(figure).values())


def test_what_a_fault_reaches_is_coloured_and_counted(real):
    figure = fabric_map(real, hit=("pod0-rail2", range(8), range(8, 10))).figure()
    assert {"host", "host down", "host slowed"} <= names_of(figure)
    assert "loss of pod0-rail2: 8 hosts down, 2 slowed" in figure.layout.title.subtitle.text
    down = next(trace for trace in figure.data if trace.name == "host down")
    assert len(down.x) == 8


def test_what_else_is_known_of_a_switch_is_in_its_text(real):
    figure = fabric_map(real, notes={"pod0-rail0": "4 adapters without a host's name"}).figure()
    assert "4 adapters without a host's name" in marks(figure)["pod0-rail0"][2]
    assert "adapters" not in marks(figure)["pod0-rail1"][2]


def test_groups_whose_hosts_failed_together_stand_out(real):
    figure = fabric_map(real, happened=Happened({}, "100 node-days", together={"pod1": 3})).figure()
    captions = [annotation.text for annotation in figure.layout.annotations]
    assert sum("3 shared events" in caption for caption in captions) == 1
    assert sum(shape.line.width == 2 for shape in figure.layout.shapes) == 1


def test_a_group_that_is_summed_up_says_so_and_can_be_clicked():
    figure = fabric_map(hpn(hosts=15 * 128, gpus_per_host=8)).figure()
    summed = {group for _, group, _ in marks(figure).values()}
    assert "pod0-segment09" in summed
    assert any("click to see all of them" in text for _, _, text in marks(figure).values())


def test_names_of_a_log_are_drawn_as_text(real):
    hostile = replace(
        real,
        host_names=tuple(f"{HOSTILE}-{number}" for number in range(16)),
        switches=tuple(replace(switch, name=f"{HOSTILE}{switch.name}") for switch in real.switches),
        links=tuple(
            replace(
                link,
                parent=f"{HOSTILE}{link.parent}",
                child=f"{HOSTILE}{link.child}" if isinstance(link.child, str) else link.child,
            )
            for link in real.links
        ),
    )
    figure = fabric_map(hostile, hit=(f"{HOSTILE}pod0-rail0", [0], [])).figure()
    document = json.loads(figure.to_json())
    document["layout"].pop("template")
    for trace in document["data"]:
        for data in trace.get("customdata", ()):
            data[1:] = []  # kind, name and group are for the click, nothing draws them
    assert not any("<b onclick" in text or "<a href" in text for text in drawn_texts_of(document))


def drawn_texts_of(document):
    return drawn_texts(go.Figure(document, skip_invalid=True))


@pytest.mark.parametrize("kind", ["clos", "rail", "rail-only", "hpn", "railx", "nvl72"])
@pytest.mark.parametrize("dark", [False, True])
def test_every_kind_can_be_drawn_in_both_schemes(kind, dark):
    figure = themed(fabric_map(build_fabric(kind, 24, 4, 4, 3)).figure(), dark=dark)
    assert figure.to_json()
    assert figure.layout.height <= 900


def test_a_click_on_a_line_means_nothing():
    assert clicked({"customdata": ["2 cables", "cables", "", ""]}) == ("", "", "")
    assert clicked({}) == ("", "", "")


def test_the_bars_are_what_the_fault_leaves():
    radius = blast_radius(hpn(hosts=128, gpus_per_host=8), [Component("tor", "pod0-segment0-rail0-plane0")])
    (bars,) = left_figure(radius).data
    left = dict(zip(bars.x, bars.y, strict=True))
    assert left["rail 0"] == pytest.approx(50.0)
    assert left["rail 1"] == pytest.approx(100.0)
    assert left["plane 0"] == pytest.approx(87.5)


def test_outages_of_hosts_and_events_about_switches_are_counted_by_name(tmp_path):
    cables = [
        *({"child": f"n{number}", "parent": f"leaf{number // 2}"} for number in range(4)),
        *({"child": f"leaf{number}", "parent": "spine", "tier": "spine"} for number in range(2)),
    ]
    lake = build_lake(
        tmp_path / "lake",
        nodes=[{"node": f"n{number}"} for number in range(4)],
        links=cables,
        components=[{"component": "switch", "component_id": "b83fd203", "slot": "leaf0"}],
        node_states=[
            {"node": "n1", "from_utc": "2026-01-02", "to_utc": "2026-01-03"},
            {"node": "n1", "from_utc": "2026-01-05", "to_utc": "2026-01-06"},
            {"node": "gone", "from_utc": "2026-01-05", "to_utc": "2026-01-06"},
        ],
        events=[
            {"time_utc": "2026-01-04", "component": "switch", "component_id": "0xB83FD203", "severity": "critical"},
            {
                "time_utc": "2026-01-04",
                "component": "switch",
                "severity": "critical",
                "message": "x / Switch: leaf1 / 3",
            },
            {"time_utc": "2026-01-04", "component": "switch", "severity": "warning", "message": "Switch: leaf1 / 3"},
        ],
    )
    found = fabric_failures(lake, load_fabric(lake))
    assert found.failures == {"n1": 2, "leaf0": 1, "leaf1": 1}
    assert found.elsewhere == 1
    assert "node-days" in found.exposure


def test_a_window_leaves_out_what_was_before(tmp_path):
    lake = sample_lake(tmp_path / "lake", days=30)
    real = load_fabric(lake)
    whole = fabric_failures(lake, real)
    later = fabric_failures(lake, real, from_utc=datetime(2026, 1, 20, tzinfo=UTC))
    assert 0 < sum(later.failures.values()) < sum(whole.failures.values())


def test_a_lake_without_node_states_says_nothing_of_failures(tmp_path):
    lake = build_lake(tmp_path / "lake", links=[{"child": "n1", "parent": "leaf"}, {"child": "n2", "parent": "leaf"}])
    assert fabric_failures(lake, load_fabric(lake)) == Happened()
