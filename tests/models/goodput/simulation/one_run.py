"""One run, event by event, on a heap: slow, plain, with nothing of the code under test but the plan."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

from models.goodput.run_plan import RunPlan


@dataclass
class Stock:
    """Spares, where failed nodes are replaced; each failure takes the next of `repairs`, each restart of `offers`."""

    spares: int
    repairs: Iterator[float]
    offers: Iterator[float] | None = None
    handover: float = 0.0
    in_job: float | None = None
    away: list[float] = field(default_factory=list)
    replaced: bool = False


@dataclass
class OneRun:
    """A run that meets given gaps of held time; without a stock each attempt waits for the next of `waits`."""

    plan: RunPlan
    gaps: Iterator[float]
    waits: Iterator[float]
    stock: Stock | None = None
    horizon: float = math.inf

    def play(self) -> Counter[str]:
        """Return the seconds of each kind, failures, interruptions and whether it finished."""
        self.events, self.order, self.epoch = [], count(), 0
        self.now, self.phase, self.began = 0.0, "queue", True
        self.books = Counter()
        self.saved, self.work, self.written, self.safe = 0.0, 0.0, 0, 0
        self.to_failure = next(self.gaps)
        self.at(self.horizon, "horizon", always=True)
        self.seek_nodes()
        while self.phase != "over":
            time, _, epoch, what, value = heapq.heappop(self.events)
            if epoch not in (None, self.epoch):
                continue
            self.pass_time(time)
            getattr(self, "on_" + what)(value)
        self.books["wall"] = self.now
        return self.books

    def at(self, time, what, value=None, *, always=False):
        heapq.heappush(self.events, (time, next(self.order), None if always else self.epoch, what, value))

    def pass_time(self, time):
        spent = time - self.now
        self.now = time
        if self.phase == "train":
            self.work += spent
        else:
            self.books[self.phase] += spent
        if self.phase != "queue":
            self.to_failure -= spent

    def seek_nodes(self):
        """Detected, or submitted: wait for what the run needs."""
        self.epoch += 1
        self.phase = "queue"
        offer = next(self.stock.offers) if self.stock and self.stock.offers else math.inf
        if self.stock is None or self.began:
            self.at(self.now + next(self.waits), "start", True)
            return
        away = sorted(back for back in self.stock.away if back > self.now)
        short = len(away) - self.stock.spares
        if short <= 0:
            self.at(self.now, "start", False)
        elif self.now + offer < away[short - 1]:
            self.stock.away = away[: len(away) - short]
            self.at(self.now + offer, "start", True)
        else:
            self.at(away[short - 1], "start", True)

    def on_start(self, waited):
        self.phase = "restart"
        needed = self.plan.restart_overhead_seconds
        if self.stock and not self.began:
            if not waited and self.stock.in_job is not None:
                needed = self.stock.in_job
            needed += self.stock.handover if self.stock.replaced else 0.0
            self.stock.replaced = False
        self.began = False
        self.at(self.now + self.to_failure, "failure")
        self.at(self.now + needed, "train")

    def on_train(self, _):
        self.phase = "train"
        left = self.plan.productive_seconds - self.saved - self.work
        if left <= self.plan.checkpoint_interval_seconds * (1 + 1e-12):
            self.at(self.now + left, "finish")
        else:
            self.at(self.now + self.plan.checkpoint_interval_seconds, "checkpoint")

    def on_checkpoint(self, _):
        self.phase = "checkpoint"
        self.written += 1
        self.at(self.now + (self.plan.checkpoint_write_seconds or 0.0), "safe", self.written)
        self.at(self.now + self.plan.stall_seconds, "train")

    def on_safe(self, number):
        self.safe = number

    def on_failure(self, _):
        self.books["failures"] += 1
        if self.phase != "detection":
            self.books["interruptions"] += 1
            kept = self.safe * self.plan.checkpoint_interval_seconds
            self.saved += kept
            self.books["productive"] += kept
            self.books["lost"] += self.work - kept
            self.work, self.safe, self.written = 0.0, 0, 0
            self.epoch += 1
            self.phase = "detection"
            self.at(self.now + self.plan.detection_seconds, "detected")
        else:  # draws belong to failures: one that starts no attempt leaves its own unused
            next(self.waits)
            if self.stock and self.stock.offers:
                next(self.stock.offers)
        if self.stock:
            self.stock.away.append(self.now + next(self.stock.repairs))
            self.stock.replaced = True
        self.to_failure = next(self.gaps)
        self.at(self.now + self.to_failure, "failure")

    def on_detected(self, _):
        self.seek_nodes()

    def on_finish(self, _):
        self.books["productive"] += self.plan.productive_seconds - self.saved
        self.books["finished"] = 1
        self.phase = "over"

    def on_horizon(self, _):
        self.books["productive"] += self.work
        self.phase = "over"
