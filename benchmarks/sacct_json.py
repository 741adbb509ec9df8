"""Made-up ``sacct --json`` of any size: the job in ``sacct_job.json``, as Slurm 26.05 printed it, over and over.

Ids, times, states and nodes differ from job to job.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np

_TEMPLATE: Final = Path(__file__).with_name("sacct_job.json")
_STATES: Final = ("COMPLETED", "FAILED", "CANCELLED", "PREEMPTED", "TIMEOUT", "NODE_FAIL")
_SHARES: Final = (0.64, 0.24, 0.05, 0.05, 0.018, 0.002)
_FIRST: Final = 1_767_225_600  # 2026-01-01


def write_sacct_json(path: Path, size_bytes: int, rng: np.random.Generator) -> int:
    """Write at least so many bytes; returns the number of jobs."""
    document = json.loads(_TEMPLATE.read_text(encoding="utf-8"))
    (job,) = document.pop("jobs")
    jobs = 0
    with path.open("w", encoding="utf-8") as out:
        out.write('{"jobs": [')
        while out.tell() < size_bytes:
            out.write(",\n" if jobs else "\n")
            json.dump(_altered(job, jobs, rng), out)
            jobs += 1
        out.write("\n], " + json.dumps(document)[1:])
    return jobs


def _altered(job: dict[str, Any], number: int, rng: np.random.Generator) -> dict[str, Any]:
    submitted = _FIRST + 60 * number
    started = submitted + int(rng.integers(0, 600))
    place = int(rng.integers(1, 2000))
    times = {
        "submission": submitted,
        "eligible": submitted,
        "start": started,
        "end": started + int(rng.integers(10, 9000)),
    }
    return job | {
        "job_id": number + 1,
        "name": f"train-{number % 5000}",
        "nodes": f"node-[{place:04d}-{place + 1:04d}]",
        "state": {"current": [str(rng.choice(_STATES, p=_SHARES))], "reason": "None"},
        "time": job["time"] | times | {"elapsed": times["end"] - started},
    }
