"""The rates page: what it shows is what the analyses say, its state is in the address, its choices fit the kind."""

import json

import pytest

from dashboards.app import create_app
from reliability.analyses.rates import rates
from tests.dashboards.test_app import called, page_of
from tests.lakes import sample_lake


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return sample_lake(tmp_path_factory.mktemp("rates") / "lake", days=30)


@pytest.fixture(scope="module")
def app(lake):
    return create_app(lake.path)


def content(app, of="node", by="month", period=None):
    inputs = [("rates-of", "value", of), ("rates-by", "value", by), ("rates-period", "value", period)]
    return called(
        app,
        "rates-content.children",
        [{"id": name, "property": part, "value": value} for name, part, value in inputs]
        + [{"id": "scheme", "property": "data", "value": "light"}],
    )


def test_the_page_shows_what_the_analysis_says(app, lake):
    answer = content(app).get_json()["response"]
    text = json.dumps(answer["rates-content"])
    for group in rates(lake, "node", by="month").groups:
        assert f'"group": "{group.group}", "failures": {group.failures}' in text
    for part in ("rates-groups", "rates-history", "rates-accumulation", "rates-trend", "rates-grid"):
        assert f'"id": "{part}"' in text
    assert answer["rates-address"]["data"] == ""


def test_the_state_is_in_the_address_and_comes_back_from_it(app):
    answer = content(app, of="attempt", by="user", period=["2026-01-02", "2026-01-20"]).get_json()["response"]
    query = answer["rates-address"]["data"]
    assert query == "?of=attempt&by=user&from=2026-01-02&to=2026-01-20"
    page = page_of(app, "/rates", query)
    assert '"value":"attempt"' in page
    assert '"value":"user"' in page
    assert "2026-01-20" in page


def test_jobs_have_no_curve_of_failures_per_unit(app):
    assert "rates-accumulation" not in content(app, of="attempt", by="user").get_data(as_text=True)


def test_the_groups_offered_are_those_of_the_kind(app):
    offered = called(
        app,
        "rates-by.data",
        [{"id": "rates-of", "property": "value", "value": "attempt"}],
        [{"id": "rates-by", "property": "value", "value": "rack"}],
    ).get_json()["response"]["rates-by"]
    assert offered["value"] == "month"
    assert "rack" not in [choice["value"] for choice in offered["data"]]


def test_no_choice_is_offered_twice(app):
    page = page_of(app, "/rates")
    assert page.count('{"value":"node","label":"node"}') + page.count('{"label":"node","value":"node"}') <= 2


def test_an_odd_address_shows_the_usual_page(app):
    page = page_of(app, "/rates", "?of=<script>&by=nothing&from=yesterday")
    assert "<script>" not in page
    assert '"value":"month"' in page


def test_a_lake_without_an_answer_says_what_is_missing(tmp_path):
    from reliability.lake import create_lake

    text = content(create_app(create_lake(tmp_path / "empty").path)).get_data(as_text=True)
    assert "node states" in text
