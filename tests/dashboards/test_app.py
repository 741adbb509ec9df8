"""The app without a browser: its pages are served, its components hold what the analyses say, nothing is foreign."""

import json
import socket

import pytest

from dashboards.answers import Answers
from dashboards.app import create_app, serve
from dashboards.components import answered, chart, tile
from dashboards.pages import PAGES
from dashboards.pages.plan import CONTROLS, NO_MODEL, SWEEP
from dashboards.pages.plan_fabric import NO_FABRIC
from reliability.analyses.plan import FailureRate, plan
from reliability.analyses.plan_model import planned_model
from reliability.analyses.plan_sweep import SWEPT
from reliability.analyses.status import status
from reliability.errors import LakeNotFoundError, NoDataError, OutputError
from reliability.figures.plan import plan_figure
from reliability.lake import create_lake
from tests.lakes import add_ingest, build_lake


def called(app, output, inputs, state=()):
    """What a callback of the app answers, as the browser would ask it."""
    callback = next(key for key in app.callback_map if output in key)
    body = {
        "output": callback,
        "outputs": [
            {"id": part.rsplit(".", 1)[0], "property": part.rsplit(".", 1)[1].split("@")[0]}
            for part in callback.strip(".").split("...")
        ],
        "inputs": inputs,
        "state": list(state),
        "changedPropIds": [],
    }
    if not callback.startswith(".."):
        body["outputs"] = body["outputs"][0]
    return app.server.test_client().post("/_dash-update-component", json=body)


def page_of(app, path, search=""):
    return called(
        app,
        "page.children",
        [{"id": "url", "property": "pathname", "value": path}],
        [{"id": "url", "property": "search", "value": search}],
    ).get_data(as_text=True)


@pytest.fixture
def app(tmp_path):
    jobs = [{"nodes": ["n1"], "start_utc": "2026-01-02", "end_utc": "2026-01-03"}]
    return create_app(build_lake(tmp_path / "lake", jobs=jobs).path)


def test_a_missing_lake_is_said_at_once(tmp_path):
    with pytest.raises(LakeNotFoundError):
        create_app(tmp_path / "nowhere")


def test_a_port_in_use_is_one_clear_line(tmp_path):
    path = create_lake(tmp_path / "lake").path
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OutputError, match=f"127.0.0.1:{port}: cannot listen there: Address already in use"):
            serve(path, port=port)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.title)
def test_every_page_has_a_title_and_a_description(app, page):
    head = app.server.test_client().get(page.path).get_data(as_text=True)
    assert f"<title>{page.title} · Cluster reliability</title>" in head
    assert f'<meta name="description" content="{page.description}">' in head


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.title)
def test_no_page_names_another_host(app, page):
    response = app.server.test_client().get(page.path)
    text = response.get_data(as_text=True)
    assert 'src="http' not in text
    assert 'href="http' not in text
    assert response.headers["Content-Security-Policy"].startswith("default-src 'self'")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.title)
def test_every_page_is_laid_out_from_any_query(app, page):
    nonsense = "?gpus=many&rate=-5&from=yesterday&to=<script>&min_gpus=nan&interval=1e999"
    assert '"className":"page"' in page_of(app, page.path, nonsense).replace(": ", ":")


def test_an_unknown_page_leads_back_to_the_menu(app):
    assert "There is no such page" in page_of(app, "/nothing")


def test_an_empty_lake_is_a_friendly_sentence(tmp_path):
    app = create_app(create_lake(tmp_path / "lake").path)
    inputs = [
        {"id": "overview-period", "property": "value", "value": None},
        {"id": "scheme", "property": "data", "value": "light"},
    ]
    assert "This lake is empty" in called(app, "overview-content.children", inputs).get_data(as_text=True)


def test_failures_without_logs_of_jobs_or_nodes_say_what_they_need(tmp_path):
    app = create_app(create_lake(tmp_path / "lake").path)
    inputs = [
        {"id": "failures-period", "property": "value", "value": [None, None]},
        {"id": "failures-min-gpus", "property": "value", "value": "0"},
        {"id": "scheme", "property": "data", "value": "dark"},
    ]
    assert (
        "it needs jobs (sacct, …) or node states"
        in json.loads(called(app, "failures-content.children", inputs).get_data(as_text=True))["response"][
            "failures-content"
        ]["children"]["props"]["children"]
    )


def plan_tiles(app, **values):
    usually = {"model": NO_MODEL, "sweep": SWEEP, "fabric": NO_FABRIC, "against": NO_FABRIC}
    chosen = {name: values.pop(name, usual) for name, usual in usually.items()}
    given = {control.name: control.default for control in CONTROLS} | values
    inputs = [{"id": f"plan-{name}-number", "property": "value", "value": value} for name, value in given.items()]
    inputs.append({"id": "scheme", "property": "data", "value": "light"})
    inputs += [{"id": f"plan-{name}", "property": "value", "value": value} for name, value in chosen.items()]
    response = json.loads(called(app, "plan-content.children", inputs).get_data(as_text=True))["response"]
    found = {}

    def walk(node):
        if isinstance(node, dict):
            props = node.get("props", {})
            if str(props.get("id", "")).startswith("plan-") and isinstance(props.get("children"), str):
                found[props["id"]] = props["children"]
            for item in node.values():
                walk(item)
        elif isinstance(node, list):
            for item in node:
                walk(item)

    walk(response["plan-content"])
    return found, response["plan-address"]["data"]


def test_the_plan_shows_what_the_analysis_says(app):
    shown, address = plan_tiles(app, gpus=16_000, rate=6.5, interval=60, write=5, restart=5, queue=1)
    planned = plan(
        16_000, FailureRate(6.5), checkpoint_write_seconds=300, queue_wait_seconds=60, checkpoint_interval_seconds=3600
    )
    assert shown["plan-ettr-v1"] == f"{planned.ettr_v1:.3f}"
    assert shown["plan-ettr-v2"] == f"{planned.ettr_v2:.3f}"
    assert shown["plan-mttf"] == f"{planned.mttf_hours:.2f}"
    assert shown["plan-young"] == f"{planned.interval_young_minutes:.1f}"
    assert shown["plan-daly"] == f"{planned.interval_daly_minutes:.1f}"
    assert shown["plan-optimum"] == f"{planned.interval_v2_optimal_minutes:.1f}"
    assert address == "?gpus=16000&write=5&queue=1"


def test_a_plan_as_offered_needs_no_query(app):
    assert plan_tiles(app)[1] == ""


def test_a_model_writes_its_own_checkpoint_over_the_storage(app):
    chosen = {"gpus": 16_384, "rate": 3.79, "interval": 10, "storage": 2000}
    shown, address = plan_tiles(app, model="llama-3.1-405b", sweep="gpus", write=30, **chosen)
    written = planned_model("llama-3.1-405b").write_seconds(2000)
    planned = plan(16_384, FailureRate(3.79), checkpoint_interval_seconds=600, checkpoint_write_seconds=written)
    assert shown["plan-ettr-exact"] == f"{planned.ettr_exact:.3f}"
    assert shown["plan-exact-interval"] == f"{planned.interval_exact_minutes:.1f}"
    assert address.endswith("&model=llama-3.1-405b&sweep=gpus")


def test_a_shared_address_with_an_unknown_model_still_opens(app):
    assert '"plan-model"' in page_of(app, "/plan", "?model=gpt-17&sweep=zebra&detection=many")


@pytest.mark.parametrize("name", SWEPT)
def test_every_number_can_be_swept_and_stands_beside_the_simulation(app, name):
    inputs = [{"id": f"plan-{c.name}-number", "property": "value", "value": c.default} for c in CONTROLS]
    inputs.append({"id": "scheme", "property": "data", "value": "dark"})
    inputs += [
        {"id": f"plan-{what}", "property": "value", "value": v} for what, v in (("model", NO_MODEL), ("sweep", name))
    ]
    answer = called(app, "plan-comparisons.children", inputs).get_data(as_text=True)
    assert '"plan-swept"' in answer
    assert '"plan-judged"' in answer


def test_free_checkpoints_have_no_best_interval(app):
    shown, _ = plan_tiles(app, write=0)
    assert shown["plan-optimum"] == shown["plan-young"] == "–"


def test_an_answer_is_kept_until_the_lake_changes(tmp_path):
    job = {"nodes": ["n1"], "start_utc": "2026-01-02", "end_utc": "2026-01-03"}
    lake = build_lake(tmp_path / "lake", jobs=[job])
    answers = Answers(lake.path)
    first = answers.ask(status)
    assert answers.ask(status) is first
    add_ingest(lake, jobs=[job | {"job_id": "2"}])
    assert answers.ask(status) is not first
    assert len(answers.ask(status).files) == 2


def test_answers_to_different_questions_are_kept_apart(tmp_path):
    answers = Answers(create_lake(tmp_path / "lake").path)

    def question(lake, **options):
        return options

    assert answers.ask(question, min_gpus=8) == {"min_gpus": 8}
    assert answers.ask(question, min_gpus=9) == {"min_gpus": 9}


def test_an_error_becomes_a_sentence():
    def fail():
        raise NoDataError("rates", "jobs")

    made = answered(fail)
    assert made.children == "Nothing in this lake answers 'rates': it needs jobs."


def test_a_tile_shows_name_number_and_detail_and_the_number_bears_the_id():
    name, value, detail = tile("a", "Nodes", "12", "in 1 cluster").children
    assert (name.children, value.children, detail.children) == ("Nodes", "12", "in 1 cluster")
    assert (value.id, detail.id) == ("a", "a-detail")


def test_a_chart_says_its_title_its_n_and_its_definition():
    figure = plan_figure(plan(16_000, FailureRate(6.5)))
    card = chart("curve", figure, "What `it` is.", dark=True)
    title, subtitle, graph, definition = card.children
    assert title.children == "Expected ETTR of 16,000 GPUs over the checkpoint interval"
    assert subtitle.children.startswith("6.5 failures per 1000 node-days")
    assert definition.children[1].children == "What it is."
    assert graph.figure.layout.title.text is None
    assert graph.figure.layout.template.layout.paper_bgcolor == "#1e2227"
