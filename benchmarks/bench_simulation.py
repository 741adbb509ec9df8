"""What does the simulator's clock cost beside simpy's, and how long do the presets take, files written.

Both clocks play the same events: jobs arrive, run and end on GPUs that there are always enough of, so that nothing but
the clock is measured. Whole processes, start-up included; medians; the contenders take turns.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from measure import Contender, measure

SIMPY: Final = "simpy==4.1.2"

_CLOCK: Final = """
import sys
from functools import partial
import numpy as np
from synthetic_traces.simulation.clock import Clock

jobs = int(sys.argv[1])
rng = np.random.default_rng(1)
gaps, lengths = rng.integers(0, 24, jobs).tolist(), rng.integers(1, 9000, jobs).tolist()
clock, ended = Clock(0), [0]

def end():
    ended[0] += 1

def arrive(number):
    clock.at(clock.now + lengths[number], end)
    if number + 1 < jobs:
        clock.at(clock.now + gaps[number], partial(arrive, number + 1))

clock.at(0, partial(arrive, 0))
clock.run(10**12, 10**11, lambda _: None)
assert ended[0] == jobs
"""
_SIMPY: Final = """
import sys
import random
import simpy

jobs = int(sys.argv[1])
rng = random.Random(1)
gaps = [rng.randrange(24) for _ in range(jobs)]
lengths = [rng.randrange(1, 9000) for _ in range(jobs)]
env, ended = simpy.Environment(), [0]

def run(length):
    yield env.timeout(length)
    ended[0] += 1

def arrive():
    for gap, length in zip(gaps, lengths):
        env.process(run(length))
        yield env.timeout(gap)

env.process(arrive())
env.run()
assert ended[0] == jobs
"""
_SYNTH: Final = "from reliability.cli import run; run()"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1_000_000, help="jobs for the clocks (default: 1,000,000)")
    parser.add_argument("--presets", nargs="*", default=["tiny", "rsc-1"], help="presets to write (tiny rsc-1)")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each clock; a preset runs once (default: 3)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-simulation-") as name:
        folder = Path(name)
        jobs = str(options.jobs)
        clocks = [
            Contender("synthetic_traces.simulation.clock", "", [sys.executable, "-c", _CLOCK, jobs]),
            Contender(SIMPY.replace("==", " "), "", [_python_with_simpy(folder), "-c", _SIMPY, jobs]),
        ]
        _print(clocks, options.repeats, f"{options.jobs:,} jobs, {2 * options.jobs:,} events")
        for preset in options.presets:
            out = str(folder / preset)
            command = [sys.executable, "-c", _SYNTH, "synth", "--preset", preset, "--out", out]
            _print([Contender(f"synth --preset {preset}", "", command)], 1, "simulated and written")


def _print(contenders: list[Contender], repeats: int, title: str) -> None:
    print(f"\n{title}\n{'program':28}{'s':>10}{'CPU s':>10}{'peak MiB':>10}")
    for contender, cost in zip(contenders, measure(contenders, repeats), strict=True):
        print(f"{contender.name:28}{cost.seconds:10.2f}{cost.cpu_seconds:10.2f}{cost.peak_mib:10,.0f}", flush=True)


def _python_with_simpy(folder: Path) -> str:
    place = folder / "simpy"
    subprocess.run([sys.executable, "-m", "venv", place], check=True)  # noqa: S603 - our own arguments
    python = str(place / "bin" / "python")
    install = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", SIMPY]
    subprocess.run(install, check=True)  # noqa: S603 - our own arguments
    return python


if __name__ == "__main__":
    main()
