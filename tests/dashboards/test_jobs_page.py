"""The page of jobs without a browser: filters from the address, numbers of the analysis, a sentence without any."""

import json

import pytest

import reliability as rel
from dashboards.app import create_app
from reliability.lake import create_lake
from tests.dashboards.test_app import called, page_of
from tests.lakes import HOSTILE, sample_lake


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return sample_lake(tmp_path_factory.mktemp("jobs-page") / "lake", days=20)


@pytest.fixture(scope="module")
def app(lake):
    return create_app(lake.path)


def shown(app, by="job_size", min_gpus="128", period=(None, None)):
    inputs = [
        {"id": "jobs-period", "property": "value", "value": list(period)},
        {"id": "jobs-by", "property": "value", "value": by},
        {"id": "jobs-min-gpus", "property": "value", "value": min_gpus},
        {"id": "scheme", "property": "data", "value": "light"},
    ]
    return json.loads(called(app, "jobs-content.children", inputs).get_data(as_text=True))["response"]


def parts(node):
    """Every component below a node that bears an id."""
    if isinstance(node, list):
        return {name: props for item in node for name, props in parts(item).items()}
    if not isinstance(node, dict):
        return {}
    found = {name: props for item in node.values() for name, props in parts(item).items()}
    props = node.get("props", {})
    return found | ({props["id"]: props} if "id" in props else {})


def test_the_page_shows_what_the_analysis_says(app, lake):
    response = shown(app, min_gpus="8")
    found, page = rel.jobs(lake, min_gpus=8), parts(response["jobs-content"]["children"])
    assert page["jobs-rate"]["children"] == f"{found.rate.rate_per_1000_days:.1f}"
    assert f"{found.rate.failures} failures" in page["jobs-rate-detail"]["children"]
    assert [row["group"] for row in page["jobs-grid"]["rowData"]] == [group.group for group in found.groups]
    assert {"jobs-mttf", "jobs-ends", "jobs-mix", "jobs-shares"} <= set(page)
    assert response["jobs-address"]["data"] == "?min_gpus=8"


def test_the_usual_view_needs_no_query_and_any_other_is_in_the_address(app):
    assert shown(app)["jobs-address"]["data"] == ""
    period = ("2026-01-02", "2026-01-10")
    address = shown(app, "user", "0", period)["jobs-address"]["data"]
    assert address == "?from=2026-01-02&to=2026-01-10&by=user&min_gpus=0"
    page = page_of(app, "/jobs", address)
    assert '"value":"user"' in page.replace(": ", ":")
    assert '"value":"0"' in page.replace(": ", ":")


def test_nonsense_in_the_address_is_the_usual_view(app):
    page = page_of(app, "/jobs", "?by=<script>&min_gpus=many").replace(": ", ":")
    assert '"value":"job_size"' in page
    assert '"value":"128"' in page


def test_a_hostile_user_is_a_row_of_text(app):
    page = parts(shown(app, "user")["jobs-content"]["children"])
    assert HOSTILE in [row["group"] for row in page["jobs-grid"]["rowData"]]
    assert HOSTILE not in json.dumps(page["jobs-shares"]["figure"])


def test_cautions_stand_above_the_charts(app, lake):
    text = json.dumps(shown(app)["jobs-content"])
    assert rel.jobs(lake).warnings
    for warning in rel.jobs(lake).warnings:
        assert json.dumps(warning[1:])[1:-1] in text


def test_a_lake_without_jobs_is_a_friendly_sentence(tmp_path):
    empty = create_app(create_lake(tmp_path / "lake").path)
    assert "it needs jobs (sacct, …) that ran" in json.dumps(shown(empty), ensure_ascii=False)
