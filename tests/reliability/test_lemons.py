"""From logs to names: a node that fails again and again is named; neighbours, users and repairs are told apart."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from dashboards.app import create_app
from reliability.analyses.lemon_drains import lemon_back_test
from reliability.analyses.lemons import lemons
from reliability.cli import main
from reliability.errors import BadOptionError, NoDataError
from reliability.figures.lemons import back_test_figure, lemons_figure, node_figure
from reliability.lake import Lake, create_lake
from reliability.report.sections.lemons import lemon_section
from reliability.report.sections.section import Window
from tests.lakes import HOSTILE, build_lake

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
LEMON = "n07"


def lemon_lake(path: Path, *, lemon: bool = True, large_jobs: bool = True) -> Lake:
    """60 nodes, 90 days: each fails now and then, a switch takes five down ten times, one node every fifth day."""
    rng = np.random.default_rng(3)
    names = [f"n{number:02}" for number in range(60)]
    states, jobs = [], []

    def fails(node: str, day: float, symptom: str) -> None:
        begin = BEGIN + timedelta(days=day)
        states.append({"node": node, "from_utc": begin, "to_utc": begin + timedelta(hours=2), "symptom": symptom})
        if large_jobs and day > 3:
            used = sorted({node, *rng.choice(names, 4, replace=False).tolist()})
            run = {"nodes": used, "start_utc": begin - timedelta(hours=9), "end_utc": begin, "gpu_count": 512}
            jobs.append(run | {"state": "NODE_FAIL", "failed_node": node})

    for day in range(1, 89, 3):
        fails(str(rng.choice(names)), day + 0.3, "gpu_memory")
    for day in range(4, 84, 8):
        for node in names[20:25]:
            begin = BEGIN + timedelta(days=day + 0.6, minutes=float(rng.uniform(0, 3)))
            states.append({"node": node, "from_utc": begin, "to_utc": begin + timedelta(hours=1), "symptom": "ib_link"})
    for day in range(2, 88, 5) if lemon else ():
        fails(LEMON, day + 0.8, "pcie")
    for _ in range(150):
        start = BEGIN + timedelta(days=float(rng.uniform(0, 88)))
        jobs.append({"nodes": names[:4], "start_utc": start, "end_utc": start + timedelta(hours=9), "gpu_count": 512})
    for _ in range(200):  # a user whose code fails, on one node alone
        start = BEGIN + timedelta(days=float(rng.uniform(0, 88)))
        end = start + timedelta(minutes=20)
        jobs.append({"nodes": ["n40"], "user": HOSTILE, "start_utc": start, "end_utc": end, "state": "FAILED"})
    return build_lake(
        path,
        nodes=[{"node": name} for name in names],
        node_states=states,
        jobs=[{"job_id": str(number), **row} for number, row in enumerate(jobs)],
        observed_from=BEGIN,
        observed_to=BEGIN + timedelta(days=90),
    )


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return lemon_lake(tmp_path_factory.mktemp("lemons") / "lake")


@pytest.fixture(scope="module")
def found(lake: Lake):
    return lemons(lake)


def test_the_node_that_fails_again_and_again_is_named_and_no_other(found) -> None:
    assert [node.node for node in found.named] == [LEMON]
    lemon = found.nodes[0]
    assert lemon.is_lemon_now
    assert lemon.failures >= 17
    assert lemon.rate.low_per_1000_days > 5 * 1000 * found.fleets[0].fleet.rate_per_day
    assert BEGIN < lemon.since_utc < BEGIN + timedelta(days=30)


def test_nodes_behind_a_bad_switch_are_not_blamed_for_it(found) -> None:
    behind = next(node for node in found.nodes if node.node == "n22")
    assert behind.shared_troubles == 10
    assert behind.failures <= 2
    assert behind.probability < 0.2


def test_a_user_with_bad_code_makes_no_lemon(found) -> None:
    node = next(node for node in found.nodes if node.node == "n40")
    assert node.unexplained_failures == pytest.approx(200)
    assert not node.named_by_model
    assert not node.named_by_rule


def test_nobody_is_named_without_a_lemon(tmp_path: Path) -> None:
    found = lemons(lemon_lake(tmp_path / "lake", lemon=False))
    assert not found.named
    assert any("chance alone" in warning for warning in found.warnings)


def test_outages_alone_are_enough(tmp_path: Path) -> None:
    states = [
        {"node": "n1", "from_utc": BEGIN + timedelta(days=day), "to_utc": BEGIN + timedelta(days=day, hours=1)}
        for day in range(0, 30, 3)
    ]
    lake = build_lake(
        tmp_path / "lake", nodes=[{"node": f"n{n}"} for n in range(40)], node_states=states, covers=["node_states"]
    )
    assert [node.node for node in lemons(lake).named] == ["n1"]


def test_a_fleet_that_never_failed_names_nobody_and_says_so(tmp_path: Path) -> None:
    lake = build_lake(tmp_path / "lake", nodes=[{"node": "n1"}, {"node": "n2"}], covers=["nodes", "node_states"])
    found = lemons(lake)
    assert not found.named
    assert "nobody can be told" in found.warnings[0]
    assert found.nodes[0].rate.high_per_day > 0


def test_what_is_known_on_a_day_does_not_look_ahead(lake: Lake) -> None:
    early = lemons(lake, as_of=BEGIN + timedelta(days=8))
    assert early.to_utc == BEGIN + timedelta(days=8)
    assert not early.named


def test_the_answer_is_one_row_a_node_with_features_and_intervals(found) -> None:
    document = json.loads(json.dumps(found.document(), default=str))
    assert len(document["rows"]) == 60
    assert document["named_by_model"] == [LEMON]
    row = document["rows"][0]
    assert row["low"] < row["rate_per_1000_node_days"] < row["high"]
    assert row["posterior_low"] <= row["posterior_rate_per_1000_node_days"] <= row["posterior_high"]
    assert row["out_count"] >= 5  # of the last 28 days
    assert any("failures of its own" in sentence for sentence in row["evidence"])


def test_the_back_test_takes_away_only_what_named_nodes_ended_later(lake: Lake) -> None:
    test = lemon_back_test(lake)
    by_model = test.outcomes[0]
    assert [node.node for node in by_model.drained] == [LEMON]
    drained = by_model.drained[0]
    assert drained.failures_after > 5 > drained.expected_after
    assert by_model.effect.failed_before.k - by_model.effect.failed_after.k == drained.attempts_saved > 5
    assert by_model.effect.ettr_after.value > by_model.effect.ettr_before.value
    assert 0 < test.rows()[0]["capacity_lost_share"] < 1 / 60


def test_a_log_shorter_than_the_rule_looks_back_has_no_back_test(tmp_path: Path) -> None:
    lake = build_lake(tmp_path / "lake", nodes=[{"node": "n1"}], covers=["node_states"], observed_to="2026-01-09")
    with pytest.raises(NoDataError, match="more than 28 days"):
        lemon_back_test(lake)


@pytest.mark.parametrize("options", [{"fdr": 0.0}, {"window_days": 0.0}, {"rule_days": -1.0}])
def test_options_that_cannot_be_are_refused(lake: Lake, options: dict[str, float]) -> None:
    with pytest.raises(BadOptionError):
        lemons(lake, **options)


def test_an_empty_lake_says_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(NoDataError, match="node states"):
        lemons(create_lake(tmp_path / "lake"))


def test_figures_hold_every_node_and_every_trouble(lake: Lake, found) -> None:
    drawn = sum(len(trace.x) for trace in lemons_figure(found).data if "markers" in trace.mode)
    assert drawn == 60
    line = node_figure(found.nodes[0], found)
    assert sum(len(trace.x) for trace in line.data) == 3 * len(found.nodes[0].troubles)
    assert len(back_test_figure(lemon_back_test(lake)).data) == 3


def test_the_report_lists_who_is_named_and_why(lake: Lake) -> None:
    section = lemon_section(lake, Window(0.9, None, None))
    assert [row[0] for row in section.tables[0].rows if "model" in row[1]] == [LEMON]
    assert "failures of its own" in section.tables[0].rows[0][-1]


def test_the_command_prints_names_evidence_and_json(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lemons", "--lake", str(lake.path)]) == 0
    assert LEMON in capsys.readouterr().out
    assert main(["lemons", "--lake", str(lake.path), "--node", LEMON]) == 0
    printed = capsys.readouterr()
    assert "troubles of n07" in printed.out
    assert "failures of its own" in printed.err
    assert main(["lemons", "--lake", str(lake.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["named_by_model"] == [LEMON]
    assert main(["lemons", "--lake", str(lake.path), "--node", "nowhere"]) == 2
    assert "a node of the fleet" in capsys.readouterr().err
    assert main(["lemons", "--lake", str(lake.path), "--back-test", "--csv"]) == 0
    assert capsys.readouterr().out.startswith("by,drained")


def test_the_page_shows_the_fleet_and_one_node(lake: Lake) -> None:
    from tests.dashboards.test_app import called, page_of

    app = create_app(lake.path)
    assert "lemons-content" in page_of(app, "/lemons", "?node=n07&window_days=28")
    window = {"id": "lemons-window", "property": "value", "value": "all"}
    scheme = {"id": "scheme", "property": "data", "value": "light"}
    content = called(app, "lemons-content.children", [window, scheme]).get_data(as_text=True)
    assert "Failures of each node against those of an ordinary one" in content
    node = {"id": "lemons-node", "property": "value", "value": LEMON}
    detail = called(app, "lemons-detail.children", [window, node, scheme]).get_data(as_text=True)
    assert "Troubles of n07" in detail
    assert "node=n07" in detail
