"""The page of the fabric without a browser: map, what a broken part does, domains, fabrics side by side."""

import json

import pytest

from dashboards.app import create_app
from dashboards.pages.topology import PAGE
from dashboards.pages.topology_choice import settings_pairs
from models.topology.blast.components import Component
from models.topology.blast.radius import blast_radius
from models.topology.designs import design_fabric
from reliability.analyses.blast import under_fault
from reliability.errors import BadOptionError
from reliability.lake import create_lake
from tests.dashboards.test_app import called, page_of
from tests.dashboards.test_jobs_page import parts
from tests.lakes import add_ingest, sample_lake

HPN = {"fabric": "hpn", "settings": "gpus=1024"}


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return sample_lake(tmp_path_factory.mktemp("topology-page") / "lake", days=20)


@pytest.fixture(scope="module")
def app(lake):
    return create_app(lake.path)


def inputs(**given):
    values = {"fabric": "from-lake", "settings": "", "period": [None, None], "component": None, "name": "", **given}
    return [{"id": f"topology-{name}", "property": "value", "value": value} for name, value in values.items()]


def shown(app, expand="", **given):
    asked = [
        *inputs(**given),
        {"id": "topology-expand", "property": "data", "value": expand},
        {"id": "scheme", "property": "data", "value": "light"},
    ]
    return json.loads(called(app, "topology-content.children", asked).get_data(as_text=True))["response"]


def section(app, output, *asked):
    scheme = {"id": "scheme", "property": "data", "value": "light"}
    values = [{"id": f"topology-{name}", "property": "value", "value": value} for name, value in asked]
    return json.loads(called(app, f"{output}.children", [*values, scheme]).get_data(as_text=True))["response"]


def test_the_fabric_of_the_lake_comes_first(app):
    page = page_of(app, "/topology").replace(": ", ":")
    assert '"value":"from-lake"' in page
    found = parts(shown(app)["topology-content"]["children"])
    assert "of this lake" in page
    assert found["topology-hosts"]["children"] == "24"
    assert found["topology-switches-detail"]["children"] == "4 leaf, 1 spine"
    assert "topology-map" in found


def test_failures_of_the_log_are_on_the_map(app):
    assert "failures in" in json.dumps(shown(app)["topology-content"])
    assert "failures in" not in json.dumps(shown(app, **HPN)["topology-content"])


def test_without_a_broken_part_the_page_says_what_to_do(app):
    assert "Click a host or a switch" in json.dumps(shown(app)["topology-blast"])


def test_a_broken_part_shows_what_the_model_says(app):
    name = "pod0-segment0-rail3-plane1"
    response = shown(app, **HPN, component="tor", name=name)
    radius = blast_radius(design_fabric("hpn", {"gpus": 1024}), [Component("tor", name)])
    found = parts(response["topology-blast"]["children"])
    assert found["topology-down"]["children"] == f"{radius.gpus_down:,}"
    assert found["topology-slowed"]["children"] == f"{radius.gpus_degraded:,}"
    assert found["topology-left"]["children"] == "50%"
    assert found["topology-jobs"]["children"] == "–"
    assert "topology-by-rail" in found
    assert f"loss of {name}: 0 hosts down, 128 slowed" in json.dumps(response["topology-content"])


def test_a_broken_switch_of_the_lake_shows_the_jobs_on_it(app, lake):
    under = under_fault("from-lake", {}, lake)
    reached = under.jobs_on([Component("leaf", "leaf1")])
    found = parts(shown(app, component="leaf", name="leaf1")["topology-blast"]["children"])
    assert found["topology-jobs"]["children"] == f"{len(reached.down) + len(reached.degraded)}"
    rows = found["topology-job-grid"]["rowData"]
    assert [row["job"] for row in rows if row["fate"] == "fails"] == list(reached.down)


def test_a_class_alone_shows_its_worst_part(app):
    assert "pod0-segment0-rail0-plane0" in json.dumps(shown(app, **HPN, component="tor")["topology-blast"])


def test_an_unknown_part_leaves_the_map(app):
    response = shown(app, **HPN, component="tor", name="nowhere")
    assert "topology-map" in parts(response["topology-content"]["children"])
    assert "nowhere" in json.dumps(response["topology-blast"])
    assert "tor" in response["topology-component"]["data"]


def test_the_classes_of_the_chosen_fabric_can_be_broken(app):
    classes = shown(app, **HPN)["topology-component"]["data"]
    assert {"host", "tor", "tor-pair", "agg", "nic-port"} <= set(classes)
    assert "rack" in shown(app)["topology-component"]["data"]


def test_a_wrong_setting_is_a_sentence(app):
    assert "its settings:" in json.dumps(shown(app, fabric="hpn", settings="gpu=5")["topology-content"])
    assert "name=value" in json.dumps(shown(app, fabric="hpn", settings="5")["topology-content"])


def test_what_was_inferred_of_a_real_fabric_is_told(app):
    assert "what was inferred" in json.dumps(shown(app)["topology-content"])


def test_a_click_sets_the_broken_part_or_expands_a_group(app):
    def clicked(data, expand=""):
        event = {"points": [{"customdata": data}]}
        asked = [
            {"id": "topology-map", "property": "clickData", "value": event},
            {"id": "topology-fabric", "property": "value", "value": "hpn"},
        ]
        state = [{"id": "topology-expand", "property": "data", "value": expand}]
        response = called(app, "topology-expand.data", asked, state).get_data(as_text=True)
        return json.loads(response)["response"]

    part = clicked(["text", "tor", "pod0-segment0-rail0-plane0", ""])
    assert part["topology-component"]["value"] == "tor"
    assert part["topology-name"]["value"] == "pod0-segment0-rail0-plane0"
    summed = clicked(["text", "tor", "pod0-segment03-rail0-plane0", "pod0-segment03"])
    assert summed == {"topology-expand": {"data": "pod0-segment03"}}


def test_the_state_is_in_the_address_and_the_usual_view_needs_little(app):
    def address(expand="", compare=("hpn", "hpn-single-tor"), **given):
        asked = [
            *inputs(**given),
            {"id": "topology-expand", "property": "data", "value": expand},
            {"id": "topology-kind", "property": "value", "value": None},
            {"id": "topology-compare", "property": "value", "value": list(compare)},
            {"id": "topology-more", "property": "value", "value": ["step", "spread"]},
        ]
        text = called(app, "topology-address.data", asked).get_data(as_text=True)
        return json.loads(text)["response"]["topology-address"]["data"]

    assert address() == "?fabric=from-lake"
    assert address(**HPN, component="tor") == "?fabric=hpn&set=gpus%3D1024&component=tor"
    assert address(compare=["clos"]) == "?fabric=from-lake&compare=clos"


def test_the_address_is_restored(app):
    page = page_of(app, "/topology", "?fabric=clos&set=gpus%3D512&component=tor&name=x&compare=rail&more=spread")
    page = page.replace(": ", ":").replace(", ", ",")
    for value in ('"value":"clos"', '"value":"gpus=512"', '"value":"tor"', '"value":["rail"]', '"value":["spread"]'):
        assert value in page


def test_the_domains_that_failed_as_one_stand_with_their_evidence(app):
    found = parts(
        section(app, "topology-domains", ("kind", None), ("period", [None, None]))["topology-domains"]["children"]
    )
    assert "topology-domains-found" in found
    assert "topology-heat" in found
    assert {"rack", "leaf"} & {row["kind"] for row in found["topology-domain-grid"]["rowData"]}
    events = found["topology-event-grid"]["rowData"]
    assert any("r2" in row["domain"] for row in events)
    assert all(row["evidence"] for row in events)


def test_the_heat_map_is_of_the_kind_asked_for_and_of_the_usual_one_where_there_is_none(app):
    def heat(kind):
        return section(app, "topology-domains", ("kind", kind), ("period", [None, None]))

    assert "Failures of each power by time" in json.dumps(heat("power"))
    assert "Failures of each rack by time" in json.dumps(heat("nonsense"))
    assert {"rack", "power", "leaf"} <= set(heat(None)["topology-kind"]["data"])


def test_fabrics_stand_side_by_side(app):
    asked = (("compare", ["hpn", "hpn-single-tor"]), ("fabric", "hpn"), ("settings", "gpus=1024"))
    found = parts(section(app, "topology-comparison", *asked)["topology-comparison"]["children"])
    counts = {row["what"]: row for row in found["topology-count-grid"]["rowData"]}
    assert counts["GPUs"] == {"what": "GPUs", "hpn": "1,024", "hpn-single-tor": "15,360"}
    faults = {row["component"]: row for row in found["topology-fault-grid"]["rowData"]}
    assert (faults["tor"]["0_down"], faults["tor"]["1_down"]) == (0, 128)


def test_too_many_fabrics_and_none_are_sentences(app):
    none = section(app, "topology-comparison", ("compare", []), ("fabric", "hpn"), ("settings", ""))
    assert "Choose the fabrics" in json.dumps(none)
    many = ["clos", "rail", "hpn", "torus", "railx"]
    too_many = section(app, "topology-comparison", ("compare", many), ("fabric", "hpn"), ("settings", ""))
    assert "at most 4" in json.dumps(too_many)


def test_a_step_and_the_spread_of_jobs_are_shown_when_asked_for(app):
    asked = (("more", ["step", "spread"]), ("fabric", "hpn"), ("settings", "gpus=1024"))
    found = parts(section(app, "topology-further", *asked)["topology-further"]["children"])
    assert "topology-step" in found
    assert "topology-spread" in found
    assert "topology-availability" not in found


def test_availability_is_reckoned_when_asked_for(app):
    asked = (("more", ["availability"]), ("fabric", "hpn"), ("settings", "gpus=1024"))
    response = section(app, "topology-further", *asked)["topology-further"]["children"]
    assert "topology-availability" in parts(response)
    assert "whole fabric up" in json.dumps(response)


def test_a_lake_without_cables_says_so_and_plans_still_open(tmp_path):
    empty = create_app(create_lake(tmp_path / "lake").path)
    page = page_of(empty, "/topology")
    assert "no cables" in page
    assert "of this lake" not in page
    found = parts(shown(empty, fabric="clos", settings="gpus=512")["topology-content"]["children"])
    assert found["topology-hosts"]["children"] == "64"
    domains = section(empty, "topology-domains", ("kind", None), ("period", [None, None]))
    assert "it needs" in json.dumps(domains)


def test_of_several_clusters_one_is_set(tmp_path):
    lake = sample_lake(tmp_path / "lake", days=5)
    add_ingest(lake, cluster="c2", links=[{"child": f"m{number}", "parent": f"l{number // 2}"} for number in range(4)])
    several = create_app(lake.path)
    assert "of this lake" in page_of(several, "/topology")
    assert "choose one with" in json.dumps(shown(several)["topology-content"])
    found = parts(shown(several, settings="cluster=c2")["topology-content"]["children"])
    assert found["topology-hosts"]["children"] == "4"


@pytest.mark.parametrize("text", ["gpus", "=5", "gpus="])
def test_a_setting_without_name_or_value_is_refused(text):
    with pytest.raises(BadOptionError):
        settings_pairs(text)


def test_the_page_is_in_the_menu():
    assert PAGE.path == "/topology"
