"""Made-up syslog of any size: one line in a thousand is a GPU's Xid, the others are what daemons write all day."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Final

import numpy as np

_LINES_PER_DAY: Final = 1_000_000
_FIRST: Final = date(2026, 1, 1)
_NOISE: Final = (
    "sshd[{n}]: Accepted publickey for user{u} from 10.0.{u}.1 port 50000 ssh2: ED25519 SHA256:aGVsbG8gd29ybGQ",
    "systemd[1]: Started Session {n} of user user{u}.",
    "slurmd[1234]: debug: _rpc_terminate_job: uid = {u} JobId={n}",
    "kernel: [{n}.123456] perf: interrupt took too long (2503 > 2500), lowering kernel.perf_event_max_sample_rate",
    "CRON[{n}]: pam_unix(cron:session): session opened for user root(uid=0) by (uid={u})",
)
_XID: Final = "kernel: [{n}.123456] NVRM: Xid (PCI:0000:{u:02x}:00): 79, pid={n}, GPU has fallen off the bus."


def write_syslog(path: Path, size_bytes: int, rng: np.random.Generator) -> int:
    """Write at least so many bytes, a day after another; returns the number of lines."""
    first = f"{_FIRST:%Y-%m-%d}".encode()
    lines = [line.encode() for line in _a_day(rng)]
    written = count = 0
    day = _FIRST
    with path.open("wb") as out:
        while written < size_bytes:
            # Only the day differs, but every event has a time of its own.
            today = b"".join(lines).replace(b"\n" + first, b"\n" + f"{day:%Y-%m-%d}".encode())
            needed = size_bytes - written
            if len(today) > needed:
                today = today[: today.index(b"\n", needed - 1) + 1] if b"\n" in today[needed - 1 :] else today
            out.write(today)
            written += len(today)
            count += today.count(b"\n")
            day += timedelta(days=1)
    return count


def _a_day(rng: np.random.Generator) -> list[str]:
    kinds = rng.integers(0, len(_NOISE), _LINES_PER_DAY)
    users = rng.integers(1, 200, _LINES_PER_DAY)
    lines = []
    for number in range(_LINES_PER_DAY):
        second = number * 86_400 // _LINES_PER_DAY
        text = _XID if number % 1000 == 500 else _NOISE[kinds[number]]
        stamp = f"{_FIRST:%Y-%m-%d}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}+00:00"
        lines.append(f"{stamp} gpu-{number % 2000:04d} {text.format(n=number, u=users[number])}\n")
    return lines
