"""Kaplan–Meier with delayed entry on millions of lives: ours beside other packages, same data, same run.

The peers (lifelines, scikit-survival, surpyval, greenwood, survival) are no dependencies: install those wanted into a
virtual environment of their own and name its interpreter by ``--peers``. Each runs in a process of its own; the
clock stands while data are read and packages loaded. What is not installed there, or is not done in time, says so.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import numpy as np

#: each leaves `times` and `survival`, both rising in time, from `entry`, `leave` and `failed`
CONTENDERS: Final = {
    "ours": (
        "from models.lifetimes.survival import kaplan_meier, risk_table",
        "curve = kaplan_meier(risk_table(entry, leave, failed, late_entries=False))",
        "times, survival = curve.time_hours, curve.survival",
    ),
    "lifelines": (
        "from lifelines import KaplanMeierFitter",
        "fit = KaplanMeierFitter().fit(leave, failed, entry=entry)",
        "curve = fit.survival_function_; times, survival = curve.index.to_numpy(), curve.iloc[:, 0].to_numpy()",
    ),
    "scikit-survival": (
        "from sksurv.nonparametric import kaplan_meier_estimator",
        "times, survival, _ = kaplan_meier_estimator(failed, leave, time_enter=entry, conf_type='log-log')",
        "",
    ),
    "surpyval": (
        "import surpyval",
        "fit = surpyval.KaplanMeier.fit(leave, c=(~failed).astype(int), tl=entry)",
        "times, survival = fit.x, fit.R",
    ),
    "greenwood": (
        "import greenwood",
        "fit = greenwood.KaplanMeier(conf_type='log-log').fit(greenwood.Surv(entry, leave, failed))",
        "times, survival = np.asarray(fit.time_), np.asarray(fit.survival_)",
    ),
    "survival": (
        "import survival as package",
        "fit = package.survfit(package.Surv(entry, leave, failed.astype(int)), conf_type='log-log')",
        "times, survival = np.asarray(fit.time), np.asarray(fit.surv)",
    ),
}
PROGRAM: Final = """
import sys, time
import numpy as np
{load}
with np.load(sys.argv[1]) as lives:
    entry, leave, failed = (lives[name] for name in ("entry", "leave", "failed"))
began = time.perf_counter()
{fit}
seconds = time.perf_counter() - began
{read}
at = np.load(sys.argv[2])
row = np.searchsorted(times, at, side="right") - 1
np.save(sys.argv[3], np.append(seconds, np.where(row >= 0, np.asarray(survival)[row], 1.0)))
"""


def main() -> None:
    """Print one row per contender and clock."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lives", type=float, default=1e6, help="how many (default: 1e6)")
    parser.add_argument("--peers", type=Path, help="interpreter that has the other packages")
    parser.add_argument("--seconds", type=float, default=300, help="patience with each (default: 300)")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each; the fastest is printed (default: 3)")
    options = parser.parse_args()
    names = tuple(CONTENDERS) if options.peers else ("ours",)
    for clock in ("continuous", "hours"):
        print(
            f"\n{options.lives:,.0f} lives, {clock}\n{'':18}{'seconds':>10}{'times ours':>12}{'largest difference':>20}"
        )
        with tempfile.TemporaryDirectory(prefix="bench-survival-") as folder:
            _compare(Path(folder), names, clock, options)


def _compare(folder: Path, names: tuple[str, ...], clock: str, options: argparse.Namespace) -> None:
    entry, leave, failed = _lives(int(options.lives), clock)
    np.savez(folder / "lives.npz", entry=entry, leave=leave, failed=failed)
    np.save(folder / "at.npy", np.quantile(leave, np.linspace(0.001, 0.999, 1000)))
    ours = None
    for name in names:
        interpreter = sys.executable if name == "ours" else str(options.peers)
        found = []
        for _ in range(options.repeats):
            outcome = _run(folder, interpreter, CONTENDERS[name], options.seconds)
            if isinstance(outcome, str):
                print(f"{name:18}{outcome}", flush=True)
                break
            found.append(outcome)
        else:
            best = min(found, key=lambda values: values[0])
            ours = best if ours is None else ours
            gap = np.abs(best[1:] - ours[1:]).max()
            print(f"{name:18}{best[0]:10.3f}{best[0] / ours[0]:12.1f}{gap:20.1e}", flush=True)


def _run(folder: Path, interpreter: str, parts: tuple[str, str, str], patience: float) -> np.ndarray | str:
    load, fit, read = parts
    program = PROGRAM.format(load=load, fit=fit, read=read)
    files = [str(folder / name) for name in ("lives.npz", "at.npy", "out.npy")]
    command = [interpreter, "-c", program, *files]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=patience, check=False)  # noqa: S603 - ours
    except subprocess.TimeoutExpired:
        return f"not done in {patience:g} s"
    if ended.returncode:
        return "no answer: " + (ended.stderr.strip().splitlines() or [f"ended with {ended.returncode}"])[-1]
    return np.asarray(np.load(folder / "out.npy"))


def _lives(units: int, clock: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    late = rng.random(units) < 0.5
    entry = rng.uniform(0.0, 12_000.0, units) * late
    # The life left to a unit of this age, given that it reached it, by inversion of a Weibull.
    life = 20_000.0 * ((entry / 20_000.0) ** 1.3 + rng.exponential(size=units)) ** (1 / 1.3)
    end = entry + rng.uniform(100.0, 20_000.0, units)
    leave, failed = np.minimum(life, end), life <= end
    if clock == "hours":
        entry = np.floor(entry)
        leave = np.maximum(np.ceil(leave), entry + 1.0)
    return entry, np.maximum(leave, np.nextafter(entry, np.inf)), failed


if __name__ == "__main__":
    main()
