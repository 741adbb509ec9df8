"""Why a fault does what it does: a sentence, and whether it is published or derived from the wiring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Outcome = Literal["nothing", "degrades", "down", "split"]

_HPN = "published: Qian et al., SIGCOMM 2024"
_RAIL_ONLY = "derived from the wiring of Wang et al., arXiv 2307.12169"
_RAILX = "derived from the wiring of RailX, arXiv 2507.18889"
_DERIVED = "derived from the wiring"

_SPARE = "the job on it fails, and a spare host has to take its place"
_ONLY_WAY = (
    "it is the only way into the network for the adapters below it, and a running collective does not survive that"
)

#: by class and outcome: what holds in every fabric
_SENTENCES: dict[tuple[str, Outcome], tuple[str, str]] = {
    ("gpu", "down"): (_SPARE, _HPN),
    ("host", "down"): (_SPARE, _HPN),
    ("nic", "down"): ("a GPU has one adapter, so the job on that GPU fails", "derived: the papers are silent"),
    ("nic-port", "down"): ("the adapter has no other port, so its host leaves the network", _HPN),
    ("nic-link", "down"): ("the adapter has no other link, so its host leaves the network", _HPN),
    ("nic-port", "degrades"): ("the adapter's other port carries on", _HPN),
    ("nic-link", "degrades"): ("the adapter's other port carries on", _HPN),
    ("nvlink", "down"): ("the GPU loses the others of its host, and their relay to its rail", _DERIVED),
    ("nvswitch", "down"): ("its GPUs lose each other, and their relay to other rails", _DERIVED),
    ("tor", "degrades"): ("its adapters keep their port on another ToR", _HPN),
    ("tor", "down"): (_ONLY_WAY, _HPN),
    ("tor-pair", "down"): ("both ports of its adapters are gone", _HPN),
    ("leaf", "down"): (_ONLY_WAY, _DERIVED),
    ("agg", "degrades"): ("the other aggregation switches carry on with the traffic that leaves the segment", _HPN),
    ("spine", "degrades"): ("the other spines carry on with the traffic between leaves", _DERIVED),
    ("core", "degrades"): (
        "only traffic that no lower tier can turn round passes the cores; the others carry on",
        _HPN,
    ),
    ("mesh-link", "nothing"): ("the chips of the host take the other ways through their mesh", _DERIVED),
    ("router", "down"): (_ONLY_WAY, _DERIVED),
    ("ocs", "degrades"): (
        "the rings that it closes are broken; traffic takes the other links of the chips until they are closed anew",
        _DERIVED,
    ),
    ("ocs-link", "degrades"): ("its ring is a path until it is closed anew around the link", _DERIVED),
    ("plane", "degrades"): ("every adapter keeps its port on the other plane", _HPN),
}
#: where one design says more
_OF_FABRICS: dict[tuple[str, str, Outcome], tuple[str, str]] = {
    ("rail-only", "leaf", "down"): (
        "one rail of its hosts loses the network; what could be relayed over others does not save a running collective",
        _RAIL_ONLY,
    ),
    ("rail-only", "spine", "degrades"): ("the other spines of the rail carry on", _RAIL_ONLY),
    ("hpn", "tor", "degrades"): ("its adapters keep their port on the other plane", _HPN),
    ("hpn", "tor-pair", "down"): ("both ports of its adapters are gone: one rail for all hosts of the segment", _HPN),
    ("hpn", "core", "degrades"): ("only traffic between pods passes the cores, and the others carry on", _HPN),
    ("railx", "ocs", "degrades"): (
        "one rail ring of one row or column is broken: every host on it loses one of its rails there",
        _RAILX,
    ),
    ("nvl72", "nvswitch", "down"): ("the whole scale-up domain is lost", _DERIVED),
}
_ANY: dict[Outcome, tuple[str, str]] = {
    "nothing": ("nothing that carries traffic is lost", _DERIVED),
    "degrades": ("other switches and links carry on with less capacity", _DERIVED),
    "down": ("GPUs are lost, or have no way into the network any more", _DERIVED),
    "split": ("what is left of the network falls into parts that do not reach each other", _DERIVED),
}
#: fabrics for which what HPN's paper says of a class is said of the fabric itself
_OF_HPN = frozenset({"hpn", "hpn-single-tor"})


def reason(fabric_kind: str, kinds: Sequence[str], outcome: Outcome, *, shared: str = "") -> str:
    """Return why faults do what they do.

    Parameters
    ----------
    fabric_kind : str
        Kind of the fabric.
    kinds : sequence of str
        Classes of the components that are lost.
    outcome : str
        ``nothing``, ``degrades``, ``down`` or ``split``.
    shared : str
        What hosts share beside the network, if one of the components is that.

    Returns
    -------
    str
        A sentence.

    Examples
    --------
    >>> reason("hpn", ["tor"], "degrades")
    'Its adapters keep their port on the other plane (published: Qian et al., SIGCOMM 2024).'
    """
    text, source = _ANY[outcome]
    if shared and outcome == "down":
        text, source = f"hosts that share the {shared} fail together", "derived from who shares it"
    elif len(kinds) == 1:
        general = _SENTENCES.get((kinds[0], outcome), (text, source))
        text, source = _OF_FABRICS.get((fabric_kind, kinds[0], outcome), general)
        if source == _HPN and fabric_kind not in _OF_HPN:
            source = f"{_DERIVED}, as in HPN"
    return f"{text[0].upper()}{text[1:]} ({source})."
