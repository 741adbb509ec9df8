"""The page of causes without a browser: numbers of the analyses, the verdict on one job, sentences without either."""

import json

import pytest

import reliability as rel
from dashboards.app import create_app
from reliability.lake import create_lake
from tests.dashboards.test_app import called, page_of
from tests.dashboards.test_jobs_page import parts
from tests.lakes import HOSTILE, build_lake, sample_lake


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return sample_lake(tmp_path_factory.mktemp("causes-page") / "lake", days=20)


@pytest.fixture(scope="module")
def app(lake):
    return create_app(lake.path)


def shown(app, period=(None, None)):
    inputs = [
        {"id": "causes-period", "property": "value", "value": list(period)},
        {"id": "scheme", "property": "data", "value": "light"},
    ]
    return json.loads(called(app, "causes-content.children", inputs).get_data(as_text=True))["response"]


def judged(app, job):
    inputs = [
        {"id": "causes-job", "property": "value", "value": job},
        {"id": "scheme", "property": "data", "value": "dark"},
    ]
    return json.loads(called(app, "causes-verdict.children", inputs).get_data(as_text=True))["response"]


def address(app, job="", period=(None, None)):
    inputs = [
        {"id": "causes-job", "property": "value", "value": job},
        {"id": "causes-period", "property": "value", "value": list(period)},
    ]
    response = json.loads(called(app, "causes-address.data", inputs).get_data(as_text=True))["response"]
    return response["causes-address"]["data"]


def test_the_page_shows_what_the_analyses_say(app, lake):
    response = shown(app)
    found, beside = rel.causes(lake), rel.companions(lake)
    text = json.dumps(response, ensure_ascii=False)
    assert f"{found.infrastructure_failures} infrastructure failures, " in text
    assert f", in {beside.failure_events} independent events" in text
    assert "unattributed" in text
    assert "causes-rates" in parts(response)
    for domain in found.domains:
        assert domain.domain.replace("_", " ") in text


def test_signs_that_come_together_are_drawn_and_their_cascade_is_in_a_table(tmp_path):
    events = [
        {"node": "n1", "time_utc": "2026-01-02T03:00:00", "symptom": "pcie", "code": "pcie:aer_fatal"},
        {"node": "n1", "time_utc": "2026-01-02T03:00:07"},
    ]
    response = shown(
        create_app(
            build_lake(
                tmp_path / "lake", events=events, node_states=[{"node": "n1", "from_utc": "2026-01-02T03:01:00"}]
            ).path
        )
    )
    drawn = json.dumps(parts(response)["causes-together"]["figure"])
    assert "Xid 79" in drawn
    assert "GPU unavailable" not in drawn
    assert "1 of 1" in json.dumps(response)


def test_a_job_gets_its_verdict_with_how_sure_it_is_and_the_evidence(app):
    response = judged(app, " 1000 ")
    assert "ended by the infrastructure (100% sure)" in json.dumps(parts(response)["causes-sentences"])
    assert "causes-job-figure" in parts(response)


def test_a_hostile_message_is_text_and_never_markup_of_a_figure(app):
    response = judged(app, "1000")
    assert HOSTILE not in json.dumps(parts(response)["causes-job-figure"]["figure"])


@pytest.mark.parametrize("job", ["no such job", HOSTILE, "1' OR '1'='1"])
def test_an_unknown_or_hostile_job_is_a_friendly_sentence(app, job):
    text = json.dumps(judged(app, job), ensure_ascii=False)
    assert "it needs a job of that id that ran within the log" in text
    assert "causes-sentences" not in text


def test_a_job_that_did_not_fail_is_said_to_be_fine(tmp_path):
    job = {"job_id": "1", "nodes": ["n1"], "start_utc": "2026-01-02", "end_utc": "2026-01-03"}
    fine = create_app(build_lake(tmp_path / "lake", jobs=[job]).path)
    assert "No attempt of this job failed." in json.dumps(judged(fine, "1"))


def test_without_a_job_there_is_no_verdict(app):
    assert judged(app, "  ")["causes-verdict"]["children"] is None


def test_the_address_keeps_the_job_and_the_period(app):
    assert address(app) == ""
    query = address(app, "1000", ("2026-01-02", "2026-01-10"))
    assert query == "?job=1000&from=2026-01-02&to=2026-01-10"
    assert '"value":"1000"' in page_of(app, "/causes", query).replace(": ", ":")


def test_an_empty_lake_is_a_friendly_sentence(tmp_path):
    empty = create_app(create_lake(tmp_path / "lake").path)
    assert "Nothing in this lake answers 'causes'" in json.dumps(shown(empty), ensure_ascii=False)


def test_a_lake_of_jobs_alone_has_causes_and_says_that_no_signs_were_seen(tmp_path):
    job = {"nodes": ["n1"], "start_utc": "2026-01-02", "end_utc": "2026-01-03", "state": "NODE_FAIL"}
    response = shown(create_app(build_lake(tmp_path / "lake", jobs=[job]).path))
    assert "causes-rates" in parts(response)
    assert "None seen." in json.dumps(response)
