"""Domains that fail as one: what befalls several nodes at once, held against racks, switches, power, and chance."""

from models.domain_failures.events import Events, checked_events, distinct_domains
from models.domain_failures.propensity import node_propensity
from models.domain_failures.search import DomainSearch, search_domains
from models.domain_failures.verdicts import Verdict, event_verdict, is_false_flag, most_nodes_by_chance

__all__ = [
    "DomainSearch",
    "Events",
    "Verdict",
    "checked_events",
    "distinct_domains",
    "event_verdict",
    "is_false_flag",
    "most_nodes_by_chance",
    "node_propensity",
    "search_domains",
]
