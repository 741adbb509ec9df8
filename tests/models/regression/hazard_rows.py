"""Rows for the hazard regressions: drawn with a known truth, and R's answers about them."""

import csv
import subprocess

import numpy as np


def drawn_rows(rng, rows, ties):
    """Late entries, two covariates that matter, strata, weights, clusters, two causes."""
    table = np.column_stack([rng.normal(size=rows), rng.random(rows) < 0.4]).astype(float)
    host = rng.integers(0, max(4, rows // 8), rows)
    factor = rng.gamma(2.0, 0.5, host.max() + 1)[host]
    entry = rng.uniform(0, 5, rows) * (rng.random(rows) < 0.5)
    life = rng.exponential(8, rows) * np.exp(-table @ [0.5, -0.4]) / factor
    end = rng.uniform(1, 20, rows)
    stay = np.minimum(life, end)
    if ties:
        entry, stay = np.round(entry), np.ceil(stay)
    return {
        "entry": entry,
        "leave": entry + stay,
        "failed": (life <= end).astype(float),
        "cause": (life <= end) * rng.integers(1, 3, rows),
        "x": table[:, 0],
        "y": table[:, 1],
        "w": rng.integers(1, 4, rows).astype(float),
        "s": rng.integers(0, 3, rows),
        "host": host,
        "i": np.arange(rows),
    }


def covariates(rows):
    return np.column_stack([rows["x"], rows["y"]])


def ask_r(rscript, folder, rows, script):
    """Run an R script with data frame d; return the numbers it prints, one array per line."""
    with (folder / "d.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(rows)
        writer.writerows(zip(*(column.tolist() for column in rows.values()), strict=True))
    prologue = 'suppressMessages(library(survival)); options(digits=15, width=9999); d <- read.csv("d.csv")\n'
    prologue += "tight <- coxph.control(eps=1e-12, iter.max=60, outer.max=60)\n"
    done = subprocess.run(
        [rscript, "-e", prologue + script], cwd=folder, check=True, capture_output=True, text=True, timeout=60
    )
    return [np.array([float(word) for word in line.split()]) for line in done.stdout.splitlines()]
