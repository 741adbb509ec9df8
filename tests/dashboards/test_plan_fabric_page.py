"""The plan page with a fabric, without a browser: what it shows is what the analysis says, errors are sentences."""

import json

import pytest

from dashboards.app import create_app
from dashboards.pages.plan import CONTROLS, NO_MODEL
from dashboards.pages.plan_fabric import NO_FABRIC
from reliability.analyses.plan import FailureRate, measured_rate, plan
from reliability.analyses.plan_fabric_lake import plan_in_fabrics
from reliability.lake import create_lake
from tests.dashboards.test_app import called, page_of, plan_tiles
from tests.dashboards.test_jobs_page import parts
from tests.lakes import sample_lake


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return sample_lake(tmp_path_factory.mktemp("plan-fabric-page") / "lake", days=20)


@pytest.fixture(scope="module")
def app(lake):
    return create_app(lake.path)


def content(app, fabric=NO_FABRIC, against=NO_FABRIC, **values):
    given = {control.name: control.default for control in CONTROLS} | values
    inputs = [{"id": f"plan-{name}-number", "property": "value", "value": value} for name, value in given.items()]
    inputs.append({"id": "scheme", "property": "data", "value": "dark"})
    chosen = {"model": NO_MODEL, "fabric": fabric, "against": against}
    inputs += [{"id": f"plan-{name}", "property": "value", "value": value} for name, value in chosen.items()]
    answer = json.loads(called(app, "plan-fabric-content.children", inputs).get_data(as_text=True))
    return answer["response"]["plan-fabric-content"]["children"]


def test_without_a_fabric_nothing_is_shown(app):
    assert parts(content(app)) == {}


def test_dual_tors_stand_against_single_ones(app, lake):
    found = plan_in_fabrics(lake, plan(1024, FailureRate(6.5), checkpoint_write_seconds=120), "hpn", "hpn-single-tor")
    shown = parts(content(app, "hpn", "hpn-single-tor", gpus=1024, rate=6.5))
    assert shown["plan-fabric-one-ettr"]["children"] == f"{found.one.ettr:.4f}"
    assert shown["plan-fabric-other-simulated"]["children"] == f"{found.other.simulated.ettr:.4f}"
    assert shown["plan-fabric-difference"]["children"] == f"{found.difference.exact:+.4f}"
    assert shown["plan-fabric-difference-simulated"]["children"] == f"{found.difference.simulated:+.4f}"
    told = shown["plan-fabric-difference-simulated-detail"]["children"]
    assert f"{found.difference.simulated_low:+.4f} to {found.difference.simulated_high:+.4f}" in told
    rows = shown["plan-fabric-grid"]["rowData"]
    assert [row["domain"] for row in rows] == [row["domain"] for row in found.rows()]
    told = json.dumps(shown["plan-fabric-sources"], ensure_ascii=False)
    assert all(row["source"] in told for row in found.rows())
    assert "plan-fabric-domains" in shown


def test_the_measured_rate_bears_limits_in_the_fabric_of_the_lake(app, lake):
    rate = measured_rate(lake)
    shown = parts(content(app, "from-lake", gpus=64, rate=round(rate.per_1000_node_days, 2)))
    found = plan_in_fabrics(lake, plan(64, rate, checkpoint_write_seconds=120), "from-lake")
    limits = f"{found.one.ettr_low:.4f}–{found.one.ettr_high:.4f}"
    assert shown["plan-fabric-one-ettr-detail"]["children"] == limits
    assert "plan-fabric-difference" not in shown


def test_a_run_that_does_not_fit_is_one_sentence(app):
    text = json.dumps(content(app, "from-lake", gpus=4096))
    assert "hosts wanted, 24 are there" in text
    assert "plan-fabric-grid" not in text


def test_warnings_and_assumptions_are_told(app):
    text = json.dumps(content(app, "dragonfly", gpus=1024), ensure_ascii=False)
    assert "Caution: dragonfly: the rate of router is an assumption, see its source." in text
    assert "Link flaps are left out" in text


def test_the_choice_is_kept_in_the_address(app):
    _, address = plan_tiles(app, fabric="hpn", against="hpn-single-tor")
    assert address.endswith("fabric=hpn&against=hpn-single-tor")
    page = page_of(app, "/plan", address).replace(": ", ":")
    assert '"value":"hpn-single-tor"' in page


def test_a_fabric_of_the_lake_is_offered_only_where_there_is_one(app, tmp_path):
    without = create_app(create_lake(tmp_path / "lake").path)
    assert "from-lake" in page_of(app, "/plan")
    page = page_of(without, "/plan", "?fabric=from-lake&against=zebra")
    assert "from-lake" not in page
    assert '"plan-fabric"' in page
