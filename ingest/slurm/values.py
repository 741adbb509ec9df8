"""The notations of Slurm's accounting, one small parser each.

A parser returns the value, None where Slurm itself says that it does not know, and raises ValueError otherwise:
a failure never becomes 0 or nothing.
"""

from __future__ import annotations

import math
import re
import shlex
from functools import lru_cache
from typing import Final, Literal

from ingest.slurm.host_lists import parse_hosts
from reliability.schema import JOB_STATES

UNKNOWN: Final = frozenset({"", "Unknown", "None", "N/A", "None assigned", "unknown", "NONE"})
_DURATION: Final = re.compile(r"(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)(?:\.(\d+))?")
_MEMORY: Final = re.compile(r"([0-9.]+)([KMGTPE]?)([nc]?)")
_EXIT_CODE: Final = re.compile(r"(\d{1,9})(?::(\d{1,9}))?")
_JOB_ID: Final = re.compile(r"(\d+(?:_(?:\d+|\[[^\]]*\])|\+\d+)?)(\..+)?")
_GRES_GPU: Final = re.compile(r"(?:gres[:/])?gpu(?::([A-Za-z][^:(=]*))?[:=](\d+)(?:\([^)]*\))?")
_UNITS: Final = {"K": 1 << 10, "": 1 << 20, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "P": 1 << 50, "E": 1 << 60}
#: Slurm's flag for "per CPU", printed as part of the number by some releases that then say "per node"
_PER_CPU_FLAG: Final = 1 << 31

_ABBREVIATIONS: Final = {
    "BF": "BOOT_FAIL",
    "CA": "CANCELLED",
    "CD": "COMPLETED",
    "CF": "RUNNING",
    "CG": "COMPLETING",
    "CONFIGURING": "RUNNING",
    "DL": "DEADLINE",
    "F": "FAILED",
    "NF": "NODE_FAIL",
    "OOM": "OUT_OF_MEMORY",
    "PD": "PENDING",
    "PR": "PREEMPTED",
    "R": "RUNNING",
    "RD": "PENDING",
    "REQUEUE_FED": "REQUEUED",
    "REQUEUE_HOLD": "PENDING",
    "RESV_DEL_HOLD": "PENDING",
    "RF": "REQUEUED",
    "RH": "PENDING",
    "RQ": "REQUEUED",
    "RS": "RESIZING",
    "RV": "REVOKED",
    "S": "SUSPENDED",
    "SE": "SPECIAL_EXIT",
    "SI": "RUNNING",
    "SIGNALING": "RUNNING",
    "SO": "COMPLETING",
    "STAGE_OUT": "COMPLETING",
    "ST": "SUSPENDED",
    "STOPPED": "SUSPENDED",
    "TO": "TIMEOUT",
}

#: options of sbatch, srun and salloc that take no value
_FLAGS: Final = frozenset(
    {
        "--parsable",
        "--exclusive",
        "--requeue",
        "--no-requeue",
        "--hold",
        "-H",
        "--wait",
        "-W",
        "--no-kill",
        "-k",
        "--overcommit",
        "-O",
        "--oversubscribe",
        "-s",
        "--contiguous",
        "--spread-job",
        "--reboot",
        "--verbose",
        "-v",
        "--quiet",
        "-Q",
        "--test-only",
        "--pty",
        "--unbuffered",
        "-u",
        "--label",
        "-l",
    }
)

#: ended by signals that Slurm sends
_ENDED_BY_SLURM: Final = frozenset({"CANCELLED", "PREEMPTED", "TIMEOUT"})

MemoryScope = Literal["job", "node", "cpu"]
_SCOPES: Final[dict[str, MemoryScope]] = {"n": "node", "c": "cpu", "": "job"}


def parse_state(text: str) -> str:
    """Return the state as Slurm spells it in full.

    >>> parse_state("CANCELLED by 1001"), parse_state("NF"), parse_state("OUT_OF_ME+")
    ('CANCELLED', 'NODE_FAIL', 'OUT_OF_MEMORY')
    """
    word = text.split(" ", 1)[0]
    state = _ABBREVIATIONS.get(word, word)
    if state.endswith("+"):
        matching = [known for known in JOB_STATES if known.startswith(state[:-1])]
        state = matching[0] if len(matching) == 1 else state
    if state not in JOB_STATES:
        raise ValueError("no job state of Slurm")
    return state


def parse_duration_seconds(text: str) -> float | None:
    """Return a duration in seconds.

    >>> parse_duration_seconds("7-20:39:39"), parse_duration_seconds("02:05.500"), parse_duration_seconds("UNLIMITED")
    (679179.0, 125.5, inf)
    """
    if text == "UNLIMITED":
        return math.inf
    if text in UNKNOWN or text == "Partition_Limit":
        return None
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("not a duration such as 1-02:03:04")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[:4])
    fraction = float(f"0.{match[5]}") if match[5] else 0.0
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds + fraction


def parse_elapsed_seconds(text: str) -> float | None:
    """Return a run time, given in seconds or as a duration, in seconds.

    >>> parse_elapsed_seconds("88"), parse_elapsed_seconds("00:01:28")
    (88.0, 88.0)
    """
    return float(text) if text.isdecimal() else parse_duration_seconds(text)


def parse_limit_minutes(text: str) -> float | None:
    """Return a time limit given in minutes, in seconds.

    >>> parse_limit_minutes("90"), parse_limit_minutes("Partition_Limit")
    (5400.0, None)
    """
    return parse_duration_seconds(text) if not text.isdigit() else int(text) * 60.0


def parse_memory(text: str) -> tuple[int, MemoryScope] | None:
    """Return bytes asked for, and whether per job, per node (``n``) or per CPU (``c``).

    ``0`` asks for all memory of a node, however much that is. A number above 2**31 megabytes carries Slurm's flag for
    "per CPU".

    >>> parse_memory("8000Mn"), parse_memory("4Gc"), parse_memory("62.50G")
    ((8388608000, 'node'), (4294967296, 'cpu'), (67108864000, 'job'))
    >>> parse_memory("2147486448Mn")
    (2936012800, 'cpu')
    """
    if text in UNKNOWN or text.rstrip("nc") in {"?", "0", "0M"}:
        return None
    match = _MEMORY.fullmatch(text)
    if match is None:
        raise ValueError("not an amount of memory such as 8000Mn")
    amount = float(match[1])
    scope = _SCOPES[match[3]]
    if match[2] in {"M", ""} and amount >= _PER_CPU_FLAG:
        amount, scope = amount - _PER_CPU_FLAG, "cpu"
    return round(amount * _UNITS[match[2]]), scope


def parse_exit_code(text: str) -> tuple[int, int] | None:
    """Return exit code and signal.

    >>> parse_exit_code("0:15"), parse_exit_code("42")
    ((0, 15), (42, 0))
    """
    if text in UNKNOWN:
        return None
    match = _EXIT_CODE.fullmatch(text)
    if match is None:
        raise ValueError("not an exit code such as 0:15")
    return int(match[1]), int(match[2] or 0)


def settled_exit_code(text: str, state: str) -> str:
    """Return an exit code as the controller and the completion log print it, as the accounting keeps it.

    Slurm marks a job that it ended itself (a failed node, a missed deadline) with the bare status 1, which reads as
    signal 1; the accounting stores exit code 1. The signal by which Slurm ends a job says no more than the state.

    >>> settled_exit_code("0:1", "NODE_FAIL"), settled_exit_code("0:9", "FAILED"), settled_exit_code("0:15", "TIMEOUT")
    ('1:0', '0:9', '')
    """
    if text.startswith("0:") and state in _ENDED_BY_SLURM:
        return ""
    return "1:0" if text == "0:1" else text


def parse_count(text: str) -> int | None:
    """Return a number of things.

    >>> parse_count("12"), parse_count("2K"), parse_count("")
    (12, 2048, None)
    """
    if text in UNKNOWN:
        return None
    factor = {"K": 1 << 10, "M": 1 << 20}.get(text[-1], 1)
    digits = text[:-1] if factor > 1 else text
    if not digits.isdecimal():
        raise ValueError("not a count")
    count = int(digits) * factor
    if count >= 1 << 31:
        raise ValueError("too large for a count")
    return count


def parse_integer(text: str) -> int | None:
    """Return an integer of up to 63 bits.

    >>> parse_integer("-3"), parse_integer("Unknown")
    (-3, None)
    """
    if text in UNKNOWN:
        return None
    if not text.removeprefix("-").isdecimal():
        raise ValueError("not an integer")
    value = int(text)
    if abs(value) >= 1 << 63:
        raise ValueError("too large for an integer")
    return value


def parse_job_id(text: str) -> tuple[str, str | None]:
    """Return the job's id and the step's, if it is one.

    >>> parse_job_id("17_3"), parse_job_id("18+0.batch")
    (('17_3', None), ('18+0', 'batch'))
    """
    match = _JOB_ID.fullmatch(text)
    if match is None:
        raise ValueError("not a job id")
    return match[1], match[2] and match[2][1:]


def parse_tres(text: str) -> dict[str, str]:
    """Return the trackable resources.

    >>> parse_tres("cpu=12,gres/gpu:h100=8,mem=48000M")
    {'cpu': '12', 'gres/gpu:h100': '8', 'mem': '48000M'}
    """
    if text in UNKNOWN:
        return {}
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(name and separator and value for name, separator, value in pairs):
        raise ValueError("not a list of resources such as cpu=1,mem=1G")
    return {name: value for name, _, value in pairs}


def parse_cpus(text: str) -> int | None:
    """Return the CPUs in a list of resources; None if it does not say.

    >>> parse_cpus("billing=12,cpu=12")
    12
    """
    return parse_count(parse_tres(text).get("cpu", ""))


def parse_gpus(text: str) -> int | None:
    """Return the GPUs in a list of resources: the untyped total, else the sum over models; None if it is empty.

    >>> parse_gpus("cpu=1,gres/gpu:h100=8,gres/gpu=8"), parse_gpus("cpu=1,gres/gpu:a100=2,gres/gpu:h100=4")
    (8, 6)
    >>> parse_gpus("cpu=1"), parse_gpus("")
    (0, None)
    """
    tres = parse_tres(text)
    if not tres:
        return None
    if "gres/gpu" in tres:
        return parse_count(tres["gres/gpu"])
    return sum(parse_count(value) or 0 for name, value in tres.items() if name.startswith("gres/gpu:"))


def parse_gpu_model(text: str) -> str | None:
    """Return the GPU model in a list of resources; several are joined by ``+``.

    >>> parse_gpu_model("gres/gpu:h100=8,gres/gpu=8")
    'h100'
    """
    models = {name.partition(":")[2] for name in parse_tres(text) if name.startswith("gres/gpu:")}
    return "+".join(sorted(models)) or None


def parse_gres_gpus(text: str) -> int | None:
    """Return the GPUs in the ``AllocGRES`` of older releases.

    >>> parse_gres_gpus("gpu:8"), parse_gres_gpus("gpu:tesla:2(IDX:0-1),craynetwork:1"), parse_gres_gpus("")
    (8, 2, None)
    """
    if text in UNKNOWN:
        return None
    found = [_GRES_GPU.fullmatch(part) for part in re.split(r",(?![^(]*\))", text)]
    return sum(int(match[2]) for match in found if match)


def parse_nodes(text: str) -> list[str] | None:
    """Return the hosts of a node list, in the scheduler's order.

    >>> parse_nodes("cpn-f13-03-[01-02],cpn-d07-04-01"), parse_nodes("None assigned")
    (['cpn-f13-03-01', 'cpn-f13-03-02', 'cpn-d07-04-01'], None)
    """
    if text in UNKNOWN:
        return None
    return _bracketed(text) if "[" in text or "]" in text else text.split(",")


@lru_cache(maxsize=1 << 15)
def _bracketed(text: str) -> list[str]:
    """Expand a list once: jobs of a cluster ask for the same stretches of nodes again and again."""
    return parse_hosts(text)


def parse_excluded(submit_line: str) -> list[str] | None:
    """Return the hosts that a submit line excludes, if any.

    Options end at the first word that is neither an option nor the value of one: the script.

    >>> parse_excluded("sbatch -N2 --exclude=gpu-[001-002] job.sh"), parse_excluded("sbatch -x a,b job.sh")
    (['gpu-001', 'gpu-002'], ['a', 'b'])
    >>> parse_excluded("sbatch -N2 job.sh -x a")
    """
    if "-x" not in submit_line and "--exclude" not in submit_line:
        return None
    try:
        words = shlex.split(submit_line)
    except ValueError:  # an open quote: sacct prints the line unquoted, so cut it at blanks
        words = submit_line.split()
    before = ""
    for word, after in zip(words[1:], [*words[2:], ""], strict=False):
        if word in {"-x", "--exclude"}:
            return _hosts_or_none(after)
        if word.startswith("--exclude="):
            return _hosts_or_none(word.partition("=")[2])
        if not word.startswith("-") and not _takes_value(before):
            return None
        before = word
    return None


def _takes_value(option: str) -> bool:
    """Tell whether the next word belongs to this option: ``-N 2``, ``--nodes 2``, but not ``-N2`` or ``--nodes=2``."""
    if option in _FLAGS or "=" in option:
        return False
    return option.startswith("--") or (option.startswith("-") and len(option) == 2)


def _hosts_or_none(text: str) -> list[str] | None:
    # The line is the user's prose, not accounting: a file name or a variable there excludes no known node.
    try:
        return parse_nodes(text)
    except ValueError:
        return None
