"""What a simulation of LLM serving leaves behind. Times are seconds since the begin of the cluster's log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Role = Literal["prefill", "decode"]
DownCause = Literal["node_fault", "crash"]

#: what becomes of a request, in the order of their codes
OUTCOMES = ("ok", "error", "cancelled", "in_flight")
OK, ERROR, CANCELLED, IN_FLIGHT = range(len(OUTCOMES))

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance of the model.

    Parameters
    ----------
    name
        As the gateway logs it.
    role
        Its pool.
    nodes
        Numbers of the nodes it occupies.
    """

    name: str
    role: Role
    nodes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Downtime:
    """An interval in which an instance does not serve. Those of one instance never overlap.

    Parameters
    ----------
    instance
        Index of the instance.
    from_seconds, to_seconds
        From the fault until it serves again, perhaps beyond the window.
    cause
        ``node_fault``: one of its nodes was out; ``crash``: its software crashed.
    node
        Number of the first node that was out; None for a crash.
    """

    instance: int
    from_seconds: float
    to_seconds: float
    cause: DownCause
    node: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Requests:
    """Every request that arrived in the window, by arrival: one array per column, all of one length.

    Parameters
    ----------
    arrival_seconds
        When the gateway got it, in whole microseconds.
    admitted_seconds, prefilled_seconds, first_token_seconds, end_seconds
        When its prefill began and ended, when its KV cache had reached the decode instance (the first token is sent),
        and when it was answered, failed or cancelled; NaN for what did not happen in the window.
    input_tokens, output_tokens
        Length of the prompt, and tokens sent by the end (0 for requests in flight).
    outcome
        Code: index in `OUTCOMES`.
    http_status
        200, 499 (client went away), 502 (its instance died), 503 (no instance to send it to); 0 in flight.
    prefill, decode
        Index of the instance it was given to, or -1. On demand that is when its prefill begins, round-robin on arrival.
    killed_by
        Index of the downtime that ended it, or -1.
    """

    arrival_seconds: Floats
    admitted_seconds: Floats
    prefilled_seconds: Floats
    first_token_seconds: Floats
    end_seconds: Floats
    input_tokens: Integers
    output_tokens: Integers
    outcome: NDArray[np.int8]
    http_status: NDArray[np.int16]
    prefill: NDArray[np.int32]
    decode: NDArray[np.int32]
    killed_by: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.arrival_seconds)

    def having(self, outcome: int) -> Flags:
        """Tell which requests ended so.

        Parameters
        ----------
        outcome
            Code: `OK`, `ERROR`, `CANCELLED` or `IN_FLIGHT`.

        Returns
        -------
        array of bool
            One flag per request.
        """
        flags: Flags = self.outcome == outcome
        return flags

    @property
    def ttft_seconds(self) -> Floats:
        """Arrival to first token: queue + prefill + KV transfer; NaN without a token."""
        return self.first_token_seconds - self.arrival_seconds

    @property
    def latency_seconds(self) -> Floats:
        """Arrival to end; NaN in flight."""
        return self.end_seconds - self.arrival_seconds

    @property
    def tpot_seconds(self) -> Floats:
        """Mean time of each token after the first; NaN unless the answer is complete and has two or more."""
        tpot = np.full(len(self), np.nan)
        has = self.having(OK) & (self.output_tokens > 1)
        tpot[has] = (self.end_seconds - self.first_token_seconds)[has] / (self.output_tokens[has] - 1)
        return tpot


@dataclass(frozen=True, slots=True, eq=False)
class ServingHistory:
    """Everything that happened to the serving system in its window.

    Parameters
    ----------
    from_seconds, to_seconds
        The window. It begins with empty instances.
    instances
        Prefill instances, then decode instances.
    downtimes
        By begin; those that touch the window.
    requests
        Every arrival.
    """

    from_seconds: float
    to_seconds: float
    instances: tuple[Instance, ...]
    downtimes: tuple[Downtime, ...]
    requests: Requests
