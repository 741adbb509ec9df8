"""Training logs: what the golden pairs do not show well; the numbers of the ETTR formulas can be had from the lake."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.opening import InputFile
from ingest.source import Options
from ingest.training.log import TrainingLog
from reliability.lake import Lake
from reliability.schema import TABLES

Feed = Callable[..., Any]
Rows = Callable[..., list[dict[str, Any]]]
CASES = Path(__file__).parents[1] / "cases" / "training-log"

MEGATRON = (
    " [{stamp}] iteration {step:8d}/ 1000 | consumed samples: 1 | elapsed time per iteration (ms): 1000.0 | loss: 1 |"
)
SACCT = """JobID|JobIDRaw|Cluster|State|Submit|Start|End|NNodes
4711|4711|c|NODE_FAIL|2025-04-13T23:00:00|2025-04-13T23:30:00|2025-04-14T01:00:00|2
"""


def test_u0_w_and_the_checkpoint_interval_are_measured_from_the_lake(feed: Feed, lake: Lake) -> None:
    """Job start → first step's end, the time training waited for a save, and from one save to the next."""
    feed(SACCT, CASES / "megatron.input")
    tables = ("jobs", "training_steps", "checkpoints")
    with duckdb.connect() as connection:
        for table in tables:
            connection.read_parquet([str(path) for path in lake.files(table)]).create_view(table)
        measured = connection.execute(
            """
            with first_steps as (
                select job_id, min_by(epoch(time_utc), step) as ended, min(step) as step from training_steps group by 1
            ), saves as (
                select job_id, epoch(started_utc) as began, duration_seconds,
                    epoch(started_utc) - lag(epoch(started_utc)) over (partition by job_id order by step) as since_last
                from checkpoints where action = 'saved' and kind = 'blocking'
            )
            select
                first_steps.ended - epoch(jobs.start_utc) as u0_seconds,
                (select max(duration_seconds) from saves where saves.job_id = jobs.job_id) as w_seconds,
                (select max(since_last) from saves where saves.job_id = jobs.job_id) as interval_seconds
            from jobs inner join first_steps using (job_id)
            """
        ).fetchall()
    assert measured == [(672.0, 24.89513, 35.0)]


def test_a_log_that_names_its_job_is_joined_to_it_and_the_option_wins(feed: Feed, rows: Rows) -> None:
    line = MEGATRON.format(stamp="2025-01-01 00:00:10", step=10)
    feed(f"SLURM_JOB_ID=12\n{line}\n")
    assert [row["job_id"] for row in rows("training_steps")] == ["12"]
    feed(f"SLURM_JOB_ID=12\n{line}\n", job="13")
    assert sorted(row["job_id"] for row in rows("training_steps")) == ["12", "13"]


@pytest.mark.parametrize("lines", range(2, 28))
def test_what_a_part_of_a_log_tells_the_whole_tells_under_the_same_keys(lines: int, tmp_path: Path) -> None:
    """A log is taken in again when it grew: what was known of it before must be replaced, not doubled."""

    def keys(content: bytes) -> set[tuple[Any, ...]]:
        path = tmp_path / "slurm-4711.out"
        path.write_bytes(content)
        tables = [table for chunk in TrainingLog().read(InputFile(path), Options()) for table in chunk.tables.items()]
        return {
            (name, *(row[column] for column in TABLES[name].key if column in row))
            for name, table in tables
            for row in table.to_pylist()
        }

    whole = (CASES / "megatron.input").read_bytes()
    assert keys(b"".join(whole.splitlines(keepends=True)[:lines])) <= keys(whole)


def test_steps_that_begin_anew_after_a_restart_are_all_kept(feed: Feed, rows: Rows) -> None:
    feed(
        "\n".join(
            MEGATRON.format(stamp=f"2025-01-01 {hour:02d}:00:00", step=step)
            for hour, step in ((0, 10), (1, 20), (2, 10), (3, 20))
        )
    )
    assert len(rows("training_steps")) == 4


def test_the_same_step_of_many_ranks_counts_once(feed: Feed, rows: Rows) -> None:
    line = "2025-06-20 19:14:10,224 - root - INFO - step: 510  loss:  8.9  memory: 1GiB(3%)  tps: 7,022  tflops: 4\n"
    feed("".join(f"[rank{rank}]:[titan] {line}" for rank in range(64)))
    (step,) = rows("training_steps")
    assert "tokens_per_second" not in step  # one GPU's throughput, and nothing says how many there are


@pytest.mark.parametrize(
    "line", ["time since the epoch", "iteration 1/2 |", "2025-01-01 00:00:00 step: 1", "[titan] step"]
)
def test_other_logs_are_not_mistaken_for_training(line: str) -> None:
    assert not TrainingLog().recognise(f"{line}\n".encode() * 30, Options())


def test_a_line_made_to_be_slow_is_not(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text(("iteration 1/ 1 | " * 60_000) + "elapsed time per iteration (ms): x, save-checkpoint ....\n")
    began = time.process_time()
    list(TrainingLog().read(InputFile(path), Options()))
    assert time.process_time() - began < 2


PIECES = [
    line
    for case in sorted(CASES.glob("*.input"))
    for line in case.read_bytes().decode("utf-8", "replace").splitlines()
    if line.strip()
]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(
        st.sampled_from(PIECES).flatmap(lambda line: st.integers(0, len(line)).map(lambda cut: line[:cut]))
        | st.sampled_from(PIECES),
        max_size=30,
    )
)
def test_lines_in_any_order_and_cut_anywhere_add_up(tmp_path: Path, lines: list[str]) -> None:
    path = tmp_path / "log"
    path.write_text("\n".join(lines))
    chunks = list(TrainingLog().read(InputFile(path), Options()))
    assert all(chunk.read == chunk.used + len(chunk.rejects) + chunk.dropped for chunk in chunks)
    written = [chunk.tables["checkpoints"] for chunk in chunks if "checkpoints" in chunk.tables]
    assert all((row["duration_seconds"] or 0) >= 0 for table in written for row in table.to_pylist())
