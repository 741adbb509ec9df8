"""The models on 30,207 real GPU lives: ORNL's Titan, 2013 to 2019 (TitanGPULife, SC20)."""

import csv
import lzma
from collections import defaultdict
from datetime import datetime

import numpy as np
import pytest
from lifelines import KaplanMeierFitter, WeibullFitter

from models.lifetimes.parametric.weibull import fit_weibull
from models.lifetimes.survival import kaplan_meier, risk_table
from models.rates import poisson_rate

from .lives import Lives

HOURS_PER_YEAR = 24 * 365  # as the released table counts it

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def stays(real_data):
    """Stays of each GPU in the order they happened, by serial number."""
    by_serial = defaultdict(list)
    with lzma.open(real_data / "titan" / "gc_full.csv.xz", "rt", newline="") as file:
        for row in csv.DictReader(file):
            by_serial[row["SN"]].append(row)
    return {serial: sorted(rows, key=lambda row: row["remove"]) for serial, rows in by_serial.items()}


def batch(stays, *, old):
    """GPUs first inserted before 2016 (the old batch) or after."""
    return [rows for rows in stays.values() if (min(r["insert"] for r in rows if r["insert"]) < "2016") == old]


def hours_in_service_by(time, gpu):
    """Summed service of a GPU up to a time, which may lie within a stay; rows without an insert are no stays."""
    hours = 0.0
    for row in gpu:
        if row["insert"]:
            still_to_come = datetime.fromisoformat(row["remove"]) - max(
                datetime.fromisoformat(row["insert"]), min(datetime.fromisoformat(row["remove"]), time)
            )
            hours += (float(row["duration"]) - still_to_come.total_seconds()) / 3600
    return hours


def lives_to_first_failure(gpus):
    """A GPU's clock is its summed time in service; it ends at the first failure or with the log."""
    failures = [[row["remove"] for row in gpu if row["event"]] for gpu in gpus]
    ends = [min(times) if times else gpu[-1]["remove"] for gpu, times in zip(gpus, failures, strict=True)]
    leave = [hours_in_service_by(datetime.fromisoformat(end), gpu) for gpu, end in zip(gpus, ends, strict=True)]
    lives = Lives(np.zeros(len(gpus)), np.array(leave), np.array([bool(times) for times in failures]))
    seen = lives.leave > 0  # one GPU of the old batch failed before its first recorded stay
    assert (~seen).sum() <= 1
    return Lives(*(column[seen] for column in lives.columns))


@pytest.mark.parametrize(
    ("old", "failures", "gpu_years", "mtbf_years"), [(True, 6226, 75_745.5, 12.17), (False, 141, 25_144.0, 178.3)]
)
def test_rates_of_both_batches_are_the_ones_computed_from_the_release(stays, old, failures, gpu_years, mtbf_years):
    rows = [row for gpu in batch(stays, old=old) for row in gpu]
    rate = poisson_rate(
        sum(bool(row["event"]) for row in rows), sum(float(row["duration"] or 0) for row in rows) / 86_400
    )
    assert rate.failures == failures
    assert rate.exposure_days / 365 == pytest.approx(gpu_years, abs=0.1)
    assert rate.mttf_hours / HOURS_PER_YEAR == pytest.approx(mtbf_years, rel=1e-3)
    assert rate.mttf_low_hours < rate.mttf_hours < rate.mttf_high_hours


@pytest.mark.parametrize("old", [True, False])
def test_survival_of_real_lives_agrees_with_lifelines(stays, old):
    lives = lives_to_first_failure(batch(stays, old=old))
    curve = kaplan_meier(risk_table(*lives.columns))
    judge = KaplanMeierFitter(alpha=0.1).fit(lives.leave, lives.failed)
    years = np.array([0.5, 1.0, 2.0, 3.0])
    for hours in years * HOURS_PER_YEAR:
        point = curve.at(hours)
        limits = judge.confidence_interval_survival_function_.loc[:hours].iloc[-1]
        assert point.survival == pytest.approx(judge.predict(hours), abs=1e-9)
        assert (point.low, point.high) == pytest.approx(tuple(limits), abs=1e-6)


def test_real_lives_wear_out_in_a_way_no_weibull_follows(stays):
    lives = lives_to_first_failure(batch(stays, old=True))
    fit = fit_weibull(*lives.columns)
    judge = WeibullFitter().fit(lives.leave, lives.failed)
    assert (fit.shape, fit.scale_hours) == pytest.approx((judge.rho_, judge.lambda_), rel=1e-3)
    assert fit.log_likelihood >= judge.log_likelihood_ - 1e-3
    assert fit.shape_low > 1
    assert "does not fit" in " ".join(fit.warnings)
