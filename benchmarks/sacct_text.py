"""Made-up ``sacct --parsable2`` text of any length: every field that ingest looks at, and no meaning."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np

_COLUMNS: Final = (
    "JobID|JobIDRaw|Cluster|Partition|QOS|Account|Group|GID|User|UID|Submit|Eligible|Start|End|Elapsed|ExitCode|State|"
    "NNodes|NCPUS|ReqCPUS|ReqMem|ReqTRES|AllocTRES|Timelimit|NodeList|JobName"
)
_STATES: Final = ("COMPLETED", "FAILED", "CANCELLED by 1001", "PREEMPTED", "TIMEOUT", "NODE_FAIL")
_SHARES: Final = (0.64, 0.24, 0.05, 0.05, 0.018, 0.002)
_FLEET: Final = 2000
_BLOCK: Final = 50_000


def write_sacct(path: Path, rows: int, rng: np.random.Generator) -> None:
    """Write a header and ``rows`` attempts of 26 fields; about 330 days of a cluster of 2,000 nodes."""
    first = datetime(2026, 1, 1, tzinfo=UTC)
    spacing_seconds = 330 * 86_400 / rows
    with path.open("w", encoding="ascii") as out:
        out.write(_COLUMNS + "\n")
        for begin in range(0, rows, _BLOCK):
            count = min(_BLOCK, rows - begin)
            states = rng.choice(len(_STATES), count, p=_SHARES)
            nodes = 2 ** rng.choice(5, count, p=(0.8, 0.1, 0.05, 0.03, 0.02))
            places = rng.integers(1, _FLEET - 16, count)
            users = rng.integers(0, 200, count)
            run_seconds = rng.lognormal(8.0, 1.5, count).clip(1, 604_800).astype(int)
            waits = rng.integers(0, 600, count)
            out.writelines(
                _line(
                    number=begin + i,
                    submit=first + timedelta(seconds=int((begin + i) * spacing_seconds)),
                    wait_seconds=int(waits[i]),
                    run_seconds=int(run_seconds[i]),
                    state=_STATES[states[i]],
                    nodes=int(nodes[i]),
                    place=int(places[i]),
                    user=int(users[i]),
                )
                for i in range(count)
            )


def _line(
    *,
    number: int,
    submit: datetime,
    wait_seconds: int,
    run_seconds: int,
    state: str,
    nodes: int,
    place: int,
    user: int,
) -> str:
    start = submit + timedelta(seconds=wait_seconds)
    end = start + timedelta(seconds=run_seconds)
    days, rest = divmod(run_seconds, 86_400)
    elapsed = f"{f'{days}-' if days else ''}{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    hosts = f"node-{place:04d}" if nodes == 1 else f"node-[{place:04d}-{place + nodes - 1:04d}]"
    asked = f"billing={nodes * 96},cpu={nodes * 96},gres/gpu={nodes * 8},mem={nodes * 900}G,node={nodes}"
    return (
        f"{number}|{number}|bench|gpu|normal|team{user % 20}|g{user}|{user}|user{user}|{user}|"
        f"{submit:%Y-%m-%dT%H:%M:%S}|{submit:%Y-%m-%dT%H:%M:%S}|{start:%Y-%m-%dT%H:%M:%S}|{end:%Y-%m-%dT%H:%M:%S}|"
        f"{elapsed}|{int(state == 'FAILED')}:0|{state}|{nodes}|{nodes * 96}|{nodes * 96}|{nodes * 900}G|"
        f"{asked}|{asked}|7-00:00:00|{hosts}|train-{number % 5000}\n"
    )
