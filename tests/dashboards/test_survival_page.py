"""The survival page without a browser: its filters come from the address, its cards hold what the analyses say."""

import json

import pytest

from dashboards.app import create_app
from reliability.analyses.life_story import life_story
from reliability.lake import create_lake, open_lake
from tests.dashboards.test_app import called, page_of
from tests.lakes import sample_lake


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    return create_app(sample_lake(tmp_path_factory.mktemp("page") / "lake").path)


@pytest.fixture(scope="module")
def lake_path(tmp_path_factory):
    return sample_lake(tmp_path_factory.mktemp("other") / "lake").path


def shown(app, component="gpu", by="all", model="auto", covariates=(), period=None):
    values = {
        "survival-component": component,
        "survival-by": by,
        "survival-model": model,
        "survival-covariates": list(covariates),
        "survival-period": period,
    }
    inputs = [{"id": key, "property": "value", "value": value} for key, value in values.items()]
    inputs.append({"id": "scheme", "property": "data", "value": "light"})
    answer = called(app, "survival-content.children", inputs)
    assert answer.status_code == 200
    return json.loads(answer.get_data(as_text=True))["response"]


def test_the_filters_are_those_of_the_address(app):
    page = page_of(app, "/survival", "?component=node&by=rack&model=km")
    assert '"value":"node"' in page
    assert '"value":"rack"' in page
    assert '"value":"km"' in page


def test_nonsense_in_the_address_is_read_leniently(app):
    page = page_of(app, "/survival", "?component=zebra&model=zebra&from=yesterday")
    assert '"value":"gpu"' in page
    assert '"value":"auto"' in page


def test_the_cards_hold_what_the_analyses_say(app, lake_path):
    text = json.dumps(shown(app, by="batch"))
    story = life_story(open_lake(lake_path), "gpu", by="batch")
    forecast = story.spares.total.forecast
    assert f"{forecast.low:,}\\u2013{forecast.high:,}" in text
    assert "log-rank" in text
    for card in ("curves", "bathtub", "hazard", "plot", "causes", "spares", "fits"):
        assert f"survival-{card}" in text


@pytest.mark.parametrize("model", ["km", "na", "weibull", "piecewise-exponential"])
def test_every_model_is_drawn_and_kept_in_the_address(app, model):
    response = shown(app, model=model)
    assert f"model={model}" in response["survival-address"]["data"]
    assert "survival-curves" in json.dumps(response)


def test_chosen_covariates_bring_a_forest_plot(app):
    response = shown(app, covariates=["batch"])
    assert "survival-forest" in json.dumps(response)
    assert "covariates=batch" in response["survival-address"]["data"]
    assert "explains no difference" in json.dumps(shown(app, covariates=["cluster"]))


def test_the_page_offers_only_columns_of_the_component(app):
    inputs = [
        {"id": "survival-component", "property": "value", "value": "node"},
        {"id": "survival-by", "property": "value", "value": "batch"},
        {"id": "survival-covariates", "property": "value", "value": ["batch", "rack"]},
    ]
    response = json.loads(called(app, "survival-by.data", inputs).get_data(as_text=True))["response"]
    assert response["survival-by"]["value"] == "all"
    assert response["survival-covariates"]["value"] == ["rack"]
    assert {option["value"] for option in response["survival-by"]["data"]} == {
        "all",
        "cluster",
        "gpu_model",
        "rack",
        "pod",
    }


def test_repairs_and_an_empty_lake_are_answered_too(app, tmp_path):
    assert "survival-curves" in json.dumps(shown(app, component="repair"))
    empty = create_app(create_lake(tmp_path / "lake").path)
    assert "it needs" in json.dumps(shown(empty))
