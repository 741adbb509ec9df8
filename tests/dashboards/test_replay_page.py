"""The page of replays without a browser: levers from the address, numbers of the analysis, a sentence without any."""

import json

import pytest

from dashboards.app import create_app
from dashboards.pages.replay import SWITCHES, TIMES
from reliability.analyses.replay import replay
from reliability.analyses.replay_levers import Levers
from reliability.lake import create_lake
from tests.dashboards.test_app import called, page_of
from tests.dashboards.test_jobs_page import parts
from tests.lakes import sample_lake


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return sample_lake(tmp_path_factory.mktemp("replay-page") / "lake", days=20)


@pytest.fixture(scope="module")
def app(lake):
    return create_app(lake.path)


def shown(app, period=(None, None), drain="none", **levers):
    inputs = [
        *({"id": f"replay-{time.lever}", "property": "value", "value": levers.get(time.lever, "")} for time in TIMES),
        *({"id": f"replay-{name}", "property": "checked", "value": levers.get(name, False)} for name in SWITCHES),
        {"id": "replay-drain_lemons", "property": "value", "value": drain},
        {"id": "replay-period", "property": "value", "value": list(period)},
        {"id": "scheme", "property": "data", "value": "light"},
    ]
    return json.loads(called(app, "replay-content.children", inputs).get_data(as_text=True))["response"]


def test_the_page_shows_what_the_analysis_says(app, lake):
    response = shown(app, checkpoint_interval=10, dual_tor=True)
    found, page = (
        replay(lake, Levers(checkpoint_interval=600.0, dual_tor=True)),
        parts(response["replay-content"]["children"]),
    )
    assert page["replay-productive"]["children"] == f"{found.productive.difference_hours:+,.0f}"
    assert page["replay-spared"]["children"] == f"{found.attempts_spared:,}"
    assert [row["bucket"] for row in page["replay-grid"]["rowData"]] == [
        change.bucket.replace("_", " ") for change in found.buckets
    ]
    assert {"replay-buckets", "replay-levers", "replay-assumptions"} <= set(page)
    assert response["replay-address"]["data"] == "?checkpoint_interval=10&dual_tor=true"


def test_the_address_sets_the_levers(app):
    page = parts(json.loads(page_of(app, "/what-if", "?checkpoint_interval=30&no_preemption_after_failure=true")))
    assert page["replay-checkpoint_interval"]["value"] == 30
    assert page["replay-no_preemption_after_failure"]["checked"] is True
    assert page["replay-dual_tor"]["checked"] is False
    assert page["replay-restart_overhead"]["value"] == ""


def test_without_an_address_the_page_starts_with_faster_restarts(app):
    assert parts(json.loads(page_of(app, "/what-if", "")))["replay-restart_overhead"]["value"] == 2


def test_without_a_lever_a_sentence_asks_for_one(app):
    assert "Set a lever above" in json.dumps(shown(app))


def test_a_stall_above_its_write_is_told(app):
    assert "at most checkpoint_write" in json.dumps(shown(app, checkpoint_write=5, checkpoint_stall=9))


def test_an_empty_lake_says_what_it_needs(tmp_path):
    create_lake(tmp_path / "lake")
    assert "it needs jobs with the nodes they ran on" in json.dumps(
        shown(create_app(tmp_path / "lake"), restart_overhead=2)
    )
