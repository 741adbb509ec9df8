"""What an LLM serving system is made of: its pools of instances, its load, its speeds, its faults."""

from __future__ import annotations

import math
from typing import Literal, get_args

import msgspec

Router = Literal["on-demand", "round-robin"]

_DAY_SECONDS = 86_400
_AT_LEAST_ONE = (
    "prefill_instances",
    "decode_instances",
    "nodes_per_prefill_instance",
    "nodes_per_decode_instance",
    "prefill_slots",
    "decode_batch_slots",
    "decode_slowdown_at_full_batch",
)
_POSITIVE = (
    "requests_per_second",
    "input_tokens_median",
    "output_tokens_median",
    "prefill_tokens_per_second",
    "decode_seconds_per_token",
    "client_timeout_seconds",
    "days",
)
_NOT_NEGATIVE = (
    "input_tokens_sigma",
    "output_tokens_sigma",
    "client_timeout_sigma",
    "kv_transfer_seconds_per_1000_tokens",
    "instance_crashes_per_1000_instance_days",
    "reload_seconds",
    "from_day",
)


class ServingSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Disaggregated serving: prefill instances compute prompts, decode instances generate, a gateway routes.

    The defaults of speeds, lengths and faults are assumptions of a plausible order of magnitude, not measurements; no
    recovery times were found in print.

    Parameters
    ----------
    prefill_instances, decode_instances
        Sizes of the two pools.
    nodes_per_prefill_instance, nodes_per_decode_instance
        Whole nodes that one instance occupies; it dies with any of them.
    requests_per_second
        Mean rate of arrivals, a Poisson process.
    day_rhythm
        Relative swing of that rate around its mean over a day (0 … 1); the peak is at 15:00 UTC.
    input_tokens_median, input_tokens_sigma
        Log-normal prompt length: median in tokens, standard deviation of its logarithm.
    output_tokens_median, output_tokens_sigma
        Log-normal length of a complete answer, likewise; at least one token.
    prefill_tokens_per_second
        Prompt tokens that one prefill instance computes per second, shared evenly by the prompts in it.
    prefill_slots
        Prompts that one prefill instance accepts at a time. A computed prompt keeps its slot until a decode instance
        takes it, so a full decode pool holds up the prefill pool.
    kv_transfer_seconds_per_1000_tokens
        Time to move the KV cache of 1000 prompt tokens; the slot in the decode instance is taken meanwhile.
    decode_seconds_per_token
        TPOT of a sequence alone on its instance.
    decode_batch_slots
        Sequences that one decode instance holds at a time.
    decode_slowdown_at_full_batch
        TPOT in a full batch relative to that (≥ 1); in between it grows linearly with the batch.
    instance_crashes_per_1000_instance_days
        Hazard of the serving software itself, per 1000 instance-days up; faults of nodes come on top.
    reload_seconds
        Time from a crash, or from the return of a failed node, until the model is loaded and the instance serves.
    client_timeout_seconds, client_timeout_sigma
        Log-normal time after which a client that lacks its complete answer goes away (HTTP 499): median, and standard
        deviation of its logarithm. At 0 all are alike; then a lasting overload leaves hardly a complete answer, because
        who comes to the head of the queue is about to go.
    router
        ``on-demand``: the gateway keeps requests in order of arrival and tries until an idle prefill instance accepts
        (P/D-Serve, arXiv 2408.08147, forwarding upon rejection). ``round-robin``: each request goes to the next running
        instance at once and queues there, however long its queue; what queues there dies with it.
    from_day, days
        The part of the cluster's log in which requests are served and logged, in days since its begin; request logs
        are big.

    Raises
    ------
    ValueError
        A field is out of range; the message names it. (From TOML: `msgspec.ValidationError`, which is one.)

    Examples
    --------
    >>> text = '''
    ... prefill_instances = 2
    ... decode_instances = 6
    ... requests_per_second = 5
    ... from_day = 3
    ... '''
    >>> spec = msgspec.toml.decode(text, type=ServingSpec)
    >>> spec.nodes_needed, spec.window_seconds
    (8, (259200.0, 345600.0))
    >>> ServingSpec(prefill_instances=0, decode_instances=6, requests_per_second=5)
    Traceback (most recent call last):
    ValueError: prefill_instances must be at least 1, not 0
    """

    prefill_instances: int
    decode_instances: int
    requests_per_second: float
    nodes_per_prefill_instance: int = 1
    nodes_per_decode_instance: int = 1
    day_rhythm: float = 0.5
    input_tokens_median: float = 1000.0
    input_tokens_sigma: float = 1.0
    output_tokens_median: float = 200.0
    output_tokens_sigma: float = 0.8
    prefill_tokens_per_second: float = 20_000.0
    prefill_slots: int = 4
    kv_transfer_seconds_per_1000_tokens: float = 0.015
    decode_seconds_per_token: float = 0.02
    decode_batch_slots: int = 64
    decode_slowdown_at_full_batch: float = 2.0
    instance_crashes_per_1000_instance_days: float = 20.0
    reload_seconds: float = 300.0
    client_timeout_seconds: float = 600.0
    client_timeout_sigma: float = 0.7
    router: Router = "on-demand"
    from_day: float = 0.0
    days: float = 1.0

    def __post_init__(self) -> None:
        for name in (*_AT_LEAST_ONE, *_POSITIVE, *_NOT_NEGATIVE, "day_rhythm"):
            value = getattr(self, name)
            if not math.isfinite(value):
                raise ValueError(f"{name} must be finite, not {value}")
            if name in _AT_LEAST_ONE and value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")
            if name in _POSITIVE and value <= 0:
                raise ValueError(f"{name} must be above 0, not {value}")
            if name in _NOT_NEGATIVE and value < 0:
                raise ValueError(f"{name} must not be negative, not {value}")
        if not 0 <= self.day_rhythm <= 1:
            raise ValueError(f"day_rhythm must be within 0 and 1, not {self.day_rhythm}")
        if self.router not in get_args(Router):
            raise ValueError(f"router must be one of {', '.join(get_args(Router))}, not {self.router!r}")

    @property
    def nodes_needed(self) -> int:
        """Nodes that all instances occupy."""
        return (
            self.prefill_instances * self.nodes_per_prefill_instance
            + self.decode_instances * self.nodes_per_decode_instance
        )

    @property
    def window_seconds(self) -> tuple[float, float]:
        """Begin and end of the served part, seconds since the log's begin."""
        return self.from_day * _DAY_SECONDS, (self.from_day + self.days) * _DAY_SECONDS

    def step_seconds(self, batch: int) -> float:
        """Time in which each of so many sequences on a decode instance gets its next token.

        Parameters
        ----------
        batch
            Sequences being generated, 1 … ``decode_batch_slots``.

        Returns
        -------
        float
            Seconds per token.

        Examples
        --------
        >>> spec = ServingSpec(prefill_instances=1, decode_instances=1, requests_per_second=1, decode_batch_slots=65)
        >>> spec.step_seconds(1), spec.step_seconds(33), spec.step_seconds(65)
        (0.02, 0.03, 0.04)
        """
        filled = (batch - 1) / max(1, self.decode_batch_slots - 1)
        return self.decode_seconds_per_token * (1 + (self.decode_slowdown_at_full_batch - 1) * filled)
