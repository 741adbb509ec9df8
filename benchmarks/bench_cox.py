"""Cox regression of a million lives by three covariates: this project beside others, same data, same run.

Each program gets its own process, which says how long the fit alone took; peers live in the environment of ``--python``
and are left out where they are not installed there. The last column is the largest difference of a coefficient.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from typing import Final

_DATA: Final = """
import json, sys, time
import numpy as np
n, late = int(sys.argv[1]), sys.argv[2] == "late"
rng = np.random.default_rng(2026)
x = np.column_stack([rng.normal(size=n), rng.random(n) < 0.3, rng.uniform(0, 4, n)]).astype(float)
life = 1e4 * rng.exponential(size=n) * np.exp(-x @ [0.3, 0.5, -0.2])
end = rng.uniform(0, 2e4, n)
leave, failed = np.minimum(life, end), life <= end
entry = leave * rng.random(n) * 0.9 if late else np.zeros(n)
"""
_TELL: Final = """
began, busy = time.perf_counter(), time.process_time()
found = fit()
times = time.perf_counter() - began, time.process_time() - busy
print(json.dumps([*times, [float(b) for b in found]]))
"""
_OURS: Final = """
from models.regression.cox import fit_cox
fit = lambda: fit_cox(entry, leave, failed, x, ["a", "b", "c"]).coefficients
"""
_RUST: Final = """
from survival._survival import coxph_fit
more = {"entry": entry} if late else {}
fit = lambda: coxph_fit(leave, failed.astype(int), x, **more).coefficients
"""
_LIFELINES: Final = """
import pandas, lifelines
table = pandas.DataFrame(x, columns=["a", "b", "c"]).assign(leave=leave, failed=failed, entry=entry)
if not late: table = table.drop(columns="entry")
more = {"entry_col": "entry"} if late else {}
fit = lambda: lifelines.CoxPHFitter().fit(table, "leave", "failed", **more).params_
"""
_SKSURV: Final = """
from sksurv.linear_model import CoxPHSurvivalAnalysis
from sksurv.util import Surv
assert not late, "no delayed entry"
fit = lambda: CoxPHSurvivalAnalysis(ties="efron").fit(x, Surv.from_arrays(failed, leave)).coef_
"""
_GREENWOOD: Final = """
import greenwood
y = greenwood.Surv(entry, leave, failed) if late else greenwood.Surv(leave, failed)
fit = lambda: greenwood.CoxPH().fit(y, x).coef_
"""
_SURPYVAL: Final = """
import surpyval
more = {"tl": entry} if late else {}
fit = lambda: surpyval.CoxPH.fit(leave, x, c=1 - failed.astype(int), **more).params
"""
_PEERS: Final = {
    "survival (Rust)": _RUST,
    "lifelines": _LIFELINES,
    "greenwood": _GREENWOOD,
    "surpyval": _SURPYVAL,
    "scikit-survival": _SKSURV,
}


def main() -> None:
    """Print one row per program, without and with delayed entry."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lives", type=int, default=1_000_000)
    parser.add_argument("--python", default=sys.executable, help="interpreter that has the peers (default: this one)")
    parser.add_argument("--patience", type=float, default=300, help="seconds after which a program is given up")
    options = parser.parse_args()
    for entry in ("right-censored", "late"):
        print(f"\n{options.lives:,} lives, {entry}\n{'program':18}{'seconds':>10}{'CPU':>8}{'difference':>14}")
        ours = _run(sys.executable, _OURS, options.lives, entry, options.patience)
        if isinstance(ours, str):
            raise SystemExit(ours)
        print(f"{'this project':18}{ours[0]:10.2f}{ours[1]:8.2f}{0:14.1e}")
        for name, code in _PEERS.items():
            found = _run(options.python, code, options.lives, entry, options.patience)
            if isinstance(found, str):
                print(f"{name:18}  {found}")
                continue
            apart = max(abs(a - b) for a, b in zip(ours[2], found[2], strict=True))
            print(f"{name:18}{found[0]:10.2f}{found[1]:8.2f}{apart:14.1e}")


def _run(python: str, code: str, lives: int, entry: str, patience: float) -> tuple[float, float, list[float]] | str:
    command = [python, "-c", _DATA + code + _TELL, str(lives), entry]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=patience, check=False)  # noqa: S603 - our own programs
    except subprocess.TimeoutExpired:
        return f"given up after {patience:g} s"
    if done.returncode:
        return f"not run: {(done.stderr.strip().splitlines() or ['no message'])[-1][:90]}"
    seconds, cpu_seconds, coefficients = json.loads(done.stdout.splitlines()[-1])
    return seconds, cpu_seconds, coefficients


if __name__ == "__main__":
    main()
