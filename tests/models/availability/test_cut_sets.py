"""Cut sets: every state of small random graphs counted out, and the bounds on either side of it."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.availability.cut_sets import (
    ReachabilityGraph,
    cut_set_bounds,
    cut_set_unavailability,
    minimal_cut_sets,
)
from models.availability.errors import TooManyCutSetsError, UnknownMemberError

Drawn = tuple[ReachabilityGraph, dict[object, float]]


def counted_out(graph: ReachabilityGraph, down: dict[object, float]) -> float:
    total = 0.0
    for state in product((True, False), repeat=len(down)):
        lost = {part for part, works in zip(down, state, strict=True) if not works}
        if not graph.reached(lost):
            total += np.prod([1 - u if works else u for works, u in zip(state, down.values(), strict=True)])
    return float(total)


@st.composite
def graphs(draw: st.DrawFn) -> Drawn:
    """A connected graph of four vertices and up to six cables, of which two may be one part."""
    pairs = draw(st.lists(st.sampled_from(list(combinations("abcd", 2))), min_size=3, max_size=6, unique=True))
    graph = ReachabilityGraph(
        tuple((one, other, n // draw(st.sampled_from([1, 1, 2]))) for n, (one, other) in enumerate(pairs)), ()
    )
    ends = tuple(list(graph.vertices())[:2])
    graph = ReachabilityGraph(graph.edges, ends)
    parts = sorted({part for _, _, part in graph.edges})  # type: ignore[type-var]
    inner = [vertex for vertex in graph.vertices() if vertex not in ends]
    names = [*parts, *inner]
    return graph, {name: draw(st.floats(0.0, 0.6)) for name in names}


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_the_exact_sum_and_the_bounds_agree_with_every_state(
    drawn: tuple[ReachabilityGraph, dict[object, float]],
) -> None:
    graph, down = drawn
    cuts = minimal_cut_sets(graph, list(down), largest=len(down))
    truth = counted_out(graph, down)
    assert cut_set_unavailability(cuts, down) == pytest.approx(truth, abs=1e-12)
    low, high = cut_set_bounds(cuts, down)
    assert max((np.prod([down[part] for part in cut]) for cut in cuts), default=0.0) - 1e-12 <= low <= truth + 1e-12
    assert high >= truth - 1e-12


@settings(max_examples=30, deadline=None)
@given(graphs())
def test_no_minimal_cut_holds_another(drawn: Drawn) -> None:
    graph, down = drawn
    cuts = minimal_cut_sets(graph, list(down), largest=len(down))
    assert not any(one < other for one in cuts for other in cuts)
    assert all(not graph.reached(cut) for cut in cuts)
    assert all(graph.reached(cut - {part}) for cut in cuts for part in cut)


def dual_homed() -> ReachabilityGraph:
    """Two hosts, a ToR of either plane, each host with a cable to both."""
    cables = [(host, tor, f"{host}-{tor}") for host in ("h1", "h2") for tor in ("tor0", "tor1")]
    return ReachabilityGraph(tuple(cables), ("h1", "h2"))


def test_a_dual_homed_pair_is_cut_by_both_tors_or_one_of_each_plane() -> None:
    parts = ["tor0", "tor1", "h1-tor0", "h1-tor1", "h2-tor0", "h2-tor1"]
    cuts = minimal_cut_sets(dual_homed(), parts)
    assert len(cuts) == 9
    assert all(len(cut) == 2 for cut in cuts)
    down = dict.fromkeys(parts, 0.01)
    # Each plane is a series of three; both must be lost.
    assert cut_set_unavailability(cuts, down) == pytest.approx((1 - 0.99**3) ** 2, rel=1e-12)


def test_a_single_homed_pair_is_cut_by_any_part() -> None:
    graph = ReachabilityGraph((("h1", "tor", 1), ("h2", "tor", 2)), ("h1", "h2"))
    assert {frozenset({"tor"}), frozenset({1}), frozenset({2})} == set(minimal_cut_sets(graph, ["tor", 1, 2]))


def test_a_graph_without_cuts_is_never_down() -> None:
    assert cut_set_bounds([], {}) == (0.0, 0.0)
    assert cut_set_unavailability([], {}) == 0.0


def test_too_many_cut_sets_and_unknown_vertices_are_named() -> None:
    with pytest.raises(TooManyCutSetsError, match="19"):
        cut_set_unavailability([frozenset({n}) for n in range(19)], dict.fromkeys(range(19), 0.1))
    with pytest.raises(UnknownMemberError, match="'x'"):
        ReachabilityGraph((("a", "b", 1),), ("a", "x"))
