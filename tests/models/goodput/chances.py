"""Runs played out one attempt at a time, apart from all formulas: the judge of the exact solutions."""

import math

import numpy as np
from hypothesis import strategies as st

from models.goodput.run_plan import RunPlan

DAY = 86_400.0

finite_plans = st.builds(
    RunPlan,
    nodes=st.integers(1, 3000),
    failures_per_node_day=st.floats(0.0, 0.02),
    checkpoint_interval_seconds=st.floats(300.0, 7200.0),
    restart_overhead_seconds=st.floats(0.0, 1200.0),
    queue_wait_seconds=st.floats(0.0, 3600.0),
    checkpoint_write_seconds=st.floats(0.0, 300.0),
    detection_seconds=st.floats(0.0, 900.0),
    productive_seconds=st.floats(600.0, 5e5),
)


def play(plan, draw_gap, runs):
    """Return wall-clock seconds and interruptions of runs, each played out second by second of its events."""
    interval, stall = plan.checkpoint_interval_seconds, plan.stall_seconds
    write = plan.checkpoint_write_seconds or 0.0
    wall, interruptions = np.zeros(runs), np.zeros(runs)
    for run in range(runs):
        saved = 0.0
        while True:
            wall[run] += plan.queue_wait_seconds
            gap = draw_gap()
            left = plan.productive_seconds - saved
            stops = math.ceil(left / interval - 1e-9) - 1
            done_at = plan.restart_overhead_seconds + left + stops * stall
            if gap >= done_at:
                wall[run] += done_at
                break
            interruptions[run] += 1
            wall[run] += gap + plan.detection_seconds
            for checkpoint in range(1, stops + 1):
                begun_at = plan.restart_overhead_seconds + checkpoint * interval + (checkpoint - 1) * stall
                if begun_at + write > gap:
                    break
                saved += interval
    return wall, interruptions


def one_by_one(law, rng):
    """Return a function that draws one gap at a time."""
    drawn = iter(())

    def draw():
        nonlocal drawn
        for gap in drawn:
            return gap
        drawn = iter(law.sample(rng, 10_000).tolist())
        return next(drawn)

    return draw
