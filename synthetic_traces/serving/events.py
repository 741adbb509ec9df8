"""The discrete-event simulation of a gateway, its prefill instances and its decode instances."""

from __future__ import annotations

import math
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from heapq import heappop, heappush

import numpy as np

from synthetic_traces.serving.instance import BatchServer
from synthetic_traces.serving.records import (
    CANCELLED,
    ERROR,
    IN_FLIGHT,
    OK,
    Downtime,
    Floats,
    Instance,
    Integers,
    Requests,
)
from synthetic_traces.spec.serving import ServingSpec

# Where a request is; before _ENDED it is in flight.
_QUEUED, _PREFILL, _COMPUTED, _TRANSFER, _DECODE, _ENDED = range(6)

_HTTP_OK, _HTTP_CLIENT_CLOSED, _HTTP_BAD_GATEWAY, _HTTP_UNAVAILABLE = 200, 499, 502, 503
# Rounding of a clock that has counted many tokens.
_TOKEN_TOLERANCE = 1e-6


class _Pool:
    """Instances of one role, asked in turn."""

    def __init__(self, servers: Sequence[BatchServer]) -> None:
        self._order = deque(servers)

    def accepting(self) -> BatchServer | None:
        """Return the next one that accepts a request."""
        for _ in range(len(self._order)):
            self._order.rotate(-1)
            if self._order[-1].accepts:
                return self._order[-1]
        return None

    def running(self) -> BatchServer | None:
        """Return the next one that is up."""
        for _ in range(len(self._order)):
            self._order.rotate(-1)
            if not self._order[-1].downs:
                return self._order[-1]
        return None


class ServingSimulation:
    """The clock, and what happens at each event. Events of one instant happen in the order they were scheduled.

    Parameters
    ----------
    spec
        The serving system.
    instances
        Prefill instances, then decode instances.
    downtimes
        When they are down.
    arrivals
        Sorted times within the window, seconds.
    inputs, outputs
        Tokens of each request's prompt and of its complete answer.
    deadlines
        When each client goes away.
    """

    def __init__(
        self,
        spec: ServingSpec,
        instances: Sequence[Instance],
        downtimes: Sequence[Downtime],
        arrivals: Floats,
        inputs: Integers,
        outputs: Integers,
        deadlines: Floats,
    ) -> None:
        self._downtimes = downtimes
        self._begin, self._stop = spec.window_seconds
        self._transfer_seconds_per_token = spec.kv_transfer_seconds_per_1000_tokens / 1000

        # One element of array.array is read and written several times faster than one of numpy's.
        self._arrival = array("d", arrivals.tobytes())
        self._input = array("q", inputs.tobytes())
        self._output = array("q", outputs.tobytes())
        count = len(arrivals)
        never, nobody = array("d", [math.nan]) * count, array("i", [-1]) * count
        self._place = bytearray(count)
        self._admitted, self._prefilled, self._first_token, self._end = (never[:] for _ in range(4))
        self._prefill_of, self._decode_of, self._killed_by = (nobody[:] for _ in range(3))
        self._sent = array("q", [0]) * count
        self._status = array("h", [0]) * count

        self._gateway: deque[int] = deque()  # waiting for a prefill slot, on demand; else each instance has its queue
        self._computed: deque[int] = deque()  # waiting for a decode slot
        self._on_demand = spec.router == "on-demand"
        shares = [0.0, *(spec.prefill_tokens_per_second / n for n in range(1, spec.prefill_slots + 1))]
        speeds = [0.0, *(1 / spec.step_seconds(n) for n in range(1, spec.decode_batch_slots + 1))]
        self._servers = [
            BatchServer(index, speeds, self._computed)
            if instance.role == "decode"
            else BatchServer(index, shares, self._gateway if self._on_demand else deque())
            for index, instance in enumerate(instances)
        ]
        self._prefills = _Pool(self._servers[: spec.prefill_instances])
        self._decodes = _Pool(self._servers[spec.prefill_instances :])
        order = np.argsort(deadlines, kind="stable")
        self._deadlines = array("d", deadlines[order].tobytes())
        self._expiring = array("q", order.tobytes())  # requests by their deadlines
        self._events: list[tuple[float, int, Callable[[float, int], None], int]] = []
        self._scheduled = 0

    def run(self) -> Requests:
        """Let everything happen that happens within the window; to be called once.

        Returns
        -------
        Requests
            What became of every arrival.
        """
        self._schedule_downtimes()
        if self._deadlines:
            self._schedule(self._deadlines[0], self._expire, 0)
        for request, arrival in enumerate(self._arrival):
            self._happen(arrival)
            self._arrive(arrival, request)
        self._happen(self._stop)
        return self._columns()

    # Events

    def _schedule_downtimes(self) -> None:
        changes: list[tuple[float, bool, int]] = []
        for number, down in enumerate(self._downtimes):
            changes += [(max(self._begin, down.from_seconds), False, number), (down.to_seconds, True, number)]
        # At one instant, what fails goes before what returns: downtimes that touch leave no gap.
        for time, returns, number in sorted(changes):
            self._schedule(time, self._return if returns else self._fail, number)

    def _happen(self, until: float) -> None:
        events = self._events
        while events and events[0][0] <= until:
            now, _, action, subject = heappop(events)
            action(now, subject)

    def _schedule(self, time: float, action: Callable[[float, int], None], subject: int) -> None:
        self._scheduled += 1
        heappush(self._events, (time, self._scheduled, action, subject))

    def _schedule_due(self, server: BatchServer) -> None:
        if server.due < math.inf:
            self._schedule(server.due, self._due, server.index)

    def _due(self, now: float, index: int) -> None:
        server = self._servers[index]
        if server.due != now:
            return  # the batch has changed since
        request = server.finish()
        self._schedule_due(server)
        if self._place[request] == _PREFILL:
            self._compute(now, request)
        else:
            self._answer(now, request)

    # The way of a request

    def _arrive(self, now: float, request: int) -> None:
        if self._on_demand:
            server = None if self._gateway else self._prefills.accepting()
            queue = self._gateway
        else:
            server = self._prefills.running()
            if server is None:
                self._abort(now, request, _HTTP_UNAVAILABLE)
                return
            queue = server.queue
            self._prefill_of[request] = server.index
        if server is not None and server.accepts:
            self._admit(now, request, server)
        else:
            queue.append(request)

    def _admit(self, now: float, request: int, server: BatchServer) -> None:
        self._place[request] = _PREFILL
        self._admitted[request] = now
        self._prefill_of[request] = server.index
        server.used += 1
        server.holding.add(request)
        server.begin(now, request, self._input[request])
        self._schedule_due(server)

    def _compute(self, now: float, request: int) -> None:
        self._place[request] = _COMPUTED
        self._prefilled[request] = now
        server = None if self._computed else self._decodes.accepting()
        if server is None:
            self._computed.append(request)
        else:
            self._transfer(now, request, server)

    def _transfer(self, now: float, request: int, server: BatchServer) -> None:
        self._place[request] = _TRANSFER
        self._decode_of[request] = server.index
        server.used += 1
        server.holding.add(request)
        transferred = now + self._input[request] * self._transfer_seconds_per_token
        self._schedule(transferred, self._decode, request)
        prefill = self._servers[self._prefill_of[request]]
        prefill.used -= 1
        self._fill(now, prefill)

    def _decode(self, now: float, request: int) -> None:
        if self._place[request] != _TRANSFER:
            return  # it ended meanwhile
        self._place[request] = _DECODE
        self._first_token[request] = now
        self._servers[self._prefill_of[request]].holding.remove(request)
        if self._output[request] == 1:
            self._answer(now, request)
            return
        server = self._servers[self._decode_of[request]]
        server.begin(now, request, self._output[request] - 1)
        self._schedule_due(server)

    def _answer(self, now: float, request: int) -> None:
        self._sent[request] = self._output[request]
        self._close(now, request, _HTTP_OK)
        server = self._servers[self._decode_of[request]]
        server.used -= 1
        server.holding.remove(request)
        self._fill(now, server)

    def _close(self, now: float, request: int, status: int) -> None:
        self._place[request] = _ENDED
        self._end[request] = now
        self._status[request] = status

    def _fill(self, now: float, server: BatchServer) -> None:
        """Give free slots to those who wait; who ended while waiting is still in the queue, and passed over."""
        place, queue = self._place, server.queue
        while queue and server.accepts:
            request = queue.popleft()
            if place[request] == _QUEUED:
                self._admit(now, request, server)
            elif place[request] == _COMPUTED:
                self._transfer(now, request, server)

    # What goes wrong

    def _fail(self, now: float, number: int) -> None:
        server = self._servers[self._downtimes[number].instance]
        server.downs += 1
        lost = sorted(server.holding)
        if server.queue is not self._gateway and server.queue is not self._computed:
            lost += [request for request in server.queue if self._place[request] == _QUEUED]
            server.queue.clear()
        for request in lost:
            self._killed_by[request] = number
            self._abort(now, request, _HTTP_BAD_GATEWAY)
        for other in self._servers:  # slots that transfers held on the other side
            self._fill(now, other)

    def _return(self, now: float, number: int) -> None:
        server = self._servers[self._downtimes[number].instance]
        server.downs -= 1
        self._fill(now, server)

    def _expire(self, now: float, number: int) -> None:
        """Let the client go whose deadline has this number; wait for the next deadline of a request in flight."""
        request = self._expiring[number]
        if self._place[request] != _ENDED:
            self._abort(now, request, _HTTP_CLIENT_CLOSED)
            for index in (self._prefill_of[request], self._decode_of[request]):
                if index >= 0:
                    self._fill(now, self._servers[index])
        number += 1
        while number < len(self._expiring) and self._place[self._expiring[number]] == _ENDED:
            number += 1
        if number < len(self._expiring):
            self._schedule(self._deadlines[number], self._expire, number)

    def _abort(self, now: float, request: int, status: int) -> None:
        """End a request wherever it is, and free what it holds; the caller gives the slots to others."""
        place = self._place[request]
        if place in {_PREFILL, _COMPUTED, _TRANSFER}:
            prefill = self._servers[self._prefill_of[request]]
            prefill.holding.remove(request)
            if place != _TRANSFER:
                prefill.used -= 1
            if place == _PREFILL:
                prefill.remove(now, request)
                self._schedule_due(prefill)
        if place in {_TRANSFER, _DECODE}:
            decode = self._servers[self._decode_of[request]]
            decode.holding.remove(request)
            decode.used -= 1
            if place == _DECODE:
                left = math.ceil(decode.remove(now, request) - _TOKEN_TOLERANCE)
                self._sent[request] = self._output[request] - max(1, left)
                self._schedule_due(decode)
        self._close(now, request, status)

    def _columns(self) -> Requests:
        status = np.frombuffer(self._status, np.int16)
        outcome = np.full(len(status), ERROR, np.int8)
        for code, http in ((IN_FLIGHT, 0), (OK, _HTTP_OK), (CANCELLED, _HTTP_CLIENT_CLOSED)):
            outcome[status == http] = code
        return Requests(
            arrival_seconds=np.frombuffer(self._arrival, np.float64),
            admitted_seconds=np.frombuffer(self._admitted, np.float64),
            prefilled_seconds=np.frombuffer(self._prefilled, np.float64),
            first_token_seconds=np.frombuffer(self._first_token, np.float64),
            end_seconds=np.frombuffer(self._end, np.float64),
            input_tokens=np.frombuffer(self._input, np.int64),
            output_tokens=np.frombuffer(self._sent, np.int64),
            outcome=outcome,
            http_status=status,
            prefill=np.frombuffer(self._prefill_of, np.int32),
            decode=np.frombuffer(self._decode_of, np.int32),
            killed_by=np.frombuffer(self._killed_by, np.int32),
        )
