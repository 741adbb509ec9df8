"""Single values of PBS accounting records."""

from __future__ import annotations

import re
from typing import Final

_MEMORY: Final = re.compile(r"(\d{1,18})([kmgtp]?)([bw]?)", re.IGNORECASE)
_SHIFT: Final = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50}
_MOST: Final = 1 << 31
_WORD_BYTES: Final = 8
_WALLTIME: Final = re.compile(r"(?:(\d{1,9}):)?(?:(\d{1,9}):)?(\d{1,18})(?:\.\d+)?")
_VNODE_GPUS: Final = re.compile(r":ngpus=(\d{1,6})(?=[:)+]|$)")


def parse_bytes(text: str) -> int | None:
    """Return an amount of memory: a number, a unit of 1024s, and bytes (default) or words of eight.

    >>> parse_bytes("10gb"), parse_bytes("2mw"), parse_bytes("")
    (10737418240, 16777216, None)
    """
    if not text:
        return None
    match = _MEMORY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:80]!r}: not an amount of memory such as 4gb")
    amount = int(match[1]) << _SHIFT[match[2].lower()]
    if amount >= 1 << 59:
        raise ValueError(f"{text[:80]!r}: too much memory")
    return amount * _WORD_BYTES if match[3].lower() == "w" else amount


def parse_walltime(text: str) -> float | None:
    """Return a duration, ``[[hours:]minutes:]seconds``, in seconds.

    >>> parse_walltime("04:00:00"), parse_walltime("90"), parse_walltime("01:30"), parse_walltime("")
    (14400.0, 90.0, 90.0, None)
    """
    if not text:
        return None
    match = _WALLTIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:80]!r}: not a duration such as 04:00:00")
    total = 0.0
    for part in match.groups():
        if part is not None:
            total = total * 60 + int(part)
    return total


def hosts_of(exec_host: str) -> list[str]:
    """Return the hosts of ``exec_host``, in order.

    >>> hosts_of("n1/0*8+n2/0*8"), hosts_of("n1/0-3,7+n1/8")
    (['n1', 'n2'], ['n1'])
    """
    return list(dict.fromkeys(chunk.partition("/")[0] for chunk in exec_host.split("+") if chunk))


def slots_of(exec_host: str) -> int | None:
    """Return the CPUs of ``exec_host``: ``host/index*cpus`` (PBS) or the indices one by one (Torque).

    >>> slots_of("n1/0*8+n2/0*8"), slots_of("n1/0-3,7+n1/8"), slots_of("")
    (16, 6, None)
    """
    total = 0
    for chunk in exec_host.split("+"):
        places = chunk.partition("/")[2]
        for place in places.split(",") if places else ():
            index, star, times = place.partition("*")
            first, dash, last = index.partition("-")
            if star and times.isdecimal():
                total += int(times[:9])
            elif dash and first.isdecimal() and last.isdecimal():
                total += max(1, int(last[:9]) - int(first[:9]) + 1)
            else:
                total += 1
    return _believable(total) or None


def gpus_of(fields: dict[str, str]) -> int | None:
    """Return the GPUs of a job: given (``exec_vnode``, ``exec_gpus``), else asked for; None if no field can tell.

    >>> gpus_of({"exec_vnode": "(n1:ncpus=2:ngpus=4)+(n2:ncpus=2:ngpus=4)"}), gpus_of({"exec_vnode": "(n1:ncpus=2)"})
    (8, 0)
    >>> gpus_of({"exec_gpus": "n1-gpu/1+n1-gpu/0"}), gpus_of({"Resource_List.nodes": "2:ppn=4:gpus=2"}), gpus_of({})
    (2, 4, None)
    """
    if fields.get("exec_gpus"):
        return len(fields["exec_gpus"].split("+"))
    if "ngpus=" in fields.get("exec_vnode", ""):
        return _believable(sum(int(count) for count in _VNODE_GPUS.findall(fields["exec_vnode"])))
    asked = fields.get("Resource_List.ngpus", "")
    if asked.isdecimal() and len(asked) < 7:
        return int(asked)
    if fields.get("exec_vnode"):
        return 0
    nodes = fields.get("Resource_List.nodes", "")
    return _gpus_of_nodes(nodes) if nodes else None


def _gpus_of_nodes(nodes: str) -> int:
    """Return the GPUs of Torque's ``2:ppn=4:gpus=2+n7:ppn=1``."""
    total = 0
    for chunk in nodes.split("+"):
        count, _, properties = chunk.partition(":")
        gpus = [part.partition("=")[2] for part in properties.split(":") if part.startswith("gpus=")]
        if gpus and gpus[0].isdecimal():
            total += int(gpus[0][:6]) * (int(count[:6]) if count.isdecimal() else 1)
    return _believable(total)


def _believable(count: int) -> int:
    if count >= _MOST:
        raise ValueError(f"{count}: more than any cluster has")
    return count
