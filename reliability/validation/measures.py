"""The table of measures: what is counted on each cluster, and how the counts of all clusters are summed up.

A new analysis is held against the truth by one entry here: a function that counts on one cluster (its lake beside its
truth), and one that makes findings of the counts of all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reliability.validation.attribution import count_attributions, find_attributions
from reliability.validation.case import Case
from reliability.validation.certainty import count_certainty, find_certainty
from reliability.validation.domains import count_domain_events, find_domain_events
from reliability.validation.ettr import count_ettr, find_ettr
from reliability.validation.findings import Findings
from reliability.validation.intervals import count_lifetimes, count_rates, find_lifetimes, find_rates
from reliability.validation.ledger import count_ledger, find_ledger
from reliability.validation.lemons import count_lemons, find_lemons
from synthetic_traces import ClusterSpec, plain, without_lemons

#: what becomes of the asked cluster before it is simulated
Change = Callable[[ClusterSpec], ClusterSpec]


def as_asked(spec: ClusterSpec) -> ClusterSpec:
    """Return the cluster itself."""
    return spec


#: each with seeds of its own, in this order
CHANGES: Final[tuple[Change, ...]] = (as_asked, plain, without_lemons)


@dataclass(frozen=True, slots=True)
class Measure:
    """One way to hold the pipeline against the truth.

    Parameters
    ----------
    count
        Counts on one cluster, at a confidence level; what it returns travels between processes.
    find
        Sums the counts of all clusters up.
    on
        The clusters it is counted on, of `CHANGES`. ``plain`` ones have no correlated faults, for what assumes
        independent failures at one rate; those without lemons show whether any is named where there is none.
    """

    count: Callable[[Case, float], Any]
    find: Callable[[Sequence[Any], float], Findings]
    on: tuple[Change, ...] = (as_asked,)


MEASURES: Final = {
    "rates": Measure(count_rates, find_rates, on=(plain,)),
    "lifetimes": Measure(count_lifetimes, find_lifetimes, on=(plain,)),
    "attributions": Measure(count_attributions, find_attributions),
    "ettr": Measure(count_ettr, find_ettr),
    "lemons": Measure(count_lemons, find_lemons, on=(as_asked, without_lemons)),
    "ledger": Measure(count_ledger, find_ledger),
    "domain_events": Measure(count_domain_events, find_domain_events),
    "certainty": Measure(count_certainty, find_certainty),
}
#: what is counted anew as the noise of the logs changes
SENSITIVE: Final = ("rates", "attributions")
