"""Simulate the presets that stand for published clusters and write how close they land into their stories.

Run by ``make calibrate``; ``rsc-1`` takes about four minutes. With ``--check`` nothing is written. A figure that leaves
its tolerance makes the exit code 1.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from synthetic_traces.calibration import Landing, Measured, landings
from synthetic_traces.simulation.cluster import Simulation
from synthetic_traces.spec.loading import preset_names, preset_spec

_PRESETS = Path(__file__).parents[1] / "synthetic_traces" / "presets"
_BEGIN, _END = "<!-- landing -->\n", "<!-- /landing -->\n"


def main() -> int:
    """Write the tables; return 1 if a figure is out of its tolerance."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("presets", nargs="*", default=list(preset_names()), help="which (default: all)")
    parser.add_argument("--seed", type=int, default=1, help="of the simulation (default: 1)")
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    missed = 0
    for preset in options.presets:
        path = _PRESETS / f"{preset}.md"
        story = path.read_text(encoding="utf-8")
        if _BEGIN not in story:
            continue
        spec = preset_spec(preset)
        simulation = Simulation(spec, options.seed)
        found = landings(preset, Measured(spec, simulation.plant, simulation.run()))
        missed += sum(not landing.holds for landing in found)
        table = _table(found, options.seed)
        print(f"{preset}\n\n{table}")
        if not options.check:
            before, _, rest = story.partition(_BEGIN)
            path.write_text(before + _BEGIN + table + _END + rest.partition(_END)[2], encoding="utf-8")
    return int(missed > 0)


def _table(found: tuple[Landing, ...], seed: int) -> str:
    rows = [
        f"| {landing.figure} | {landing.published:.5g} | {landing.simulated:.4g} | "
        f"{'reported' if landing.tolerance is None else f'± {landing.tolerance:.3g}'} | "
        f"{'' if landing.holds else 'not reached'} |\n"
        for landing in found
    ]
    header = f"| figure | published | simulated, seed {seed} | held to | |\n|---|---:|---:|---|---|\n"
    return f"\n{header}{''.join(rows)}\n"


if __name__ == "__main__":
    sys.exit(main())
