"""``reliability plan``: its keys, its ways to give a rate, its sweeps, and one line for each mistake."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliability.analyses.plan_sweep import SWEPT
from reliability.cli import main
from reliability.cli.sweep_option import sweep_range
from reliability.errors import BadOptionError

Asked = Callable[..., dict[str, Any]]
RATE = ("--failures-per-1000-node-days", 6.5)
LLAMA = ("--gpus", 16_384, "--failures", 419, "--exposure-days", 54)


@pytest.fixture
def asked(capsys: pytest.CaptureFixture[str]) -> Asked:
    """``asked("--gpus", 8)``: the JSON document of the plan."""

    def call(*arguments: object) -> dict[str, Any]:
        status = main(["plan", *map(str, arguments), "--json"])
        captured = capsys.readouterr()
        assert status == 0, captured.err
        document: dict[str, Any] = json.loads(captured.out)
        return document

    return call


def test_a_plan_bears_the_contracts_names(asked: Asked) -> None:
    assert set(asked("--gpus", 1024, *RATE)) >= {
        "ettr_exact",
        "ettr_simulated",
        "ettr_low",
        "ettr_high",
        "interval_exact_minutes",
        "checkpoint_bytes",
        "parameters",
        "sensitivity",
        "days_to_finish",
        "gpu_hours_to_finish",
        "interruptions_expected",
        "probability_by_date",
        "spares_needed",
        "largest_gpus",
        "ettr_v1",
        "ettr_v2",
        "mttf_hours",
        "definition",
        "warnings",
    }


def test_a_model_and_a_storage_make_the_write_time(asked: Asked) -> None:
    found = asked("--gpus", 16_384, *RATE, "--model", "llama-3.1-405b", "--storage-gbps", 2000)
    assert found["parameters"] == 405_853_388_800
    assert found["checkpoint_write_minutes"] * 60 == pytest.approx(found["checkpoint_bytes"] * 8 / 2000e9)
    assert found["interval_exact_minutes"] == pytest.approx(found["interval_young_minutes"], rel=0.05)


def test_counts_of_a_run_give_its_rate_with_an_interval(asked: Asked) -> None:
    by_days = asked(*LLAMA)
    by_node_days = asked("--gpus", 16_384, "--failures", 419, "--node-days", 54 * 2048)
    assert by_days["mttf_hours"] == pytest.approx(3.09, abs=0.005)
    assert by_days["rate_source"] == "counted"
    assert by_days["ettr_low"] < by_days["ettr_exact"] < by_days["ettr_high"]
    assert by_days["ettr_exact"] == by_node_days["ettr_exact"]


def test_llama_3s_nine_tenths_lie_in_the_range_under_stated_overheads(asked: Asked) -> None:
    found = asked(*LLAMA, "--model", "llama-3.1-405b", "--storage-gbps", 2000, "--checkpoint-interval", "10m")
    assert found["restart_overhead_minutes"] == 5
    assert found["ettr_high"] > found["ettr_low"] > 0.9


def test_when_a_run_is_done_is_told_from_the_start_given(asked: Asked) -> None:
    work = ("--productive-time", "54d", "--checkpoint-interval", "10m", "--start", "2026-01-01")
    early, late = (asked(*LLAMA, *work, "--finish-by", day) for day in ("2026-02-20", "2026-03-31"))
    assert (early["start_utc"], early["finish_by_utc"]) == ("2026-01-01T00:00:00Z", "2026-02-20T00:00:00Z")
    assert (early["probability_by_date"], late["probability_by_date"]) == (0, 1)
    assert early["days_to_finish_low"] < early["days_to_finish"] < early["days_to_finish_high"]


def test_a_run_without_an_end_says_nothing_of_its_end(asked: Asked) -> None:
    found = asked("--gpus", 1024, *RATE)
    assert (found["days_to_finish"], found["probability_by_date"]) == (None, None)


def test_the_seed_is_told_and_decides_the_simulation(asked: Asked) -> None:
    first, again, other = (asked("--gpus", 4096, *RATE, "--seed", seed) for seed in (1, 1, 2))
    assert first["seed"] == 1
    assert first["ettr_simulated"] == again["ettr_simulated"] != other["ettr_simulated"]


def test_simulated_means_no_spares_unless_asked_for(asked: Asked) -> None:
    bare = asked("--gpus", 16_384, *RATE)
    assert any("no spares" in note for note in bare["notes"])
    short = asked("--gpus", 16_384, *RATE, "--spares", 1, "--repair-time", "2d")
    assert short["ettr_simulated"] < bare["ettr_simulated"]
    assert any("spare nodes: 1," in note for note in short["notes"])


def test_a_sweep_of_gpus_doubles_and_the_ettr_falls(asked: Asked) -> None:
    rows = asked("--gpus", 4096, *RATE, "--checkpoint-write", "1m", "--sweep", "gpus=1k..128k")["sweep"]["rows"]
    assert [row["gpus"] for row in rows] == [1024 * 2**step for step in range(8)]
    ettr = [row["ettr_exact"] for row in rows]
    assert ettr == sorted(ettr, reverse=True)


def test_a_sweep_of_intervals_is_told_in_minutes(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = ("--sweep", "checkpoint-interval=5m..4h", "--steps", 3)
    rows = asked("--gpus", 4096, *RATE, *sweep)["sweep"]["rows"]
    assert [round(row["checkpoint_interval_minutes"], 1) for row in rows] == [5.0, 34.6, 240.0]
    assert main(["plan", "--gpus", "4096", *map(str, (*RATE, *sweep)), "--csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + 3


def test_a_plan_without_a_sweep_is_one_row_of_csv(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--gpus", "4096", *map(str, RATE), "--csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        (*RATE, "--target-ettr", 1.2),
        (*RATE, "--target-ettr", -0.1),
        (*RATE, "--model", "gpt-17"),
        (*RATE, "--model", "/no/such/config.json"),
        (*RATE, "--storage-gbps", 2000),
        (*RATE, "--model", "llama-3.1-8b", "--storage-gbps", 0),
        (*RATE, "--model", "llama-3.1-8b", "--storage-gbps", 100, "--checkpoint-write", "1m"),
        (*RATE, "--checkpoint-stall", "1m"),
        (*RATE, "--sweep", "gpus"),
        (*RATE, "--sweep", "gpus=8k..1k"),
        (*RATE, "--sweep", "gpus=0..1k"),
        (*RATE, "--sweep", "zebra=1..2"),
        (*RATE, "--sweep", "checkpoint_interval=5..4h"),
        (*RATE, "--steps", 4),
        (*RATE, "--finish-by", "2026-02-01"),
        (*RATE, "--finish-by", "2020-01-01", "--productive-time", "1d"),
        (*RATE, "--finish-by", "soon", "--productive-time", "1d"),
        (*RATE, "--productive-time", "0d"),
        (*RATE, "--failures", 3, "--node-days", 100),
        ("--failures", 3),
        ("--failures", 3, "--node-days", 100, "--exposure-days", 1),
        ("--failures", 3, "--node-days", 0),
        ("--failures", 0, "--exposure-days", 0),
        ("--node-days", 100),
        (*RATE, "--spares", -1),
    ],
    ids=lambda arguments: " ".join(map(str, arguments)),
)
def test_a_users_mistake_is_one_line_and_exit_2(
    arguments: tuple[object, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["plan", "--gpus", "1024", *map(str, arguments), "--json"])
    captured = capsys.readouterr()
    assert (status, captured.out) == (2, "")
    assert captured.err.startswith("reliability: ")
    assert len(captured.err.strip().splitlines()) == 1


def test_an_unknown_model_lists_those_that_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    main(["plan", "--gpus", "8", *map(str, RATE), "--model", "gpt-17"])
    assert "llama-3.1-405b" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"model_type": "llama"}', '{"model_type": 7}', "\x00\xff"])
def test_a_broken_configuration_is_one_line_that_names_the_file(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "config.json"
    place.write_bytes(content.encode("latin-1"))
    assert main(["plan", "--gpus", "8", *map(str, RATE), "--model", str(place)]) == 2
    assert str(place) in capsys.readouterr().err


def test_no_failure_counted_is_told_as_a_bound(asked: Asked) -> None:
    found = asked("--gpus", 4096, "--failures", 0, "--node-days", 1000)
    assert (found["mttf_hours"], found["ettr_exact"]) == (None, None)
    assert 0 < found["ettr_low"] < 1
    assert any("no failure in 1000 node-days" in warning for warning in found["warnings"])


@given(st.integers(1, 1000), st.integers(1, 1000), st.sampled_from("km"))
def test_a_suffix_multiplies_by_powers_of_1024(low: int, more: int, suffix: str) -> None:
    times = {"k": 1024, "m": 1024**2}[suffix]
    assert sweep_range(f"gpus={low}{suffix}..{low + more}{suffix.upper()}") == (
        "gpus",
        low * times,
        (low + more) * times,
    )


@given(st.text(max_size=30))
def test_any_text_is_a_range_or_one_clear_error(text: str) -> None:
    try:
        name, low, high = sweep_range(text)
    except BadOptionError as error:
        assert str(error).startswith("--sweep ")  # noqa: PT017 - either outcome will do
    else:
        assert name in SWEPT
        assert low >= 0
        assert high >= 0
