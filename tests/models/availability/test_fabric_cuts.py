"""What cuts two GPUs of a fabric off from each other."""

from __future__ import annotations

import pytest

from models.availability.component_rates import ComponentRate, ComponentRates
from models.availability.errors import UnknownMemberError
from models.availability.fabric_cuts import pair_cuts
from models.topology.builders.clos import clos
from models.topology.builders.dragonfly import dragonfly
from models.topology.builders.hpn import hpn
from models.topology.builders.rail_only import rail_only
from models.topology.fabric import Adapter

ONE, OTHER = Adapter(0, 0), Adapter(1, 0)


def alike(down: float, *classes: str) -> ComponentRates:
    return ComponentRates(
        tuple(ComponentRate(name, down / (1 - down), 1.0, "an example", "assumption") for name in classes)
    )


def test_one_tor_or_one_cable_cuts_a_single_homed_pair() -> None:
    fabric = hpn(hosts=2, gpus_per_host=1, hosts_per_segment=2, aggs_per_plane=1, single_tor=True)
    assert pair_cuts(fabric, ONE, OTHER).by_classes() == {("nic",): 2, ("nic-link",): 2, ("tor",): 1}


def test_two_faults_of_different_planes_cut_a_dual_homed_pair() -> None:
    fabric = hpn(hosts=2, gpus_per_host=1, hosts_per_segment=2, aggs_per_plane=1)
    found = pair_cuts(fabric, ONE, OTHER)
    low, high = found.unavailability(alike(0.01, "nic-link", "tor"))
    # Each plane is a series of two cables and a ToR.
    assert low <= (1 - 0.99**3) ** 2 <= high
    assert high - low < 2e-5


def test_between_segments_the_aggs_are_cut_only_together() -> None:
    fabric = hpn(hosts=2, gpus_per_host=1, hosts_per_segment=1, aggs_per_plane=2)
    cuts = pair_cuts(fabric, ONE, OTHER, largest=2).by_classes()
    assert ("agg", "agg") not in cuts
    # A ToR of one plane and any of the three that the other plane needs of the same sort.
    assert cuts["tor", "tor"] == 4


def test_racks_of_a_clos_are_joined_by_all_aggs() -> None:
    fabric = clos(4, 1, hosts_per_rack=2, racks_per_pod=2)
    singles = list(pair_cuts(fabric, Adapter(0, 0), Adapter(2, 0), largest=1).by_classes())
    assert singles == [("nic",), ("nic-link",), ("tor",)]


def test_peers_of_a_dragonfly_are_ways_too() -> None:
    fabric = dragonfly(hosts=4, gpus_per_host=1, adapters_per_router=1, routers_per_group=2, global_links_per_router=1)
    cuts = pair_cuts(fabric, ONE, OTHER, largest=2).by_classes()
    assert cuts["router",] == 2
    assert ("local-link",) not in cuts


def test_rails_that_never_meet_have_an_empty_cut() -> None:
    fabric = rail_only(hosts=2, gpus_per_host=2, hosts_per_leaf=2)
    assert pair_cuts(fabric, Adapter(0, 0), Adapter(1, 1)).cut_sets == (frozenset(),)


def test_a_gpu_without_a_cable_is_named() -> None:
    with pytest.raises(UnknownMemberError, match="host 9"):
        pair_cuts(clos(2, 1, hosts_per_rack=2, racks_per_pod=1), ONE, Adapter(9, 0))
