"""Availability of fabrics: exact, drawn and searched agree with each other and with the blast radius of every state."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from models.availability.component_rates import ComponentRate, ComponentRates
from models.availability.contributions import availability_limits, contributions
from models.availability.errors import JobDoesNotFitError, NotAProbabilityError, UnknownComponentClassError
from models.availability.exact import k_of_n
from models.availability.fabric_exact import (
    Conditions,
    fabric_availability,
    hosts_down_on_average,
    job_availability,
    same_plane_availability,
)
from models.availability.host_needs import host_needs
from models.availability.monte_carlo import PartsDown, hosts_down, hosts_without, simulated_availability
from models.availability.published import published_rates
from models.availability.redundancy import level_domains
from models.availability.shocks import ShockLevel
from models.availability.sparse_draws import Cells, cells_from
from models.availability.system import FabricSystem, fabric_system
from models.availability.trajectories import trajectories
from models.topology.blast.components import Component, catalogue_of, components
from models.topology.blast.radius import blast_radius, hosts_reached
from models.topology.builders.clos import clos
from models.topology.builders.dcn_plus import dcn_plus
from models.topology.builders.dragonfly import dragonfly
from models.topology.builders.hpn import hpn
from models.topology.builders.nvl72 import nvl72
from models.topology.builders.rail import rail
from models.topology.builders.rail_only import rail_only
from models.topology.builders.railx import railx
from models.topology.builders.torus import torus
from models.topology.fabric import Adapter, Fabric, Link, Switch

SMALL: dict[str, Fabric] = {
    "hpn": hpn(hosts=6, gpus_per_host=2, hosts_per_segment=3, aggs_per_plane=3),
    "hpn-single-tor": hpn(hosts=6, gpus_per_host=2, hosts_per_segment=3, aggs_per_plane=3, single_tor=True),
    "clos": clos(8, 2, hosts_per_rack=2, racks_per_pod=4),
    "rail": rail(8, 2, 4),
    "rail-only": rail_only(hosts=6, gpus_per_host=2, hosts_per_leaf=3),
    "dcn-plus": dcn_plus(hosts=6, gpus_per_host=2),
    "nvl72": nvl72(8, 2, hosts_per_domain=2, domains_per_pod=2),
    "dragonfly": dragonfly(hosts=8, gpus_per_host=2, adapters_per_router=2),
    "railx": railx(9, 4),
    "torus": torus(shape=(4, 4), block=(2, 2), host=(2, 1)),
}
#: fabrics whose GPUs have adapters of their own
SWITCHED = [name for name in SMALL if name not in ("railx", "torus")]


def worn(fabric: Fabric, down: float, **others: float) -> ComponentRates:
    """Return rates at which every part is down for a share of the time."""
    names = {**dict.fromkeys(fabric_system(fabric).counts, down), **others}
    return ComponentRates(
        tuple(ComponentRate(name, u / (1.0 - u), 1.0, "worn", "assumption") for name, u in names.items())
    )


def state(system: FabricSystem, lost: dict[str, list[int]]) -> PartsDown:
    """Return one replica in which these parts are down, by their numbers in the wiring."""
    wiring = system.wiring
    widths = {
        "switches": wiring.switches,
        "cables": len(wiring.access) + len(wiring.chip_peers),
        "trunks": len(wiring.trunks),
        "peers": len(wiring.switch_peers),
        "nics": wiring.gpus,
        "hosts": system.hosts,
    }

    def cells(name: str) -> Cells:
        numbers = np.array(lost.get(name, []), dtype=np.int64)
        return cells_from(np.zeros(numbers.size, dtype=np.int64), numbers, widths[name])

    return PartsDown(**{name: cells(name) for name in widths})


@pytest.mark.parametrize("name", SWITCHED)
def test_any_faults_take_down_the_hosts_that_the_blast_radius_names(name: str) -> None:
    """The judge: switches, cables and adapters drawn at random, and what `hosts_reached` says of them."""
    fabric = SMALL[name]
    system = fabric_system(fabric)
    wiring = system.wiring
    rng = np.random.default_rng(8)
    switches = np.flatnonzero(wiring.switch_tier > 0)
    links, nics = components(fabric, "nic-link"), components(fabric, "nic")
    adapters = np.unique(wiring.access.lower)
    for _ in range(60):
        chosen = {
            "switches": rng.choice(switches, rng.integers(0, 4), replace=False).tolist(),
            "cables": rng.choice(len(wiring.access), rng.integers(0, 4), replace=False).tolist(),
            "nics": rng.choice(adapters, rng.integers(0, 2), replace=False).tolist(),
        }
        faults = [Component(system.tier(number), fabric.switches[number].name) for number in chosen["switches"]]
        faults += [links[number] for number in chosen["cables"]]
        faults += [nics[int(np.searchsorted(adapters, number))] for number in chosen["nics"]]
        found = hosts_without(system, state(system, chosen))
        down, _ = hosts_reached(fabric, faults)
        # A host that is up but cut off from most others has lost the network; the blast radius calls it degraded.
        assert set(down.tolist()) <= set(found.by_network.number.tolist())
        whole = not found.by_network.number.size and not found.planes_apart.size
        radius = blast_radius(fabric, faults)
        assert whole == (radius.gpus_down == 0 and radius.gpus_cut_off == 0), (chosen, radius)


@pytest.mark.parametrize("name", SWITCHED)
def test_a_fabric_that_cables_between_switches_split_is_not_whole(name: str) -> None:
    """Many cables lost: the graph is searched, and the blast radius finds the same splits."""
    fabric = SMALL[name]
    system = fabric_system(fabric)
    catalogue = catalogue_of(fabric)
    rng = np.random.default_rng(3)
    outcomes = set()
    for share in np.linspace(0.05, 0.95, 40):
        chosen: dict[str, list[int]] = {"trunks": [], "peers": []}
        faults = []
        for kind, found in catalogue.items():
            part = {"trunks": "trunks", "switch_peers": "peers"}.get(found.part)
            for place in np.flatnonzero(rng.random(len(found)) < share).tolist() if part else ():
                chosen[part].append(int(found.members(place)[0]))
                faults.append(Component(kind, found.label(place)))
        lost = hosts_without(system, state(system, chosen))
        radius = blast_radius(fabric, faults)
        whole = not lost.by_network.number.size and not lost.planes_apart.size
        assert whole == (radius.gpus_down == 0 and radius.gpus_cut_off == 0), (chosen, radius)
        outcomes.add(whole)
    # Hundreds of cables join the few switches of a DCN+ as small as this.
    assert outcomes == ({True} if name == "dcn-plus" else {True, False})


def every_state(parts: list[tuple[str, int, float]]) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], np.ndarray]:
    """Return all combinations of parts as replicas, and the probability of each."""
    states = np.array(list(product((False, True), repeat=len(parts))))
    down = np.array([share for _, _, share in parts])
    weight = np.where(states, down, 1.0 - down).prod(axis=1)
    found: dict[str, tuple[list[np.ndarray], list[np.ndarray]]] = {}
    for column, (name, number, _) in enumerate(parts):
        replicas = np.flatnonzero(states[:, column])
        kept = found.setdefault(name, ([], []))
        kept[0].append(replicas)
        kept[1].append(np.full(replicas.size, number))
    return {name: (np.concatenate(r), np.concatenate(n)) for name, (r, n) in found.items()}, weight


@pytest.mark.parametrize("single", [False, True])
def test_exact_values_agree_with_every_state_counted_out(single: bool) -> None:
    """Two hosts of one GPU under a ToR pair: 2^14 states, each judged as the simulation judges."""
    fabric = hpn(hosts=2, gpus_per_host=1, hosts_per_segment=2, aggs_per_plane=1, single_tor=single)
    system = fabric_system(fabric)
    wiring = system.wiring
    shares = {"nic": 0.03, "nic-link": 0.1, "tor": 0.07, "host": 0.05, "agg": 0.0, "tor-agg-link": 0.0}
    parts = [("cables", number, shares["nic-link"]) for number in range(len(wiring.access))]
    parts += [("switches", int(number), shares["tor"]) for number in np.flatnonzero(wiring.switch_tier == 3)]
    parts += [("nics", number, shares["nic"]) for number in range(wiring.gpus)]
    parts += [("hosts", number, shares["host"]) for number in range(system.hosts)]
    cells, weight = every_state(parts)
    widths = state(system, {})
    drawn = {
        name: cells_from(*cells[name], getattr(widths, name).width) if name in cells else getattr(widths, name)
        for name in ("switches", "cables", "trunks", "peers", "nics", "hosts")
    }
    found = hosts_without(system, PartsDown(**drawn))
    rates = ComponentRates(
        tuple(ComponentRate(name, u / (1 - u), 1.0, "worn", "assumption") for name, u in shares.items())
    )
    given = Conditions(rates)
    network = np.bincount(found.by_network.replica, minlength=weight.size)
    assert fabric_availability(system, given) == pytest.approx(weight[network == 0].sum(), abs=1e-12)
    down = np.bincount(found.by_any.replica, minlength=weight.size)
    assert job_availability(system, given, 2) == pytest.approx(weight[down == 0].sum(), abs=1e-12)
    assert job_availability(system, given, 1, 1) == pytest.approx(weight[down < 2].sum(), abs=1e-12)
    assert hosts_down_on_average(system, given) == pytest.approx(weight @ down, abs=1e-12)
    if not single:
        apart = np.isin(np.arange(weight.size), found.planes_apart)
        same = weight[(network == 0) & ~apart].sum()
        assert same_plane_availability(system, given) == pytest.approx(same, abs=1e-12)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("beta", [0.0, 0.3])
def test_drawing_agrees_with_the_exact_values_in_every_fabric(name: str, beta: float) -> None:
    fabric = SMALL[name]
    system = fabric_system(fabric)
    rates = worn(fabric, 0.01, agg=1e-4, spine=1e-4, core=1e-4, ocs=1e-4)
    quiet = dict.fromkeys((*system.trunk_classes, *system.peer_classes), 1e-05)
    rates = rates.with_rates({name: ComponentRate(name, u, 1.0, "worn", "assumption") for name, u in quiet.items()})
    shocks = (ShockLevel("rack", 0.01, 1.0, 0.8, 2), ShockLevel("cluster", 0.005, 1.0, 0.3))
    given = Conditions(rates, beta, shocks)
    replicas = 40_000
    drawn = simulated_availability(system, rates, 4, 1, replicas, np.random.default_rng(6), beta=beta, shocks=shocks)
    for exact, share in (
        (fabric_availability(system, given), drawn.fabric.share),
        (fabric_availability(system, given, "pod"), drawn.pod.share),
        (fabric_availability(system, given, "group"), drawn.group.share),
        (job_availability(system, given, 4, 1), drawn.job.share),
    ):
        assert share == pytest.approx(exact, abs=4.5 * np.sqrt(exact * (1 - exact) / replicas) + 2e-4)
    assert drawn.hosts_down == pytest.approx(
        hosts_down_on_average(system, given), abs=4.5 * drawn.hosts_down_error + 1e-4
    )
    plane = same_plane_availability(system, given)
    if plane is not None:
        assert drawn.same_plane.share == pytest.approx(plane, abs=4.5 * np.sqrt(plane * (1 - plane) / replicas) + 2e-4)


@pytest.mark.parametrize("name", ["hpn", "hpn-single-tor", "clos", "rail", "dragonfly", "railx", "nvl72"])
def test_histories_agree_with_exact_availability_and_frequency(name: str) -> None:
    fabric = SMALL[name]
    system = fabric_system(fabric)
    rates = worn(fabric, 0.004)
    shocks = (ShockLevel("rack", 0.002, 1.5, 0.9, 2),)
    given = Conditions(rates, 0.2, shocks)
    seen = trajectories(system, rates, 4, 1, 30, 4000.0, np.random.default_rng(9), beta=0.2, shocks=shocks)
    classes = tuple(name for name in system.counts if name in rates)
    for history, measure in (
        (seen.fabric, lambda conditions: fabric_availability(system, conditions)),
        (seen.job, lambda conditions: job_availability(system, conditions, 4, 1)),
    ):
        assert history.availability == pytest.approx(measure(given), abs=4.5 * history.standard_error + 1e-4)
        per_month = sum(cost.outages_per_month for cost in contributions(measure, given, classes))
        expected = per_month / 730.5 * history.hours
        assert history.outages.failures == pytest.approx(expected, abs=4.5 * np.sqrt(expected) + 0.02 * expected + 3)


def test_no_beta_and_no_shocks_is_independence() -> None:
    """Where no part of the network has a rate, only a host's own parts count: a binomial."""
    fabric = hpn(hosts=8, gpus_per_host=1, hosts_per_segment=8, aggs_per_plane=2)
    system = fabric_system(fabric)
    rates = ComponentRates((ComponentRate("host", 0.1, 1.0, "worn", "assumption"),))
    assert job_availability(system, Conditions(rates), 6, 2) == pytest.approx(k_of_n(6, 8, 1 / 1.1), abs=1e-12)
    assert fabric_availability(system, Conditions(rates)) == 1.0


def test_spares_and_second_tors_help_and_shared_causes_hurt() -> None:
    dual, single = (fabric_system(SMALL[name]) for name in ("hpn", "hpn-single-tor"))
    rates = worn(SMALL["hpn"], 0.02)
    jobs = [job_availability(dual, Conditions(rates), 3, spares) for spares in range(4)]
    assert jobs == sorted(jobs)
    assert job_availability(dual, Conditions(rates), 3) > job_availability(single, Conditions(rates), 3)
    by_beta = [job_availability(dual, Conditions(rates, beta), 3) for beta in (0.0, 0.2, 1.0)]
    assert by_beta == sorted(by_beta, reverse=True)
    shocked = Conditions(rates, 0.0, (ShockLevel("group", 0.1, 1.0, 0.5),))
    assert job_availability(dual, shocked, 3) < jobs[0]


def test_higher_rates_never_help() -> None:
    system = fabric_system(SMALL["hpn"])
    rates = worn(SMALL["hpn"], 0.01)
    given = Conditions(rates)
    before = job_availability(system, given, 4, 1)
    for name in rates:
        worse = given.with_rate(name, 3 * rates[name].failures_per_hour)
        assert job_availability(system, worse, 4, 1) <= before + 1e-12, name


def test_the_unit_of_time_changes_no_availability() -> None:
    system = fabric_system(SMALL["clos"])
    rates = worn(SMALL["clos"], 0.01)
    minutes = ComponentRates(
        tuple(
            replace(rate, failures_per_hour=rate.failures_per_hour / 60, repair_hours=60 * rate.repair_hours)
            for rate in rates.values()
        )
    )
    assert job_availability(system, Conditions(minutes), 4) == pytest.approx(
        job_availability(system, Conditions(rates), 4)
    )


def test_hosts_of_a_fabric_are_grouped_by_the_switches_above_them() -> None:
    assert fabric_system(SMALL["hpn"]).group.tolist() == [0, 0, 0, 1, 1, 1]
    assert fabric_system(SMALL["clos"]).group.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert not any(host_needs(fabric_system(fabric)).uneven for fabric in SMALL.values())
    racks = level_domains(fabric_system(SMALL["hpn"]), ShockLevel("rack", 0.1, 1.0, 0.5, 2))
    assert racks.tolist() == [0, 0, 1, 2, 2, 3]
    with pytest.raises(UnknownComponentClassError, match="'row'"):
        level_domains(fabric_system(SMALL["hpn"]), ShockLevel("row", 0.1, 1.0, 0.5))


def test_hosts_that_use_shared_switches_differently_are_told_and_nearly_right() -> None:
    """As real fabrics have them: one host with an adapter on a second leaf."""
    switches = (Switch("a", "leaf"), Switch("b", "leaf"), Switch("s", "spine"), Switch("t", "spine"))
    homes = {(0, 0): "a", (0, 1): "a", (1, 0): "a", (1, 1): "a", (2, 0): "a", (2, 1): "b"}
    links = [
        Link(Adapter(host, gpu), 1, leaf, 2 * host + gpu + 1, "leaf", None, None, 400.0)
        for (host, gpu), leaf in homes.items()
    ]
    for leaf, port in (("a", 1), ("b", 2)):
        links += [Link(leaf, 9 + up, spine, port, "spine", None, None, 400.0) for up, spine in enumerate("st")]
    fabric = Fabric("from-lake", 3, 2, switches, tuple(links))
    system = fabric_system(fabric)
    assert host_needs(system).uneven
    assert system.group.tolist() == [0, 0, 0]
    rates = worn(fabric, 0.01, spine=1e-4)
    drawn = simulated_availability(system, rates, 3, 0, 40_000, np.random.default_rng(2))
    # Leaf a is counted once for each of the two ways of using it: an availability too low by about its own.
    exact = job_availability(system, Conditions(rates), 3)
    assert drawn.job.share - 0.015 < exact < drawn.job.share + 0.003


def test_counts_are_those_of_the_catalogue_of_components() -> None:
    for name, fabric in SMALL.items():
        for kind, count in fabric_system(fabric).counts.items():
            assert count == len(components(fabric, kind)), (name, kind)


def test_a_pod_of_15360_gpus_is_drawn_ten_thousand_times_in_seconds() -> None:
    system = fabric_system(hpn(hosts=1920, gpus_per_host=8))
    found = hosts_down(system, published_rates("hpn"), 10_000, np.random.default_rng(1))
    per_replica = np.bincount(found.by_any.replica, minlength=10_000)
    exact = hosts_down_on_average(system, Conditions(published_rates("hpn")))
    assert per_replica.mean() == pytest.approx(exact, abs=4.5 * per_replica.std() / 100)


def test_a_pod_with_single_tors_loses_a_link_most_often() -> None:
    """HPN's own reckoning: a link takes its host down, 17.5 links a month in two ports a GPU, half of it in one."""
    system = fabric_system(hpn(hosts=1920, gpus_per_host=8, single_tor=True))
    given = Conditions(published_rates("hpn-single-tor"))
    costs = contributions(lambda conditions: fabric_availability(system, conditions), given, ("nic-link", "tor", "nic"))
    assert costs[0].component == "nic-link"
    whole = fabric_availability(system, given)
    assert costs[0].outages_per_month == pytest.approx(15_360 * 0.00057 * whole, rel=1e-3)


def test_limits_hold_the_value_and_follow_the_counts() -> None:
    system = fabric_system(SMALL["hpn"])
    published = published_rates("hpn")

    def measure(conditions: Conditions) -> float:
        return job_availability(system, conditions, 6)

    low, high = availability_limits(measure, Conditions(published), published, 100, np.random.default_rng(1))
    assert low < measure(Conditions(published)) < high
    given = ComponentRates(tuple(replace(rate, failures=None) for rate in published.values()))
    same = availability_limits(measure, Conditions(given), given, 10, np.random.default_rng(1))
    assert same[0] == pytest.approx(same[1])


def test_what_cannot_be_is_refused() -> None:
    system = fabric_system(SMALL["hpn"])
    rates = published_rates("hpn")
    with pytest.raises(JobDoesNotFitError, match="need 7 hosts; the fabric has 6"):
        job_availability(system, Conditions(rates), 6, 1)
    with pytest.raises(JobDoesNotFitError):
        simulated_availability(system, rates, 7, 0, 100, np.random.default_rng(1))
    with pytest.raises(NotAProbabilityError, match="beta"):
        Conditions(rates, 1.5)


def test_the_same_seed_draws_the_same() -> None:
    system = fabric_system(SMALL["hpn"])
    rates = worn(SMALL["hpn"], 0.02)
    one, other = (simulated_availability(system, rates, 4, 1, 1000, np.random.default_rng(4)) for _ in range(2))
    assert one == other
