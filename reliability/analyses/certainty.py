"""How sure a verdict on an attempt is: what the fleet says, put into the odds of one attempt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from models.attribution_certainty import Certainty, certainty, user_share
from models.coincidence import chance_in_window
from models.rates import binomial_share, poisson_rate
from reliability.engines.duckdb_engine import DuckDBEngine
from reliability.marts import Parameters

HOURS: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Judged:
    """The probability that the infrastructure ended an attempt, its limits, and why, in sentences."""

    probability: float
    low: float
    high: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Rates:
    """One reading of the fleet: at its best estimate, or at either end of the intervals."""

    failures_per_node_hour: float
    detection_share: float
    sign_factor: float


@dataclass(frozen=True, slots=True)
class FleetCertainty:
    """What the fleet says about signs and failures, gathered once for all attempts.

    Parameters
    ----------
    window_hours
        Length of the attribution window.
    best, lowest, highest
        Rate of infrastructure failures that show FAILED, and the share of infrastructure failures that leave a sign.
    node_fails
        NODE_FAIL attempts, from which the share is known; without any, half is assumed.
    signs_per_node_hour
        By symptom.
    symptom_shares
        By symptom: its share of the signs of NODE_FAIL attempts, which the infrastructure ended for sure.
    users
        Attempts, and those that FAILED without a sign, by user; None for everybody.
    """

    window_hours: float
    best: _Rates
    lowest: _Rates
    highest: _Rates
    node_fails: int
    signs_per_node_hour: Mapping[str, float]
    symptom_shares: Mapping[str, float]
    users: Mapping[str | None, tuple[int, int]]

    def judge(self, attempt: Mapping[str, Any]) -> Judged | None:
        """Judge one attempt; None if it did not fail.

        Parameters
        ----------
        attempt
            With ``state``, ``evidence_count``, ``cause``, ``step_out_of_memory``, ``node_count``, ``run_hours``,
            ``user``, and for the words ``code``, ``node``, ``seconds_after_end``.
        """
        signs = bool(attempt["evidence_count"])
        if attempt["state"] == "NODE_FAIL":
            reason = "the scheduler ended it because a node failed: the infrastructure by definition"
            why = _sign_text(attempt) if signs else "no sign says why the node failed: the cause is unattributed"
            return Judged(1.0, 1.0, 1.0, (reason, why))
        if attempt["state"] != "FAILED":
            return None
        if attempt["step_out_of_memory"]:
            return Judged(0.0, 0.0, 0.0, ("a step ran out of memory: the user's program by definition",))
        found, low, high = (self._certainty(attempt, rates) for rates in (self.best, self.lowest, self.highest))
        ends = sorted((low.probability, found.probability, high.probability))
        return Judged(found.probability, ends[0], ends[-1], self._reasons(attempt, found))

    def _certainty(self, attempt: Mapping[str, Any], rates: _Rates) -> Certainty:
        has_sign = bool(attempt["evidence_count"])
        symptom = attempt["cause"] if has_sign else None
        share = self.symptom_shares.get(symptom, 0.0) if symptom else 1.0
        signs = self.signs_per_node_hour.get(symptom, 0.0) if symptom else sum(self.signs_per_node_hour.values())
        everybody = self.users.get(None, (0, 0))
        own = self.users.get(attempt["user"], (0, 0)) if attempt["user"] is not None else (0, 0)
        return certainty(
            failures_per_node_hour=rates.failures_per_node_hour,
            nodes=attempt["node_count"] or 1,
            run_hours=attempt["run_hours"] or 0.0,
            user_failure_share=user_share(own[1], own[0], everybody[1], everybody[0]),
            detection_share=rates.detection_share * share,
            signs_per_node_hour=signs * rates.sign_factor,
            window_hours=self.window_hours,
            has_sign=has_sign,
        )

    def _reasons(self, attempt: Mapping[str, Any], found: Certainty) -> tuple[str, ...]:
        prior = f"its size, run time and user alone would say {found.prior_probability:.2g}"
        if not attempt["evidence_count"]:
            detected = f"{self.best.detection_share:.0%} of infrastructure failures leave a sign"
            if not self.node_fails:
                detected = "how many infrastructure failures leave a sign is not known here, half is assumed"
            return ("no sign on any of its nodes in the window", detected, prior)
        chance = f"such a sign comes by chance in {100 * found.chance_of_sign:.2g}% of windows"
        return (_sign_text(attempt), chance, prior)


def fleet_certainty(engine: DuckDBEngine, parameters: Parameters, confidence: float = 0.9) -> FleetCertainty:
    """Gather what the fleet says.

    Parameters
    ----------
    engine
        Of a lake with jobs.
    parameters
        Of that engine: the attribution window.
    confidence
        Level of the intervals carried through.
    """
    window = (parameters.attribution_before_seconds + parameters.attribution_after_seconds) / HOURS
    ends, signs = engine.ask("certainty_of_ends"), engine.ask("certainty_of_signs")
    hours = max(engine.ask("fleet_hours")[0]["node_hours"], 1.0)
    total = {name: sum(row[name] or 0 for row in ends) for name in ("node_hours", "node_fails", "node_fails_with_sign")}
    with_sign = sum(row["failed_with_sign"] for row in ends)
    bursts = sum(row["bursts"] for row in signs)
    chance = sum(row["failed"] * chance_in_window(bursts / hours * row["node_count"], window) for row in ends)
    run_hours = max(total["node_hours"], 1.0)
    k, n = total["node_fails_with_sign"], total["node_fails"]
    detection = (k + 0.5) / (n + 1.0)
    limits = binomial_share(k, n, confidence) if n else None
    counted = poisson_rate(with_sign, run_hours, confidence)

    def rates(failures: float, detected: float, sign_factor: float) -> _Rates:
        detected = max(detected, 0.01)
        return _Rates(max(failures - chance, 0.5) / (detected * run_hours), detected, sign_factor)

    spread = poisson_rate(bursts, hours, confidence)
    factors = (
        (spread.low_per_day / spread.rate_per_day, spread.high_per_day / spread.rate_per_day) if bursts else (1, 1)
    )
    named = sum(row["node_fails"] for row in signs)
    users: dict[str | None, tuple[int, int]] = {None: (0, 0)}
    for row in ends:
        own = (row["attempts"], row["failed"] - row["failed_with_sign"])
        for user in {None, row["user"]}:
            before = users.get(user, (0, 0))
            users[user] = (before[0] + own[0], before[1] + own[1])
    return FleetCertainty(
        window_hours=window,
        best=rates(with_sign, detection, 1.0),
        lowest=rates(counted.low_per_day * run_hours, limits.low if limits else 0.0, factors[1]),
        node_fails=n,
        highest=rates(counted.high_per_day * run_hours, limits.high if limits else 1.0, factors[0]),
        # Half a burst where none began in the fleet's time: a sign that is there is never impossible.
        signs_per_node_hour={row["symptom"]: max(row["bursts"], 0.5) / hours for row in signs},
        # One further NODE_FAIL spread as the signs are, so that a symptom no NODE_FAIL had yet keeps a share.
        symptom_shares={
            row["symptom"]: (row["node_fails"] + max(row["bursts"], 0.5) / max(bursts, 1)) / (named + 1.0)
            for row in signs
        },
        users=users,
    )


def sentence(attempt: Mapping[str, Any], judged: Judged) -> str:
    """Say it in one sentence.

    Parameters
    ----------
    attempt
        As :meth:`FleetCertainty.judge` takes it, with ``attempt``.
    judged
        What it returned.
    """
    ended_by = "the infrastructure" if attempt["is_infrastructure"] else "the user's program"
    sure = judged.probability if attempt["is_infrastructure"] else 1.0 - judged.probability
    return f"Attempt {attempt['attempt']} ended by {ended_by} ({_sure(sure)} sure): {'; '.join(judged.reasons)}."


def _sure(probability: float) -> str:
    if probability >= 1:
        return "100%"
    return "more than 99.9%" if probability > 0.999 else f"{probability:.1%}"


def _sign_text(attempt: Mapping[str, Any]) -> str:
    after = attempt["seconds_after_end"] or 0.0
    when = f"{abs(after):.0f} s {'after' if after > 0 else 'before'} its end"
    return f"{attempt['cause'].replace('_', ' ')} ({attempt['code']}) on {attempt['node']} {when}"
