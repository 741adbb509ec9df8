"""Writing a trace: the same bytes for the same seed, files cut by days, folders of others left alone."""

from __future__ import annotations

import dataclasses
from collections import Counter
from datetime import timedelta

import numpy as np
import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from synthetic_traces import OutputNotEmptyError, UnknownPresetError, write_preset, write_trace, writing
from synthetic_traces.logs.files import Renderer, planned_files
from synthetic_traces.truth.tables import write_lemons
from tests.synthetic_traces.clusters import simulated, troubled
from tests.synthetic_traces.reading import SYSLOG, moment, table, text_of


def contents(summary):
    return {path.relative_to(summary.out).as_posix(): path.read_bytes() for path in summary.files}


@pytest.fixture(scope="module")
def rewritten(tmp_path_factory):
    """The preset and seed of `tiny` again, over what an earlier trace left behind; and the progress it reported."""
    out = tmp_path_factory.mktemp("rewritten")
    readme = out / "truth" / "README.txt"
    readme.parent.mkdir()
    readme.write_text("Synthetic cluster trace with its truth\npreset tiny, seed 1\n")
    fractions = []
    return write_preset("tiny", seed=7, out=out, progress=fractions.append), fractions


@pytest.fixture(scope="module")
def rotated(tmp_path_factory):
    """The troubled cluster, written by one process."""
    return write_trace(troubled(), 0, tmp_path_factory.mktemp("rotated"))


def test_equal_seeds_give_equal_bytes_even_over_an_earlier_trace(tiny, rewritten):
    again, _ = rewritten
    assert [path.relative_to(again.out) for path in again.files] == [path.relative_to(tiny.out) for path in tiny.files]
    assert contents(again) == contents(tiny)


def test_progress_rises_to_one(rewritten):
    _, fractions = rewritten
    assert len(fractions) > 10
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_the_number_of_processes_does_not_change_a_byte(rotated, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "_WORTH_PROCESSES", 0)
    fractions = []
    shared = write_trace(troubled(), 0, tmp_path, fractions.append, processes=2)
    assert contents(shared) == contents(rotated)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_a_rotated_trace_holds_every_attempt_once_in_the_period_of_its_end(rotated):
    spec, found = troubled(), []
    paths = sorted(rotated.out.glob("slurm/sacct-*.psv.zst"))
    assert [path.name[6:16] for path in paths] == ["2026-01-01", "2026-01-04", "2026-01-07", "2026-01-10"]
    for path in paths:
        begin = moment(path.name[6:16])
        end = min(begin + timedelta(days=3), spec.start_utc + timedelta(days=spec.days))
        for row in table(text_of(path).splitlines()):
            found += [(row["JobIDRaw"], row["Submit"])] if "." not in row["JobIDRaw"] else []
            if row["End"] == "Unknown":
                assert path == paths[-1]
            else:
                assert begin <= moment(row["End"]) < end or (path == paths[-1] and moment(row["End"]) == end)
    truth = pq.read_table(rotated.out / "truth" / "attempts.parquet").to_pylist()
    assert Counter(found) == Counter((str(a["job_id_raw"]), f"{a['submit_utc']:%Y-%m-%dT%H:%M:%S}") for a in truth)


def test_what_ends_at_midnight_is_told_once():
    case = simulated(troubled(), 0)
    attempts = case.history.attempts
    end = attempts.end.copy()
    cut = 3 * 86400
    (chosen,) = np.flatnonzero((attempts.start < cut) & (end > cut))[:1]
    end[chosen] = cut
    history = dataclasses.replace(case.history, attempts=dataclasses.replace(attempts, end=end))
    renderer = Renderer(case.spec, case.plant, history, None, 0)
    files = [file for file in planned_files(case.spec, history, None) if file.source == "accounting"]
    told = Counter(
        row["JobIDRaw"] + row["Submit"] for file in files for row in table(renderer.lines(file)) if row["QOS"]
    )
    assert told.total() == len(attempts)
    assert set(told.values()) == {1}


def test_the_lines_of_a_period_lie_in_it(rotated):
    errors = dict(
        pq.read_table(rotated.out / "truth" / "nodes.parquet", columns=["node", "clock_error_seconds"])
        .to_pandas()
        .itertuples(index=False)
    )
    paths = sorted(rotated.out.glob("kernel/syslog-*.log.zst"))
    assert len(paths) == 4
    for path in paths:
        begin = moment(path.name[7:17])
        for line in text_of(path).splitlines():
            _, stamp, node, *_ = SYSLOG.fullmatch(line).groups()
            true = moment(stamp.removesuffix("Z")) - timedelta(seconds=errors[node])
            assert begin - timedelta(seconds=1e-5) <= true <= begin + timedelta(days=3)


def test_packed_or_not_a_log_says_the_same(rotated, tmp_path):
    spec = replace(troubled(), logs=replace(troubled().logs, compress=False))
    plain = write_trace(spec, 0, tmp_path)
    for path in plain.files:
        name = path.relative_to(plain.out)
        if name.parts[0] != "truth":
            packed = rotated.out / f"{name}.zst"
            assert text_of(path) == text_of(packed if packed.exists() else rotated.out / name)


def test_a_trace_has_all_kinds_of_files(rotated):
    kinds = Counter(path.relative_to(rotated.out).parts[0] for path in rotated.files)
    assert set(kinds) == {"slurm", "kernel", "fabric", "training", "serving", "truth"}
    assert kinds["slurm"] == 4 + 3
    assert all(path.stat().st_size for path in rotated.files)


def test_logs_of_an_earlier_trace_are_removed_and_what_others_put_there_is_not(stormy_spec, tmp_path):
    earlier = write_trace(troubled(), 0, tmp_path)
    names = ("notes.txt", "slurm/notes.txt", "kernel/mine.log", "truth/mine.parquet", "other/a")
    foreign = [tmp_path / name for name in names]
    for path in foreign:
        path.parent.mkdir(exist_ok=True)
        path.write_text("years of work")
    spec = replace(stormy_spec, days=2, warm_up_days=0)
    later = write_trace(spec, 1, tmp_path)
    assert not set(later.files) >= set(earlier.files)
    left = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert left == set(later.files) | set(foreign)
    assert all(path.read_text() == "years of work" for path in foreign)


def test_an_interrupted_trace_may_be_completed(stormy_spec, tmp_path):
    def stop(fraction):
        if fraction > 0.62:
            raise KeyboardInterrupt

    spec = replace(stormy_spec, days=2, warm_up_days=0)
    with pytest.raises(KeyboardInterrupt):
        write_trace(spec, 1, tmp_path / "out", stop)
    completed = write_trace(spec, 1, tmp_path / "out")
    assert contents(completed) == contents(write_trace(spec, 1, tmp_path / "again"))


def test_an_unknown_preset_is_refused_with_the_known_names(tmp_path):
    with pytest.raises(UnknownPresetError, match="tiny"):
        write_preset("huge", seed=0, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path):
    precious = tmp_path / "thesis.txt"
    precious.write_text("years of work")
    with pytest.raises(OutputNotEmptyError, match="not an earlier synthetic trace"):
        write_preset("tiny", seed=0, out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(OutputNotEmptyError):
        write_preset("tiny", seed=0, out=precious)
    assert precious.read_text() == "years of work"


def test_what_was_simulated_is_what_was_written(rotated):
    case = simulated(troubled(), 0)
    assert rotated.attempts == len(case.attempts)
    assert rotated.faults == sum(fault.kind == "critical" for fault in case.history.faults)
    ledger = pq.read_table(rotated.out / "truth" / "ledger.parquet").to_pylist()
    assert {row["bucket"]: row["gpu_seconds"] for row in ledger} == case.history.ledger_gpu_seconds
    lemons = pq.read_table(rotated.out / "truth" / "lemons.parquet").to_pylist()
    assert [(row["node"], row["symptom"]) for row in lemons] == [
        (troubled().fleet.node_names[lemon.node], lemon.symptom) for lemon in case.plant.lemons.values()
    ]
    assert sum(row["faults"] for row in lemons) == sum(fault.lemon for fault in case.history.faults)
    events = pq.read_table(rotated.out / "truth" / "domain_events.parquet").to_pylist()
    assert [len(row["nodes"]) for row in events] == [len(event.nodes) for event in case.history.domain_events]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("cured_share", [0.0, 0.5])
def test_the_exposure_of_a_lemon_is_its_time_in_service_until_it_is_cured(seed, cured_share, tmp_path):
    asked = troubled()
    case = simulated(replace(asked, lemons=replace(asked.lemons, cured_share=cured_share)), seed)
    write_lemons(case.spec, case.plant, case.history, tmp_path / "lemons.parquet")
    for row in pq.read_table(tmp_path / "lemons.parquet").to_pylist():
        node = asked.fleet.node_names.index(row["node"])
        since = case.plant.lemons[node].from_seconds
        cures = [fault.time_seconds for fault in case.history.faults if fault.cured and fault.node == node]
        until = min(cures, default=case.spec.seconds)
        served = sum(max(0.0, min(end, until) - max(begin, since)) for n, begin, end in case.service() if n == node)
        assert row["cured"] == bool(cures)
        assert row["to_utc"] == asked.start_utc + timedelta(seconds=until)
        assert row["exposure_node_days"] == pytest.approx(served / 86400, abs=1e-9)
