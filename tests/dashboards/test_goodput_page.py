"""The goodput page without a browser: filters from the address, numbers of the analysis, a sentence without any."""

import json

import pytest

from dashboards.app import create_app
from reliability.analyses.goodput import goodput
from reliability.lake import create_lake
from tests.dashboards.test_app import called, page_of
from tests.dashboards.test_jobs_page import parts
from tests.lakes import HOSTILE, sample_lake


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return sample_lake(tmp_path_factory.mktemp("goodput-page") / "lake", days=20)


@pytest.fixture(scope="module")
def app(lake):
    return create_app(lake.path)


def shown(app, unit="", by="job_size", price="", watts="", period=(None, None)):
    values = {"unit": unit, "by": by, "price": price, "watts": watts, "period": list(period)}
    inputs = [{"id": f"goodput-{name}", "property": "value", "value": value} for name, value in values.items()]
    inputs.append({"id": "scheme", "property": "data", "value": "light"})
    return json.loads(called(app, "goodput-content.children", inputs).get_data(as_text=True))["response"]


def test_the_page_shows_what_the_analysis_says(app, lake):
    response = shown(app, by="user", price=2)
    found, page = goodput(lake, by="user", gpu_hour_price=2), parts(response["goodput-content"]["children"])
    productive = found.buckets["productive"] / found.capacity_hours
    assert page["goodput-productive"]["children"] == f"{productive:.1%}"
    assert f"{found.loss.first_order.events} events" in page["goodput-lost-detail"]["children"]
    assert [row["user"] for row in page["goodput-groups"]["rowData"]] == [group.name for group in found.groups]
    assert page["goodput-lost"]["children"]
    assert {"goodput-ledger", "goodput-days", "goodput-causes"} <= set(page)
    assert response["goodput-address"]["data"] == "?by=user&price=2"


def test_the_usual_view_needs_no_query_and_any_other_is_in_the_address(app):
    assert shown(app)["goodput-address"]["data"] == ""
    address = shown(app, "node", "cause", 2, 700, ("2026-01-02", "2026-01-10"))["goodput-address"]["data"]
    assert address == "?unit=node&by=cause&price=2&watts=700&from=2026-01-02&to=2026-01-10"
    page = page_of(app, "/goodput", address).replace(": ", ":")
    for value in ('"node"', '"cause"', "2", "700"):
        assert f'"value":{value}' in page


def test_a_hostile_user_is_a_row_of_text(app):
    page = parts(shown(app, by="user")["goodput-content"]["children"])
    assert HOSTILE in [row["user"] for row in page["goodput-groups"]["rowData"]]
    assert HOSTILE not in json.dumps([page[name]["figure"] for name in ("goodput-ledger", "goodput-days")])


def test_a_lake_without_jobs_gets_a_sentence(tmp_path):
    empty = create_app(create_lake(tmp_path / "empty").path)
    assert "jobs with the nodes they ran on" in json.dumps(shown(empty))
