"""Reading the truth: what an older or smaller simulator does not write is None, not a crash."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from reliability.validation.truth import read_hazards, read_rows

MODE = {"component": "gpu", "symptom": "gpu_memory", "kind": "critical", "slots_per_node": 8, "per_1000_node_days": 2.0}


def write_rates(truth: Path, *modes: dict[str, object]) -> None:
    rates = {"failures_per_1000_node_days": 12.0, "in_service_node_days": 100.0, "modes": [MODE, *modes]}
    (truth / "rates.json").write_text(json.dumps(rates))


def test_a_file_that_is_not_there_reads_as_none(tmp_path: Path) -> None:
    assert read_rows(tmp_path, "domain_events", ("kind",)) is None
    assert read_hazards(tmp_path) is None


def test_a_column_that_is_not_there_is_none_in_every_row(tmp_path: Path) -> None:
    pq.write_table(pa.table({"kind": ["critical", "benign"]}), tmp_path / "faults.parquet")
    assert read_rows(tmp_path, "faults", ("kind", "missed")) == [
        {"kind": "critical", "missed": None},
        {"kind": "benign", "missed": None},
    ]


def test_rows_can_be_kept_by_state_without_reading_the_state(tmp_path: Path) -> None:
    pq.write_table(pa.table({"state": ["FAILED", "COMPLETED"], "job": [1, 2]}), tmp_path / "attempts.parquet")
    assert read_rows(tmp_path, "attempts", ("job",), states=("FAILED",)) == [{"job": 1}]


def test_hazards_are_summed_by_the_component_that_the_logs_name(tmp_path: Path) -> None:
    write_rates(
        tmp_path,
        MODE | {"component": "nvlink", "per_1000_node_days": 0.5},
        MODE | {"kind": "benign", "per_1000_node_days": 8.0},
        MODE | {"component": "node", "silent": True},
        MODE | {"component": "dimm", "slots_per_node": 32},
        MODE | {"component": "dimm", "slots_per_node": 16},
    )
    hazards = read_hazards(tmp_path)
    assert hazards is not None
    assert hazards.by_component == {"gpu": 0.0025, "dimm": 0.004}
    assert hazards.slots == {"gpu": 8}
    assert hazards.per_node_day == 0.012
