"""The page of runs without a browser: filters from the address, rows of the analysis, the story of one."""

import json

import pytest

from dashboards.app import create_app
from reliability.analyses.runs import runs
from reliability.lake import create_lake
from tests.dashboards.test_app import called, page_of
from tests.dashboards.test_jobs_page import parts
from tests.lakes import sample_lake


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return sample_lake(tmp_path_factory.mktemp("runs-page") / "lake", days=20)


@pytest.fixture(scope="module")
def app(lake):
    return create_app(lake.path)


def shown(app, min_gpus="0", min_hours="0", run="", period=(None, None)):
    inputs = [
        {"id": "runs-period", "property": "value", "value": list(period)},
        {"id": "runs-min-gpus", "property": "value", "value": min_gpus},
        {"id": "runs-min-hours", "property": "value", "value": min_hours},
        {"id": "runs-run", "property": "value", "value": run},
        {"id": "scheme", "property": "data", "value": "light"},
    ]
    return json.loads(called(app, "runs-content.children", inputs).get_data(as_text=True))["response"]


def test_the_table_shows_what_the_analysis_says(app, lake):
    response = shown(app, min_gpus="8", min_hours="1")
    rows = parts(response["runs-content"]["children"])["runs-grid"]["rowData"]
    found = runs(lake, min_gpus=8, min_hours=1.0).rows()
    assert [row["run_id"] for row in rows] == [row["run_id"] for row in found]
    assert rows[0]["ettr"] == pytest.approx(found[0]["ettr"], abs=1e-4)
    assert response["runs-address"]["data"] == "?min_gpus=8&min_hours=1"


def test_a_run_in_the_address_shows_its_story(app, lake):
    name = runs(lake, most=1).rows()[0]["run_id"]
    response = shown(app, run=f" {name} ")
    assert "runs-story" in parts(response["runs-content"]["children"])
    assert response["runs-address"]["data"] == f"?run={name}"
    assert f'"value":"{name}"' in page_of(app, "/runs", f"?run={name}").replace(": ", ":")


def test_a_run_that_is_not_there_leaves_the_rest_of_the_page(app):
    response = shown(app, run="nothing")
    page = parts(response["runs-content"]["children"])
    assert "runs-story" not in page
    assert "runs-grid" in page
    assert "the story of run nothing" in json.dumps(response)


def test_a_click_on_a_run_asks_for_its_story(app):
    def clicked(column):
        event = {"value": "1007", "colId": column, "rowIndex": 0}
        return called(app, "runs-run.value", [{"id": "runs-grid", "property": "cellClicked", "value": event}])

    assert "1007" in clicked("run_id").get_data(as_text=True)
    assert "1007" not in clicked("ettr").get_data(as_text=True)


def test_nonsense_in_the_address_is_the_usual_view(app):
    page = page_of(app, "/runs", "?min_gpus=many&min_hours=-3&from=yesterday").replace(": ", ":")
    assert page.count('"value":"0"') >= 2


def test_a_lake_without_jobs_is_a_friendly_sentence(tmp_path):
    empty = create_app(create_lake(tmp_path / "lake").path)
    assert "it needs jobs" in json.dumps(shown(empty), ensure_ascii=False)
