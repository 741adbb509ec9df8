"""Collectives carried out message by message, to count what the formulas say."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import product


@dataclass
class Ledger:
    """Messages by sender, channel and whether they change the rail; each is a list of sizes."""

    network: Counter = field(default_factory=Counter)
    nvlink: Counter = field(default_factory=Counter)
    network_bytes: Counter = field(default_factory=Counter)
    nvlink_bytes: Counter = field(default_factory=Counter)
    crossing_bytes: float = 0.0
    sizes: set = field(default_factory=set)

    def send(self, sender, receiver, size):
        """A GPU is (host, rail); NVLink inside a host, the sender's adapter otherwise."""
        if sender[0] == receiver[0]:
            self.nvlink[sender] += 1
            self.nvlink_bytes[sender] += size
            return
        self.network[sender] += 1
        self.network_bytes[sender] += size
        self.sizes.add(round(size, 6))
        if sender[1] != receiver[1]:
            self.crossing_bytes += size

    def crossing_share(self):
        total = sum(self.network_bytes.values())
        return self.crossing_bytes / total if total else 0.0

    def means(self, gpus):
        """Messages and bytes per GPU, as a cost states them."""
        counters = (self.network, self.nvlink, self.network_bytes, self.nvlink_bytes)
        return tuple(sum(counter.values()) / gpus for counter in counters)


def gpus_of(hosts, per_host):
    return list(product(range(hosts), range(per_host)))


def direct(hosts, per_host, pair_bytes):
    """Every GPU sends to every other one itself."""
    ledger = Ledger()
    for sender, receiver in product(gpus_of(hosts, per_host), repeat=2):
        if sender != receiver:
            ledger.send(sender, receiver, pair_bytes)
    return ledger


def pxn(hosts, per_host, pair_bytes):
    """Every item goes to the local GPU on its target's rail, in one bundle per local GPU; then one bundle per host."""
    ledger = Ledger()
    held = Counter()  # (holder, target) -> bytes
    bundles = Counter()  # (sender, local GPU) -> bytes
    arrived = Counter()
    for sender, receiver in product(gpus_of(hosts, per_host), repeat=2):
        if sender == receiver:
            continue
        relay = (sender[0], receiver[1])
        if relay != sender:
            bundles[sender, relay] += pair_bytes
        if relay == receiver:
            arrived[receiver] += pair_bytes
        else:
            held[relay, receiver] += pair_bytes
    for (sender, relay), size in bundles.items():
        ledger.send(sender, relay, size)
    for (relay, receiver), size in held.items():
        ledger.send(relay, receiver, size)
        arrived[receiver] += size
    assert all(arrived[gpu] == (hosts * per_host - 1) * pair_bytes for gpu in gpus_of(hosts, per_host))
    return ledger


def ring_order(hosts, per_host, ring):
    """The GPUs in the order of one ring: hosts in alternating directions, left by the adapter of the ring's number."""
    order = []
    for host in range(hosts):
        up = [(ring + 1 + step) % per_host for step in range(per_host)]
        order += [(host, rail) for rail in (up if host % 2 == 0 else reversed(up))]
    return order


def ring_all_reduce(hosts, per_host, vector_bytes):
    """Sum a vector over all GPUs: as many rings as GPUs per host; the sums are computed, chunk by chunk."""
    rings = per_host if hosts > 1 else 1
    ledger = Ledger()
    for ring in range(rings):
        order = ring_order(hosts, per_host, ring)
        ranks = len(order)
        # chunk[rank][piece]: the set of ranks summed in it
        sums = [[{rank} for _ in range(ranks)] for rank in range(ranks)]
        size = vector_bytes / rings / ranks
        for step in range(2 * (ranks - 1)):
            sent = [(rank, (rank - step) % ranks, sums[rank][(rank - step) % ranks]) for rank in range(ranks)]
            for rank, piece, contents in sent:
                receiver = (rank + 1) % ranks
                gathering = step >= ranks - 1
                sums[receiver][piece] = contents if gathering else sums[receiver][piece] | contents
                ledger.send(order[rank], order[receiver], size)
        everyone = set(range(ranks))
        assert all(piece == everyone for rank in sums for piece in rank)
    return ledger


def binary_tree_parents(ranks):
    """Parent of every rank but 0 in the tree of NCCL: rank 0 on top, others by their lowest bit."""
    parents = {}
    for rank in range(1, ranks):
        bit = rank & -rank
        up = (rank ^ bit) | (bit << 1)
        parents[rank] = up if up < ranks else rank ^ bit
    return parents


def double_tree_parents(ranks):
    """Both trees: the second mirrors the first where the number of ranks is even, and is shifted by one where odd."""
    first = binary_tree_parents(ranks)
    turned = (lambda rank: ranks - 1 - rank) if ranks % 2 == 0 else (lambda rank: (rank + 1) % ranks)
    return first, {turned(rank): turned(parent) for rank, parent in first.items()}


def depth(parents):
    def up(rank):
        return 0 if rank not in parents else 1 + up(parents[rank])

    return max((up(rank) for rank in parents), default=0)


def double_tree_slots(ranks, pieces):
    """Slots of an all-reduce over both trees when every rank sends and receives a piece per slot, greedily."""
    trees = double_tree_parents(ranks)
    children = [{rank: [c for c, p in tree.items() if p == rank] for rank in range(ranks)} for tree in trees]
    ready = {
        (piece, "up", number, leaf, tree[leaf])
        for number, tree in enumerate(trees)
        for piece in range(pieces)
        for leaf in range(ranks)
        if leaf in tree and not children[number][leaf]
    }
    arrived = Counter()
    slots = 0
    while ready:
        senders, receivers, moved = set(), set(), []
        for transfer in sorted(ready):
            _, _, _, sender, receiver = transfer
            if sender not in senders and receiver not in receivers:
                senders.add(sender)
                receivers.add(receiver)
                moved.append(transfer)
        for piece, way, number, sender, receiver in moved:
            ready.remove((piece, way, number, sender, receiver))
            below = children[number][receiver]
            arrived[piece, way, number, receiver] += 1
            if way == "up" and arrived[piece, way, number, receiver] < len(below):
                continue
            if way == "up" and receiver in trees[number]:
                ready.add((piece, "up", number, receiver, trees[number][receiver]))
            else:
                ready |= {(piece, "down", number, receiver, child) for child in below}
        slots += 1
    for number, tree in enumerate(trees):
        assert all(arrived[piece, "down", number, rank] == 1 for piece in range(pieces) for rank in tree)
    return slots


def ring_finish(hop_seconds, rounds):
    """When the last hop of a ring is done, if a rank hands a chunk on as soon as it has it and its link is free."""
    ranks = len(hop_seconds)
    done = [0.0] * ranks  # of the last step, by link
    for step in range(rounds * (ranks - 1)):
        got = [done[link - 1] if step else 0.0 for link in range(ranks)]
        done = [max(got[link], done[link]) + hop_seconds[link] for link in range(ranks)]
    return max(done)


def pipeline_finish(stages, micro_batches, forward, backward):
    """When a pipeline of one forward and one backward pass at a time (1F1B) has done all micro-batches."""
    order = []
    for stage in range(stages):
        warm = min(stages - stage - 1, micro_batches)
        steady = [
            task for batch in range(micro_batches - warm) for task in (("forward", warm + batch), ("backward", batch))
        ]
        cool = [("backward", batch) for batch in range(micro_batches - warm, micro_batches)]
        order.append([("forward", batch) for batch in range(warm)] + steady + cool)
    finished, clock, position = {}, [0.0] * stages, [0] * stages
    while any(position[stage] < len(order[stage]) for stage in range(stages)):
        for stage in range(stages):
            if position[stage] == len(order[stage]):
                continue
            way, batch = order[stage][position[stage]]
            before = ("forward", batch, stage - 1) if way == "forward" else ("backward", batch, stage + 1)
            if before[2] in range(stages) and before not in finished:
                continue
            start = max(clock[stage], finished.get(before, 0.0))
            clock[stage] = start + (forward if way == "forward" else backward)
            finished[way, batch, stage] = clock[stage]
            position[stage] += 1
    return max(clock)
