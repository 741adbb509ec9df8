"""Time a thousand simulations of a 100,000-GPU run of 90 days, beside the bare random numbers and simpy.

All play the same run: 12,500 nodes, about 7,300 failures, checkpoints every 7 minutes that take a minute. simpy plays
one replica of it, event by event; the bare draw is what no simulation can be faster than. simpy is no dependency:
install it into a virtual environment of its own and name its interpreter by ``--simpy``.
"""

from __future__ import annotations

import argparse
import sys
from typing import Final

from measure import Contender, measure

_DRAW: Final = """
import sys
import numpy as np
rng = np.random.default_rng(1)
for _ in range(7313):
    rng.standard_exponential(int(sys.argv[1]))
"""
_OURS: Final = """
import sys
import numpy as np
from models.goodput.run_plan import RunPlan
from models.goodput.simulation.cluster import SimulatedCluster
from models.goodput.gaps import Exponential, WeibullGaps
from models.goodput.simulation.failures import FailureDomain, NodeLives
from models.goodput.simulation.runs import simulate_runs

replicas, what = int(sys.argv[1]), sys.argv[2]
plan = RunPlan(12_500, 6.5e-3, 420.0, 300.0, checkpoint_write_seconds=60.0)
options = {
    "plain": {},
    "cluster": {"cluster": SimulatedCluster(Exponential(86_400.0), 200, 60.0, domains=(FailureDomain(32, 1e-3),))},
    "lives": {"gaps": NodeLives(WeibullGaps.with_mean(86_400.0 / 6.5e-3, 0.7))},
}[what]
runs = simulate_runs(plan, replicas=replicas, rng=np.random.default_rng(1), horizon_seconds=90 * 86_400.0, **options)
assert runs.failures.mean() > 7000
"""
_SIMPY: Final = """
import random
import simpy

rng = random.Random(1)
rate, interval, restart, write = 12_500 * 6.5e-3 / 86_400, 420.0, 300.0, 60.0
env, books = simpy.Environment(), {"kept": 0.0, "failures": 0}

def attempt():
    try:
        yield env.timeout(restart)
        while True:
            yield env.timeout(interval)
            yield env.timeout(write)
            books["kept"] += interval
    except simpy.Interrupt:
        return

def failures():
    while True:
        run = env.process(attempt())
        yield env.timeout(rng.expovariate(rate))
        books["failures"] += 1
        run.interrupt()

env.process(failures())
env.run(until=90 * 86_400)
assert books["failures"] > 7000
assert 0.4 < books["kept"] / env.now < 0.65
"""


def main() -> None:
    """Print one row per contender."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicas", type=int, default=1000, help="runs simulated (default: 1000)")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each contender (default: 3)")
    parser.add_argument("--simpy", help="interpreter that has simpy")
    options = parser.parse_args()
    many = str(options.replicas)
    contenders = [
        Contender("bare draw", "the exponential gaps alone", [sys.executable, "-c", _DRAW, many]),
        *(
            Contender(f"ours, {what}", does, [sys.executable, "-c", _OURS, many, what])
            for what, does in (
                ("plain", "no queue, spares or domains"),
                ("cluster", "200 spares, repair of a day, racks of 32 nodes"),
                ("lives", "every node its own Weibull life"),
            )
        ),
    ]
    if options.simpy:
        contenders.append(Contender("simpy", "one replica, event by event", [options.simpy, "-c", _SIMPY]))
    print("| program | what it does | replicas | s | CPU s | ms per replica | peak MiB |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for contender, cost in zip(contenders, measure(contenders, options.repeats), strict=True):
        replicas = 1 if contender.name == "simpy" else options.replicas
        print(
            f"| {contender.name} | {contender.does} | {replicas:,} | {cost.seconds:.2f} | {cost.cpu_seconds:.2f} "
            f"| {1000 * cost.seconds / replicas:.1f} | {cost.peak_mib:,.0f} |"
        )


if __name__ == "__main__":
    main()
