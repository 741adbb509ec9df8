"""The dashboard and the report in a real browser: what is shown, what is asked of the network, what keyboards do."""

import json
import re
import threading
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect, sync_playwright
from werkzeug.serving import make_server

from dashboards.app import create_app
from reliability.analyses.overview import overview
from reliability.analyses.plan import FailureRate, measured_rate, plan
from reliability.cli import main
from reliability.report import write_report
from tests.lakes import HOSTILE, sample_lake

pytestmark = pytest.mark.browser

PATIENCE_MILLISECONDS = 60_000
PAPER = {"light": "rgb(255, 255, 255)", "dark": "rgb(30, 34, 39)"}
expect.set_options(timeout=PATIENCE_MILLISECONDS)


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return sample_lake(tmp_path_factory.mktemp("browser") / "lake", days=30)


@pytest.fixture(scope="module")
def address(lake):
    server = make_server("127.0.0.1", 0, create_app(lake.path).server, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def browser(chromium):
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=chromium, args=[*options, "--disable-component-update", "--disable-sync"]
        )
        yield launched
        launched.close()


@pytest.fixture
def visit(browser):
    """Opens pages and, at the end, holds against them every complaint and every request that left this machine."""
    complaints, contexts = [], []

    def opened(url, scheme="light", width=1440):
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MILLISECONDS)
        page.on(
            "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog {dialog.message}"))
        page.on("request", lambda request: None if is_local(request.url) else complaints.append(f"asked {request.url}"))
        page.goto(url)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not complaints


def is_local(url):
    return url.startswith(("http://127.0.0.1:", "file:", "data:", "blob:"))


def ready(page, element_id):
    page.locator(f"#{element_id} .main-svg").first.wait_for()
    return page


def press(page, slider, key, times):
    """Press a key on a slider as a person does, who sees the number change before the next press."""
    number = page.locator(f"#{slider}-number")
    page.locator(f"#{slider} [role=slider]").focus()
    for _ in range(times):
        before = number.input_value()
        page.keyboard.press(key)
        expect(number).not_to_have_value(before)


CHARTS = {
    "/": "overview-availability",
    "/rates": "rates-history",
    "/failures": "failures-weeks",
    "/causes": "causes-rates",
    "/jobs": "jobs-mttf",
    "/lemons": "lemons-scatter",
    "/survival": "survival-curves",
    "/plan": "plan-curve",
    "/topology": "topology-map",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", CHARTS)
def test_every_page_draws_without_a_complaint(visit, address, path, scheme):
    page = ready(visit(address + path, scheme), CHARTS[path])
    assert page.locator("html").get_attribute("data-mantine-color-scheme") == scheme


@pytest.mark.parametrize("path", CHARTS)
def test_no_page_is_wider_than_a_telephone(visit, address, path):
    page = ready(visit(address + path, width=390), CHARTS[path])
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_overview_shows_what_the_analysis_says(visit, address, lake):
    page = ready(visit(address), "overview-availability")
    found = overview(lake)
    estimate = found.node_rates.groups[0].estimate
    expect(page.locator("#overview-node-rate")).to_have_text(f"{estimate.rate_per_1000_days:.1f}")
    expect(page.locator("#overview-nodes")).to_have_text(str(found.node_count))
    expect(page.locator("#overview-lost")).to_have_text(f"{found.causes.lost_gpu_hours:.0f}")


def test_a_shared_plan_is_restored_from_its_address(visit, address):
    page = ready(visit(f"{address}/plan?gpus=16000&rate=6.5&interval=60&restart=5"), "plan-curve")
    expect(page.locator("#plan-gpus-number")).to_have_value("16,000")
    expect(page.locator("#plan-ettr-v1")).to_have_text(f"{plan(16_000, FailureRate(6.5)).ettr_v1:.3f}")


def test_the_plan_starts_from_the_measured_rate_and_its_interval(visit, address, lake):
    page = ready(visit(f"{address}/plan?gpus=512"), "plan-curve")
    planned = plan(512, measured_rate(lake), checkpoint_write_seconds=120)
    expect(page.locator("#plan-ettr-v2")).to_have_text(f"{planned.ettr_v2:.3f}")
    assert f"{planned.ettr_v2_low:.3f}"[:5] in page.locator("#plan-ettr-v2-detail").inner_text()


def test_an_arrow_key_on_a_slider_shows_what_the_command_line_prints(visit, address, capsys):
    command = (
        "plan --gpus 16000 --failures-per-1000-node-days 6.5 --checkpoint-interval 50m --checkpoint-write 2m --json"
    )
    assert main(command.split()) == 0
    printed = json.loads(capsys.readouterr().out)
    page = ready(visit(f"{address}/plan?gpus=16000&rate=6.5"), "plan-curve")
    press(page, "plan-interval", "ArrowLeft", 10)
    expect(page.locator("#plan-interval-number")).to_have_value("50")
    expect(page.locator("#plan-ettr-v1")).to_have_text(f"{printed['ettr_v1']:.3f}")
    expect(page.locator("#plan-ettr-v2")).to_have_text(f"{printed['ettr_v2']:.3f}")
    expect(page).to_have_url(re.compile("interval=50"))
    page.reload()
    expect(ready(page, "plan-curve").locator("#plan-ettr-v1")).to_have_text(f"{printed['ettr_v1']:.3f}")


def test_the_slider_of_gpus_moves_by_powers_of_two(visit, address):
    page = ready(visit(f"{address}/plan?gpus=1024"), "plan-curve")
    press(page, "plan-gpus", "ArrowRight", 8)
    expect(page.locator("#plan-gpus-number")).to_have_value("2,048")


def test_a_typed_number_moves_its_slider(visit, address):
    page = ready(visit(f"{address}/plan"), "plan-curve")
    page.locator("#plan-restart-number").fill("20")
    expect(page.locator("#plan-restart [role=slider]")).to_have_attribute("aria-valuenow", "20")
    expect(page).to_have_url(re.compile("restart=20"))


def test_the_scheme_is_toggled_for_page_and_figures_and_remembered(visit, address):
    page = ready(visit(f"{address}/plan"), "plan-curve")
    paper = page.locator("#plan-curve .main-svg").first
    expect(paper).to_have_css("background-color", PAPER["light"])
    page.locator("#scheme-toggle").click()
    expect(paper).to_have_css("background-color", PAPER["dark"])
    page.reload()
    ready(page, "plan-curve")
    assert page.locator("html").get_attribute("data-mantine-color-scheme") == "dark"


def test_the_menu_leads_from_page_to_page(visit, address):
    page = ready(visit(address), "overview-availability")
    page.get_by_role("link", name="Plan a run").click()
    ready(page, "plan-curve")
    expect(page).to_have_title("Plan a run · Cluster reliability")
    page.go_back()
    ready(page, "overview-availability")


def test_a_filter_is_kept_in_the_address_and_restored(visit, address):
    page = ready(visit(f"{address}/failures?min_gpus=8&from=2026-01-01&to=2026-01-28"), "failures-weeks")
    expect(page.locator("#failures-min-gpus")).to_have_value("more than 8 GPUs")
    expect(page).to_have_url(f"{address}/failures?from=2026-01-01&to=2026-01-28&min_gpus=8")


def test_hostile_text_of_a_log_is_shown_as_text(visit, address):
    page = ready(visit(f"{address}/failures"), "failures-weeks")
    page.locator("#failures-grid .ag-row").first.wait_for()
    page.locator(".ag-header-cell[col-id=job_name] .ag-header-cell-label").click()
    expect(page.locator("#failures-grid [col-id=job_name]").filter(has_text=HOSTILE).first).to_be_visible()
    assert page.locator("img").count() == 0


@pytest.fixture(scope="module")
def report(lake, tmp_path_factory):
    return write_report(
        lake, tmp_path_factory.mktemp("report") / "report.html", lambda: datetime(2026, 3, 5, tzinfo=UTC)
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_draws_from_its_own_file(visit, report, scheme):
    page = visit(report.as_uri(), scheme)
    figures = page.locator(".plot")
    for number in range(figures.count()):
        expect(figures.nth(number).locator(".main-svg").first).to_have_css("background-color", PAPER[scheme])
    assert figures.count() >= 10
    assert page.locator("img").count() == 0


def test_a_printed_report_is_light(visit, report):
    page = visit(report.as_uri(), "dark")
    page.locator(".plot .main-svg").first.wait_for()
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    expect(page.locator(".plot .main-svg").first).to_have_css("background-color", PAPER["light"])
    expect(page.locator("section").first).to_have_css("background-color", PAPER["light"])


#: where on the screen a mark of the map is, by the name of its switch
PLACE_OF_MARK = """name => {
  const graph = document.querySelector("#topology-map .js-plotly-plot");
  graph.scrollIntoView({block: "center"});
  const {xaxis, yaxis, _size} = graph._fullLayout;
  const box = graph.getBoundingClientRect();
  for (const points of graph.calcdata) {
    const data = points[0].trace.customdata || [];
    const found = points.find((point, number) => data[number] && data[number][2] === name);
    if (found) return [box.left + _size.l + xaxis.c2p(found.x), box.top + _size.t + yaxis.c2p(found.y)];
  }
}"""


def test_a_click_on_a_switch_shows_what_its_loss_takes_down(visit, address):
    page = ready(visit(f"{address}/topology?fabric=hpn&set=gpus=1024&more="), "topology-map")
    page.wait_for_load_state("networkidle")
    page.mouse.click(*page.evaluate(PLACE_OF_MARK, "pod0-segment0-rail0-plane0"))
    expect(page.locator("#topology-lost")).to_contain_text("takes no job down")
    expect(page.locator("#topology-slowed")).to_have_text("128")
    expect(page.locator("#topology-left")).to_have_text("50%")
    expect(page).to_have_url(re.compile("component=tor&name=pod0-segment0-rail0-plane0"))
    page.reload()
    expect(ready(page, "topology-map").locator("#topology-slowed")).to_have_text("128")


def test_a_click_on_a_segment_of_a_large_fabric_opens_it(visit, address):
    page = ready(visit(f"{address}/topology?fabric=hpn&set=gpus=15360&more=&compare="), "topology-map")
    page.wait_for_load_state("networkidle")
    page.mouse.click(*page.evaluate(PLACE_OF_MARK, "pod0-segment09-rail0-plane0"))
    expect(page).to_have_url(re.compile("expand=pod0-segment09"))
    expect(page.locator("#topology-content")).to_contain_text("pod0-segment09 in full")
