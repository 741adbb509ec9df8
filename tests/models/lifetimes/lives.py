"""Lifetimes for the survival tests: drawn with a known truth, or by hypothesis."""

import csv
import subprocess
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st


@dataclass(frozen=True)
class Lives:
    entry: np.ndarray
    leave: np.ndarray
    failed: np.ndarray

    @property
    def columns(self):
        return self.entry, self.leave, self.failed

    def __add__(self, other):
        return Lives(*(np.concatenate(pair) for pair in zip(self.columns, other.columns, strict=True)))


def weibull_lives(rng, units, shape, scale_hours, late_share=0.5):
    """Units of Weibull life, some watched only from a later age on, all watched for a limited time.

    A unit that failed before its entry is never seen: that is what left truncation means.
    """
    life = scale_hours * rng.weibull(shape, units)
    entry = rng.uniform(0, 0.6 * scale_hours, units) * (rng.random(units) < late_share)
    end = entry + rng.uniform(0.2 * scale_hours, 2 * scale_hours, units)
    seen = life > entry
    return Lives(entry[seen], np.minimum(life, end)[seen], (life <= end)[seen])


def in_hours(lives, decimals):
    """The same lives on a coarse clock, so that times tie; every unit stays at risk for a tick at least."""
    entry = np.round(lives.entry, decimals)
    return Lives(entry, np.maximum(np.round(lives.leave, decimals), entry + 10.0**-decimals), lives.failed)


def _columns(units):
    entry, watched, failed = (np.array(column) for column in zip(*units, strict=True))
    return Lives(entry.astype(float), (entry + watched).astype(float), failed.astype(bool))


# Whole hours, so that ties between entries, failures and censorings are frequent.
any_lives = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 30), st.booleans()), min_size=1, max_size=40).map(
    _columns
)


def run_r(rscript, tmp_path, lives, script):
    """Run an R script on lives.csv; what it writes to out.csv comes back as columns."""
    with (tmp_path / "lives.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["entry", "leave", "failed"])
        writer.writerows(
            zip(lives.entry.tolist(), lives.leave.tolist(), lives.failed.astype(int).tolist(), strict=True)
        )
    prologue = 'suppressMessages(library(survival)); lives <- read.csv("lives.csv"); options(digits = 17)\n'
    subprocess.run([rscript, "-e", prologue + script], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}
