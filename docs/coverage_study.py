"""How often do the intervals hold the truth? Simulate fleets, ask every estimator, count; write docs/coverage.md.

Run by ``make validate``, about ten minutes on two cores. ``--quick`` does less and is what a test runs. An interval
that misses its bar makes the exit code 1. Equal seeds give equal pages, whatever the number of processes.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zlib import crc32

import numpy as np
from coverage_kinds import CONFIDENCE, Interval, Study
from coverage_lifetimes import STUDIES as LIFETIMES
from coverage_rates import STUDIES as RATES
from coverage_recurrence import STUDIES as RECURRENCES
from coverage_regression import STUDIES as REGRESSIONS

from models.errors import ModelError

STUDIES: Final = (*RATES, *RECURRENCES, *LIFETIMES, *REGRESSIONS)
_PAGE: Final = Path(__file__).parent / "coverage.md"
_EXPECTED: Final = (5.0, 20.0, 100.0, 500.0)
_FLEETS: Final = 2000
_QUICK: Final = (("rates of independent failures", "curves", "Weibull"), 100, (5.0, 100.0))
_CHUNK: Final = 50
_FEW: Final = 1000

#: an approximate interval must come so close to its level where failures are many
_APPROXIMATE_BAND: Final = (0.88, 0.92)
#: one of few failures that holds the truth less often than this must carry a warning, in so many of its fleets
_WARN_BELOW: Final = 0.86
_WARNED_SHARE: Final = 0.95
#: standard errors by which a simulated coverage may differ from the enumerated one
_STANDARD_ERRORS: Final = 4.0


@dataclass(frozen=True, slots=True)
class Tally:
    """Fleets of one interval: asked, answered (no error), interval holding the truth, and answers with a warning."""

    fleets: int = 0
    answered: int = 0
    covered: int = 0
    warned: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.fleets + other.fleets,
            self.answered + other.answered,
            self.covered + other.covered,
            self.warned + other.warned,
        )


@dataclass(frozen=True, slots=True)
class Cell:
    """One interval at one expected number of failures."""

    interval: Interval
    expected_failures: float
    tally: Tally

    @property
    def coverage(self) -> float:
        """Share of the answers that hold the truth."""
        return self.tally.covered / self.tally.answered if self.tally.answered else math.nan

    @property
    def enumerated(self) -> float | None:
        """What the coverage is by enumeration of all counts, where that can be done."""
        return self.interval.enumerated(self.expected_failures) if self.interval.enumerated else None

    @property
    def fault(self) -> str:
        """Which bar is missed; empty if none is."""
        if self.interval.kind == "shown":
            return ""
        if not self.tally.answered:
            return "no fleet has an answer"
        enumerated = self.enumerated
        if enumerated is not None:
            error = math.sqrt(enumerated * (1 - enumerated) / self.tally.answered) + 0.5 / self.tally.answered
            if self.interval.kind == "exact" and enumerated < CONFIDENCE:
                return f"enumerated {enumerated:.1%} is below {CONFIDENCE:.0%}"
            if abs(self.coverage - enumerated) > _STANDARD_ERRORS * error:
                return f"{self.coverage:.1%} is not the enumerated {enumerated:.1%}"
            return ""
        low, high = _APPROXIMATE_BAND
        # On few fleets a coverage may miss the band by chance alone.
        slack = 2 * math.sqrt(CONFIDENCE * (1 - CONFIDENCE) / self.tally.answered) if self.tally.fleets < _FEW else 0.0
        if self.expected_failures >= max(_EXPECTED) and not low - slack <= self.coverage <= high + slack:
            return f"{self.coverage:.1%} is not within {low:.0%} to {high:.0%}"
        warned = self.tally.warned / self.tally.answered
        if self.expected_failures <= min(_EXPECTED) and self.coverage < _WARN_BELOW and warned < _WARNED_SHARE:
            return f"{self.coverage:.1%}, and only {warned:.0%} of the answers carry a warning"
        return ""


def main() -> int:
    """Run the study and write the page; return 1 if an interval misses its bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=_PAGE, help="page to write (default: docs/coverage.md)")
    parser.add_argument("--seed", type=int, default=1, help="of all fleets (default: 1)")
    parser.add_argument("--fleets", type=int, default=_FLEETS, help=f"of each kind and size (default: {_FLEETS})")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="default: one per core")
    parser.add_argument("--only", action="append", metavar="STUDY", help="run this study; may be repeated")
    parser.add_argument(
        "--quick", action="store_true", help="three studies on a hundred fleets of two sizes, and no bars"
    )
    options = parser.parse_args()
    names, fleets, sizes = _QUICK if options.quick else (options.only, options.fleets, _EXPECTED)
    studies = [study for study in STUDIES if not names or study.name in names]
    cells = run(studies, sizes, fleets, options.seed, options.processes)
    options.out.write_text(_page(studies, cells, fleets, options.seed), encoding="utf-8")
    faults = [f"{cell.interval.title}, {cell.expected_failures:g} failures: {cell.fault}" for cell in _flat(cells)]
    faults = [] if options.quick else [fault for fault in faults if not fault.endswith(": ")]
    print("\n".join(faults) or "every interval reaches its bar", file=sys.stderr)
    return int(bool(faults))


def run(
    studies: Sequence[Study], sizes: Sequence[float], fleets: int, seed: int, processes: int
) -> dict[str, list[list[Cell]]]:
    """Simulate the fleets of every study and size.

    Returns
    -------
    dict
        By study, one list per interval, one cell per size.
    """
    tasks = [
        (study.name, size, seed, chunk, min(_CHUNK, fleets // study.one_in - chunk * _CHUNK))
        for study in studies
        for size in sorted(sizes, reverse=True)
        for chunk in range(math.ceil(fleets // study.one_in / _CHUNK))
    ]
    tallies: dict[tuple[str, str, float], Tally] = {}
    began = dict.fromkeys((study.name for study in studies), 0.0)
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        for (study, size, *_), (seconds, found) in zip(tasks, pool.map(_chunk, tasks, chunksize=1), strict=True):
            began[study] += seconds
            for interval, tally in found.items():
                key = study, interval, size
                tallies[key] = tallies.get(key, Tally()) + tally
    for name, seconds in began.items():
        print(f"{seconds:7.1f} s  {name}", file=sys.stderr)
    return {
        study.name: [
            [Cell(interval, size, tallies[study.name, key, size]) for size in sizes]
            for key, interval in study.intervals.items()
        ]
        for study in studies
    }


def _chunk(task: tuple[str, float, int, int, int]) -> tuple[float, dict[str, Tally]]:
    name, size, seed, chunk, fleets = task
    study = next(study for study in STUDIES if study.name == name)
    rng = np.random.default_rng([seed, crc32(name.encode()), round(size), chunk])
    tallies = dict.fromkeys(study.intervals, Tally())
    began = time.process_time()
    for _ in range(fleets):
        try:
            answers = study.ask(size, rng)
        except ModelError:
            answers = {}
        for key in tallies:
            answer = answers.get(key)
            tallies[key] += (
                Tally(1)
                if answer is None
                else Tally(1, 1, int(answer.low <= answer.truth <= answer.high), int(answer.warned))
            )
    return time.process_time() - began, tallies


def _flat(cells: dict[str, list[list[Cell]]]) -> Iterator[Cell]:
    return (cell for of_study in cells.values() for of_interval in of_study for cell in of_interval)


def _page(studies: Sequence[Study], cells: dict[str, list[list[Cell]]], fleets: int, seed: int) -> str:
    parts = [
        "<!-- Generated by `python docs/coverage_study.py`; see `make validate`. -->",
        "# How often the intervals hold the truth",
        *_explanation(fleets, seed),
    ]
    for study in studies:
        sizes = [cell.expected_failures for cell in cells[study.name][0]]
        lines = [
            "| interval | judged as | " + " | ".join(f"{size:g}" for size in sizes) + " | remark |",
            "| --- | --- | " + " | ".join("---:" for _ in sizes) + " | --- |",
        ]
        for of_interval in cells[study.name]:
            told = [f"{cell.expected_failures:g}: {cell.fault}" for cell in of_interval if cell.fault]
            figures = " | ".join(_figure(cell) for cell in of_interval)
            interval = of_interval[0].interval
            lines.append(f"| {interval.title} | {interval.kind} | {figures} | {'; '.join(told)} |")
        fewer = f" On {fleets // study.one_in:,} fleets only: it is slow." if study.one_in > 1 else ""
        parts += [f"## {study.name[:1].upper()}{study.name[1:]}", f"{study.fleets}{fewer}", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _explanation(fleets: int, seed: int) -> tuple[str, ...]:
    low, high = _APPROXIMATE_BAND
    error = 2 * math.sqrt(CONFIDENCE * (1 - CONFIDENCE) / fleets)
    fleet_text = (
        f"Unless it says otherwise, a figure rests on {fleets:,} simulated fleets (seed {seed}) and is good to about "
        f"±{error:.1%}; all intervals promise {CONFIDENCE:.0%}. Fleets are watched through a log: half of the units "
        "already run when it begins (left truncation), the others are installed during it, some are removed before its "
        "end, all that last are censored at it. Columns are the expected number of failures in the log."
    )
    bar_text = (
        f"**Exact** intervals must hold the truth in at least {CONFIDENCE:.0%} of fleets, and as often as the "
        "enumeration of all counts says (in brackets); **enumerated** ones must do the latter. **Approximate** ones "
        f"must come to {low:.0%} to {high:.0%} with {max(_EXPECTED):g} failures; with {min(_EXPECTED):g} the figure is "
        f"printed, and where it is below {_WARN_BELOW:.0%} the result carries a warning (after the !: the share of "
        "results with one). **Shown** ones have no bar: they stand beside, to show what they miss. A fleet without an "
        "answer (a named error: no failures, a curve that does not reach the age asked for) is left out; the share of "
        "such fleets stands after the ∅."
    )
    return fleet_text, bar_text


def _figure(cell: Cell) -> str:
    tally = cell.tally
    if not tally.answered:
        return "∅100%"
    text = f"{cell.coverage:.1%}"
    if cell.enumerated is not None:
        text += f" [{cell.enumerated:.1%}]"
    if tally.warned:
        text += f" !{tally.warned / tally.answered:.0%}"
    if tally.answered < tally.fleets:
        text += f" ∅{1 - tally.answered / tally.fleets:.1%}"
    return text


if __name__ == "__main__":
    sys.exit(main())
