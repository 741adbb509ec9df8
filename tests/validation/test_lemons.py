"""From logs to lemons over many simulated clusters: the preset `lemons` must reach the bars of its measure."""

from __future__ import annotations

import os

import pytest

from reliability.validation.harness import Validation, validate
from synthetic_traces import preset_spec

CLUSTERS = 20

pytestmark = pytest.mark.validation


@pytest.fixture(scope="module")
def found() -> Validation:
    processes = os.cpu_count() or 1
    return validate(preset_spec("lemons"), "lemons", CLUSTERS, seed=100, processes=processes, sensitivity=False)


@pytest.mark.parametrize("measure", ["lemon_precision", "lemon_recall", "lemon_free_fleets"])
def test_the_model_reaches_its_bar(found: Validation, measure: str) -> None:
    row = next(row for row in found.rows if row.measure == measure)
    print(f"{measure}: {row.value} of {row.n} ({row.low} .. {row.high}); {row.note}")
    assert row.ok, row.note


def test_recall_grows_with_the_failures_expected_of_a_lemon(found: Validation) -> None:
    rows = [row for row in found.tables["lemons"] if row["lemons"]]
    shares = [row["found_by_model"] / row["lemons"] for row in rows]
    print(rows)
    assert shares[-1] > shares[0]
    assert sum(row["lemons"] for row in rows) == 5 * CLUSTERS
