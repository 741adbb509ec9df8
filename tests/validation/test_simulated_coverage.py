"""From logs to answers over many simulated clusters: `reliability validate` must reach its bars."""

from __future__ import annotations

import os

import pytest
from scipy.stats import binom

from reliability.validation.harness import Validation, validate
from synthetic_traces import preset_spec

CLUSTERS = 40

pytestmark = pytest.mark.validation


@pytest.fixture(scope="module")
def found() -> Validation:
    return validate(preset_spec("tiny"), "tiny", CLUSTERS, seed=100, processes=os.cpu_count() or 1, sensitivity=False)


def test_the_intervals_of_rates_and_lifetimes_hold_the_truth_as_often_as_they_say(found: Validation) -> None:
    document = found.document()
    for covered, intervals in (("rate_covered", "rate_intervals"), ("mttf_covered", "mttf_intervals")):
        print(f"{document[covered]} of {document[intervals]} intervals at 90% hold the truth ({covered})")
        assert document[covered] >= binom.ppf(0.001, document[intervals], 0.9)
    assert document["rate_intervals"] == CLUSTERS


def test_r_f_covers_and_no_rate_of_nodes_or_attempts_is_biased(found: Validation) -> None:
    for row in found.tables["coverage"]:
        if row["of"] in ("node", "attempt"):
            print(row)
            assert row["covered"] >= row["least"]
            assert abs(row["failures"] - row["expected_failures"]) <= 4 * row["expected_failures"] ** 0.5


def test_attribution_reaches_its_bars_under_the_default_noise(found: Validation) -> None:
    rows = {row.measure: row for row in found.rows}
    for measure in ("attribution_precision", "attribution_recall"):
        print(f"{measure}: {rows[measure].value} ({rows[measure].note})")
        assert rows[measure].ok


def test_every_log_is_taken_in(found: Validation) -> None:
    assert (found.intake.files_failed, found.intake.rows_rejected) == (0, 0)
