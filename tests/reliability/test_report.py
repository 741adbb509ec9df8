"""The report: one file, true to the analyses, sensible for any lake, deaf to hostile logs."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

import reliability as rel
from reliability.errors import OutputError
from reliability.report import write_report
from reliability.report.numbers import number
from tests.lakes import HOSTILE, build_lake, sample_lake

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)


def report_of(lake, folder, **options):
    return write_report(lake, folder / "report.html", lambda: NOW, **options).read_text(encoding="utf-8")


def without_library(page):
    """The page without plotly.js, whose five megabytes would hide what a test looks for."""
    return re.sub(r"<script>(?!\s*\(\(\) =>).*?</script>", "", page, flags=re.DOTALL)


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return sample_lake(tmp_path_factory.mktemp("report") / "lake", days=30, cluster="c<1>")


@pytest.fixture(scope="module")
def page(lake, tmp_path_factory):
    return without_library(report_of(lake, tmp_path_factory.mktemp("written")))


def test_the_first_sentence_says_how_often_nodes_failed(lake, page):
    estimate = rel.rates(lake).groups[0].estimate
    assert f"Nodes failed {estimate.failures} times in {estimate.exposure_days:,.0f} node-days" in page
    assert f"{number(estimate.low_per_1000_days)}–{number(estimate.high_per_1000_days)}, 90%" in page


def test_the_cost_is_that_of_the_causes(lake, page):
    causes = rel.causes(lake)
    assert f"The infrastructure ended {causes.infrastructure_failures} job attempts" in page
    assert f"about {causes.lost_gpu_hours:,.0f} GPU-hours" in page


def test_nothing_is_fetched_from_anywhere(page):
    assert "default-src 'none'" in page
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)


def test_every_figure_is_there_with_data(page):
    drawings = re.findall(r'<script type="application/json" class="drawing">(.*?)</script>', page, re.DOTALL)
    assert len(drawings) >= 10
    assert all(json.loads(drawing)["data"] for drawing in drawings)


def test_text_of_a_log_is_escaped(page):
    assert HOSTILE not in page
    assert "<img" not in page
    assert "Reliability of c&lt;1&gt;" in page


def test_rejects_and_warnings_are_shown(page):
    assert "9 fields, the header has 10" in page
    assert "times without a zone were read as UTC" in page


def test_the_same_lake_gives_the_same_report(lake, page, tmp_path):
    assert without_library(report_of(lake, tmp_path)) == page


def test_a_window_limits_every_number(lake, tmp_path):
    window = {"from_utc": datetime(2026, 1, 5, tzinfo=UTC), "to_utc": datetime(2026, 1, 15, tzinfo=UTC)}
    page = without_library(report_of(lake, tmp_path, **window))
    assert "2026-01-05 00:00 to 2026-01-15 00:00 UTC" in page
    assert "in 240 node-days" in page


def test_jobs_alone_give_a_report_that_says_what_is_missing(tmp_path):
    jobs = [{"nodes": ["n1"], "start_utc": "2026-01-02", "end_utc": "2026-01-03", "state": "COMPLETED"}]
    page = without_library(report_of(build_lake(tmp_path / "lake", jobs=jobs), tmp_path))
    assert "it needs node states" in page
    assert "How job attempts ended" in page
    assert "Node time not available" not in page
    assert "Survival of nodes" not in page
    assert "What these logs cannot say" in page
    assert "The infrastructure ended no job attempt in 1 node-day: its rate is at most 2,996 per 1000 node-days" in page


def test_an_inventory_alone_gives_a_report_with_its_lives(tmp_path):
    gpus = [
        {"component_id": f"{n}", "installed_utc": "2026-01-01", "removed_utc": f"2026-01-{n + 2:02}"} for n in range(9)
    ]
    page = without_library(report_of(build_lake(tmp_path / "lake", components=gpus), tmp_path))
    assert "Survival of GPUs" in page
    assert "Of 9 GPUs in the inventory, 0 failed" in page
    assert "2026-01-01 00:00 to 2026-02-01 00:00 UTC" in page


def test_an_empty_lake_gives_a_report_too(tmp_path):
    page = without_library(report_of(rel.create_lake(tmp_path / "lake"), tmp_path))
    assert "The logs taken in hold no failures" in page


def test_a_folder_that_is_not_there_is_one_clear_line(lake, tmp_path):
    with pytest.raises(OutputError, match="there is no folder"):
        report_of(lake, tmp_path / "nowhere")


def test_a_folder_is_not_overwritten(lake, tmp_path):
    (tmp_path / "report.html").mkdir()
    with pytest.raises(OutputError, match="name a file"):
        report_of(lake, tmp_path)


def test_a_full_disk_leaves_the_old_report_and_nothing_else(tmp_path, monkeypatch):
    lake = rel.create_lake(tmp_path / "lake")
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "report.html").write_text("old")

    def full(self, *args, **kwargs):
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OutputError, match="No space left on device"):
        write_report(lake, folder / "report.html", lambda: NOW)
    assert [entry.name for entry in folder.iterdir()] == ["report.html"]
    assert (folder / "report.html").read_text() == "old"
