"""The formulas say what a count of every message says."""

import pytest

from models.collectives.all_to_all import direct_all_to_all, pxn_all_to_all
from models.collectives.hierarchical import hierarchical_all_reduce
from models.collectives.paths import PATHS, Group
from models.collectives.rings import ring_all_gather, ring_all_reduce, ring_reduce_scatter
from models.collectives.trees import double_tree_all_reduce, tree_all_reduce
from tests.models.collectives import exchanges

SHAPES = [(1, 1), (1, 2), (1, 8), (2, 1), (5, 1), (2, 2), (2, 3), (3, 2), (3, 4), (4, 3), (5, 4), (4, 8)]
H100 = PATHS["h100"]


def counted(cost):
    return (
        cost.network_messages_per_gpu,
        cost.nvlink_messages_per_gpu,
        cost.network_bytes_per_gpu,
        cost.nvlink_bytes_per_gpu,
    )


@pytest.mark.parametrize(("hosts", "per_host"), SHAPES)
@pytest.mark.parametrize(
    ("formula", "exchange"), [(direct_all_to_all, exchanges.direct), (pxn_all_to_all, exchanges.pxn)]
)
def test_all_to_all_sends_what_routing_every_pair_counts(formula, exchange, hosts, per_host):
    cost, ledger = formula(Group(hosts, per_host), 1000.0, H100), exchange(hosts, per_host, 1000.0)
    assert counted(cost) == pytest.approx(ledger.means(hosts * per_host))
    assert cost.cross_rail_share == pytest.approx(ledger.crossing_share())
    assert ledger.sizes == ({cost.bytes_per_network_message} if hosts > 1 else set())
    for adapter in exchanges.gpus_of(hosts, per_host):
        assert ledger.network[adapter] == cost.network_messages_per_gpu


@pytest.mark.parametrize(("hosts", "per_host"), SHAPES)
def test_ring_all_reduce_sends_what_the_steps_count_and_every_adapter_the_same(hosts, per_host):
    cost = ring_all_reduce(Group(hosts, per_host), 9600.0, H100)
    ledger = exchanges.ring_all_reduce(hosts, per_host, 9600.0)
    gpus = exchanges.gpus_of(hosts, per_host)
    assert cost.bytes_per_gpu == pytest.approx(2 * (len(gpus) - 1) / len(gpus) * 9600.0)
    assert counted(cost) == pytest.approx(ledger.means(len(gpus)))
    assert cost.cross_rail_share == pytest.approx(ledger.crossing_share())
    if hosts > 1:
        assert len({ledger.network[gpu] for gpu in gpus}) == 1


@pytest.mark.parametrize(("hosts", "per_host"), SHAPES)
def test_an_all_reduce_is_its_two_halves(hosts, per_host):
    group = Group(hosts, per_host)
    halves = [half(group, 9600.0, H100) for half in (ring_reduce_scatter, ring_all_gather)]
    whole = ring_all_reduce(group, 9600.0, H100)
    assert whole.seconds == pytest.approx(sum(half.seconds for half in halves))
    assert whole.bytes_per_gpu == pytest.approx(sum(half.bytes_per_gpu for half in halves))


@pytest.mark.parametrize(("hosts", "per_host"), SHAPES)
def test_the_hierarchical_all_reduce_sends_what_rings_inside_and_between_hosts_count(hosts, per_host):
    cost = hierarchical_all_reduce(Group(hosts, per_host), 9600.0, H100)
    inside = exchanges.ring_all_reduce(1, per_host, 9600.0)
    between = exchanges.ring_all_reduce(hosts, 1, 9600.0 / per_host)
    assert counted(cost) == pytest.approx(
        (
            between.means(hosts)[0],
            inside.means(per_host)[1],
            between.means(hosts)[2],
            inside.means(per_host)[3],
        )
    )
    assert cost.cross_rail_share == 0.0


@pytest.mark.parametrize("ranks", range(1, 70))
def test_both_trees_span_all_ranks_within_the_height_that_the_formula_takes(ranks):
    trees = exchanges.double_tree_parents(ranks)
    for parents in trees:
        assert len(parents) == ranks - 1
        assert exchanges.depth(parents) == (ranks - 1).bit_length()
        children = [list(parents.values()).count(rank) for rank in range(ranks)]
        assert max(children, default=0) <= 2


@pytest.mark.parametrize("ranks", range(2, 70))
def test_no_rank_of_a_double_tree_sends_more_than_twice_the_vector_and_the_mean_is_that_of_a_ring(ranks):
    sent = [0.0] * ranks
    for parents in exchanges.double_tree_parents(ranks):
        for child, parent in parents.items():
            sent[child] += 0.5  # half the vector up
            sent[parent] += 0.5  # and down
    assert max(sent) <= 2.0
    cost = double_tree_all_reduce(Group(ranks, 1), 1e6, H100)
    assert cost.network_bytes_per_gpu == pytest.approx(1e6 * sum(sent) / ranks)
    assert cost.network_bytes_per_gpu == pytest.approx(ring_all_reduce(Group(ranks, 1), 1e6, H100).bytes_per_gpu)


@pytest.mark.parametrize("ranks", range(1, 40))
def test_a_binomial_tree_reaches_everyone_in_the_rounds_and_messages_that_the_formula_takes(ranks):
    reached, rounds, messages = 1, 0, 0
    while reached < ranks:
        new = min(reached, ranks - reached)
        reached, rounds, messages = reached + new, rounds + 1, messages + new
    # Once up the tree and once down it.
    cost = tree_all_reduce(Group(ranks, 1), 1e6, H100)
    channel = H100.network if ranks > 1 else H100.nvlink
    assert cost.seconds == pytest.approx(2 * rounds * channel.seconds(1e6))
    assert cost.network_messages_per_gpu * ranks == pytest.approx(2 * messages)
    assert cost.bytes_per_gpu * ranks == pytest.approx(2 * messages * 1e6)
