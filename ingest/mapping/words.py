"""What the names and values of a foreign table suggest; guesses for a first mapping, for a person to correct."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Final

from reliability.schema import JOB_STATES, NODE_STATES, SEVERITIES

#: formats of times that logs use, the likelier first; all but those of US dates are unambiguous
TIME_FORMATS: Final = (
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%d/%m/%Y",
    "%m/%d/%y %H:%M",
    "%m/%d/%y %H:%M:%S",
    "%d/%m/%y %H:%M",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d",
    "%Y-%m-%d-%H.%M.%S.%f",
    "%Y-%m-%d %H:%M:%S %z",
    "%d-%b-%Y %H:%M:%S",
    "%d-%b-%y %H:%M",
    "%d/%b/%Y:%H:%M:%S %z",
    "%b %d %Y %H:%M:%S",
    "%a %b %d %H:%M:%S %Y",
    "%a, %d %b %Y %H:%M:%S %z",
)
#: role → words of which a column's name has one; the first role with a word decides
TIME_ROLES: Final = (
    ("submit", r"submit|submitted|submission|queued|created|creation|arrival|arrived|received"),
    (
        "end",
        (
            r"end|ended|stop|stopped|finish|finished|fixed|resolved|repaired|recovered|recovery|closed|cleared|completed"
            r"|completion|restored|removed|remove|deletion|until|to"
        ),
    ),
    (
        "start",
        (
            r"start|started|begin|began|from|since|opened|occurred|failed|failure|down|insert|inserted|installed|install"
            r"|scheduled|detected|first"
        ),
    ),
)
#: what a column that names a node is called, the likelier first: ``Host Name``, ``src_node_id``, ``nodenum``
NODE_WORDS: Final = ("hostname", "host", "nodename", "node", "machine", "server", "computer")
#: words that make a number a time rather than a length or a count
TIME_WORDS: Final = r"time|timestamp|ts|date|stamp|at|utc|epoch|when|start|end|submit"
LENGTH_WORDS: Final = r"duration|downtime|elapsed|runtime|length|ttr|wait|queue"

_JOB_STATES: Final = (
    (r"node.?fail", "NODE_FAIL"),
    (r"out.?of.?mem|oom", "OUT_OF_MEMORY"),
    (r"time.?out|timelimit|time.?limit", "TIMEOUT"),
    (r"preempt", "PREEMPTED"),
    (r"cancel|kill|abort|stopp?ed", "CANCELLED"),
    (r"fail|error|crash", "FAILED"),
    (r"complete|success|succeed|pass|done|finish|terminated|^ok$|^cd$", "COMPLETED"),
    (r"run|active", "RUNNING"),
    (r"pend|wait|queue", "PENDING"),
)
_SEVERITIES: Final = (
    (r"crit|fatal|emerg|alert|severe|panic", "critical"),
    (r"warn|err|major|minor|fail", "warning"),
    (r"info|notice|debug|ok|normal", "info"),
)
_NODE_STATES: Final = (
    (r"drain", "drain"),
    (r"maint", "maintenance"),
    (r"down|fail|fault|broken|unavail|^0$|off", "down"),
    (r"up|ok|idle|alloc|healthy|avail|online|^1$", "up"),
)
_COMPONENTS: Final = (
    (r"gpu|cuda", "gpu"),
    (r"nvswitch", "nvswitch"),
    (r"switch", "switch"),
    (r"cable|link|optic|transceiver", "link"),
    (r"nic\b|infiniband|\bib\b|hca|ethernet|network", "nic"),
    (r"disk|ssd|nvme|drive|storage|raid", "disk"),
    (r"dimm|memory|\bram\b", "dimm"),
    (r"cpu|processor", "cpu"),
    (r"psu|power", "psu"),
    (r"fan|cool|temperature", "fan"),
    (r"board", "board"),
    (r"pci", "pcie"),
    (r"file ?system|lustre|nfs|gpfs|mount", "filesystem"),
    (r"software|\bos\b|kernel|driver|firmware", "software"),
    (r"node|host|server", "node"),
)
#: component → symptom and domain of what is wrong with it
MEANINGS: Final = {
    "gpu": ("gpu_unavailable", "hardware"),
    "nvswitch": ("nvlink", "hardware"),
    "switch": ("ib_link", "hardware"),
    "link": ("ib_link", "hardware"),
    "nic": ("ib_link", "hardware"),
    "disk": ("disk", "hardware"),
    "dimm": ("main_memory", "hardware"),
    "cpu": ("cpu", "hardware"),
    "psu": ("power", "hardware"),
    "fan": ("cooling", "hardware"),
    "board": ("other", "hardware"),
    "pcie": ("pcie", "hardware"),
    "filesystem": ("filesystem_mount", "system_software"),
    "software": ("system_services", "system_software"),
    "node": ("node_unresponsive", "other"),
    "other": ("other", "other"),
}
_PAIRS: Final = (("start", "end"), ("begin", "end"), ("fail", "recover"), ("fail", "repair"), ("down", "up"))
_PAIRS_OF_STATE: Final = (("open", "close"), ("lost", "restored"), ("set", "clear"), ("raise", "clear"))


def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a column's name.

    >>> words_of("jobEndTime"), words_of("Prob Started (mm/dd)")
    (('job', 'end', 'time'), ('prob', 'started', 'mm', 'dd'))
    """
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return tuple(word for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word)


def has_word(name: Collection[str], pattern: str) -> bool:
    """Tell whether one of the words of a name is one of some words.

    >>> has_word(["end", "time"], "stop|end")
    True
    """
    return any(re.fullmatch(pattern, word) for word in name)


def time_format(texts: Sequence[str]) -> str | None:
    """Return the format in which the texts are times (one in five may be dirt), or None.

    >>> time_format(["31/12/2024 10:00"]), time_format(["2024-01-01"]), time_format(["n1"])
    ('%d/%m/%Y %H:%M', 'iso', None)
    """
    likely = [text for text in texts if re.search(r"\d", text) and re.search(r"[-/.:]", text)]
    for form in ("iso", *TIME_FORMATS) if likely else ():
        if sum(_is_time(text, form) for text in likely) >= 0.8 * len(texts):
            return form
    return None


def epoch_format(numbers: Sequence[float]) -> str | None:
    """Return the unit in which numbers are times since 1970 (between 1990 and 2100), or None.

    >>> epoch_format([1.7e9]), epoch_format([1.7e12]), epoch_format([17])
    ('epoch s', 'epoch ms', None)
    """
    for form, per_second in (("epoch s", 1), ("epoch ms", 1e3), ("epoch us", 1e6), ("epoch ns", 1e9)):
        if numbers and all(631e6 <= number / per_second <= 4.1e9 for number in numbers):
            return form
    return None


def job_state(text: str) -> str | None:
    """Return the job state that a word seems to mean.

    >>> job_state("Suspended"), job_state("killed by eve"), job_state("odd")
    ('SUSPENDED', 'CANCELLED', None)
    """
    return text.upper() if text.upper() in JOB_STATES else _meaning(_JOB_STATES, text)


def severity(text: str) -> str | None:
    """Return the severity that a word seems to mean."""
    return text.lower() if text.lower() in SEVERITIES else _meaning(_SEVERITIES, text)


def node_state(text: str) -> str | None:
    """Return the node state that a word seems to mean."""
    return text.lower() if text.lower() in NODE_STATES else _meaning(_NODE_STATES, text)


def component(text: str) -> str:
    """Return the kind of component that a text seems to be about."""
    return _meaning(_COMPONENTS, text) or "other"


def start_and_end(texts: Collection[str]) -> tuple[str, str] | None:
    """Return which of two texts begins something and which ends it, or None.

    >>> start_and_end({"fault_end", "fault_start"})
    ('fault_start', 'fault_end')
    """
    if len(texts) != 2:
        return None
    for first, last in (*_PAIRS, *_PAIRS_OF_STATE):
        starts = [text for text in texts if first in text.lower()]
        ends = [text for text in texts if last in text.lower() and text not in starts]
        if len(starts) == 1 and len(ends) == 1:
            return starts[0], ends[0]
    return None


def distinct(texts: Sequence[str], most: int) -> list[str] | None:
    """Return the different texts in order of appearance, None if there are more than so many."""
    found = list(dict.fromkeys(texts))
    return found if len(found) <= most else None


def guess_map(texts: Sequence[str], meaning: Callable[[str], str | None]) -> tuple[dict[str, str], list[str]]:
    """Return what each text seems to mean, and the texts that mean nothing known."""
    known = {text: found for text in texts if (found := meaning(text)) is not None}
    return known, [text for text in texts if text not in known]


def _meaning(rules: Sequence[tuple[str, str]], text: str) -> str | None:
    return next((value for pattern, value in rules if re.search(pattern, text, re.IGNORECASE)), None)


def _is_time(text: str, form: str) -> bool:
    try:
        if form == "iso":
            datetime.fromisoformat(text.removesuffix(" UTC"))
        else:
            datetime.strptime(text, form)  # noqa: DTZ007 - only tried
    except ValueError:
        return False
    return True
