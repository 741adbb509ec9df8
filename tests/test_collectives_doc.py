"""Every number in a table of docs/collectives.md is computed here again."""

from pathlib import Path

import pytest

from models.collectives.all_to_all import direct_all_to_all, pxn_all_to_all, relay_overhead
from models.collectives.degraded import NetworkLoss, slowdown, step_change
from models.collectives.hierarchical import hierarchical_all_reduce
from models.collectives.inference import inference_volumes
from models.collectives.paths import PATHS, Group
from models.collectives.rings import ring_all_reduce
from models.collectives.step_time import MACHINES, step_time
from models.collectives.trees import double_tree_all_reduce
from models.collectives.volumes import TrainingStep, step_volumes
from models.transformer import Layout, architecture_preset

PAGE = (Path(__file__).parents[1] / "docs" / "collectives.md").read_text(encoding="utf-8")
H100 = PATHS["h100"]


def row(*cells):
    return "| " + " | ".join(cells) + " |\n"


def milliseconds(*costs):
    return tuple(f"{1e3 * cost.seconds:.3f}" for cost in costs)


@pytest.mark.parametrize("hosts", [16, 128])
@pytest.mark.parametrize(("size", "name"), [(1e6, "1 MB"), (1e9, "1 GB")])
def test_forms_of_an_all_reduce(hosts, size, name):
    group = Group(hosts, 8)
    forms = milliseconds(
        ring_all_reduce(group, size, H100),
        hierarchical_all_reduce(group, size, H100),
        hierarchical_all_reduce(group, size, H100, between=double_tree_all_reduce),
    )
    assert row(f"{hosts}, {name}", *forms) in PAGE


@pytest.mark.parametrize("hosts", [16, 64])
@pytest.mark.parametrize(("size", "name"), [(1e3, "1 kB"), (1e6, "1 MB")])
def test_forms_of_an_all_to_all(hosts, size, name):
    direct, pxn = (form(Group(hosts, 8), size, H100) for form in (direct_all_to_all, pxn_all_to_all))
    messages = (f"{cost.network_messages_per_gpu:g}" for cost in (direct, pxn))
    assert row(f"{hosts}, {name}", *milliseconds(direct, pxn), *messages) in PAGE


@pytest.mark.parametrize(("gpu", "published"), [("a100", "8.2%"), ("h100", "11.2%")])
def test_rail_only(gpu, published):
    assert f"| {published} | {relay_overhead(Group(128, 256), PATHS[gpu]):.1%} |\n" in PAGE


def test_pxn():
    direct, pxn = (
        form(Group(64, 8), 1e3, H100).network_messages_per_gpu for form in (direct_all_to_all, pxn_all_to_all)
    )
    assert f"| 8 times fewer | {direct / pxn:.1f} times fewer |\n" in PAGE


def test_one_port_in_both_readings():
    port = NetworkLoss("nic-port", 1 / 2, 15 / 16)
    spread = slowdown(1.0, port.share_left(H100, rebalanced=True))
    halved = slowdown(1 / 15, port.share_left(H100, rebalanced=False))
    assert f"all network, spread | 6.25% | {spread:.2%} |\n" in PAGE
    assert f"1/15 of the step on the network | 6.25% | {halved:.2%} |\n" in PAGE


@pytest.mark.parametrize("sequences", [256, 512, 1024])
def test_one_port_of_llama_7b(sequences):
    step = TrainingStep(architecture_preset("llama-2-7b"), Layout(data=256), sequences, 4096)
    machine, port = MACHINES["h100"], NetworkLoss("nic-port", 1 / 2, 15 / 16)
    before = step_time(step, machine)
    lost = (f"{step_change(step, machine, port, rebalanced=spread).slowdown_share:.1%}" for spread in (True, False))
    assert row(f"{sequences}", f"{before.exposed_seconds['data'] / before.step_seconds:.1%}", *lost) in PAGE


def test_hpn_traffic():
    step = TrainingStep(architecture_preset("gpt-3-175b"), Layout(8, 8, 512), 512, 2048, sharding="none")
    tensor, _, pipeline, data = step_volumes(step)
    assert f"| 5.5 GB | {data.message_bytes / 1e9:.2f} GB |\n" in PAGE
    assert f"| 6 MB | {pipeline.message_bytes / 1e6:.2f} MB |\n" in PAGE
    assert f"| 560 MB | {12 * tensor.message_bytes / 1e6:.0f} MB |\n" in PAGE
    per_layer = 2 * 7 / 8 * tensor.message_bytes / 1e6
    assert f"sends {12 * per_layer:,.0f} MB per GPU" in PAGE
    assert f"all four send {4 * 12 * per_layer:,.0f} MB" in PAGE


def test_a_request():
    found = [
        inference_volumes(architecture_preset("llama-3.1-8b"), tensor=tensor, prompt_tokens=128, generated_tokens=128)
        for tensor in (2, 4, 8)
    ]
    assert f"all-reduces per pass | 65 | {found[0].all_reduces_per_pass} |\n" in PAGE
    sent = ", ".join(f"{volumes.ring_bytes_per_gpu / 1e6:.1f}" for volumes in found)
    assert f"| 135.8, 203.7, 237.6 MB | {sent} MB |\n" in PAGE


def test_llama_3():
    step = TrainingStep(architecture_preset("llama-3.1-405b"), Layout(8, 16, 128), 2048, 8192, virtual_stages=7)
    time = step_time(step, MACHINES["h100"])
    assert f"| 38 to 43% | {0.5 * time.computation_share:.1%} |\n" in PAGE
    waiting, bubble = 1 - time.computation_share, time.bubble_seconds / time.step_seconds
    assert f"waits for is {waiting:.0%} of the step: {bubble:.0%} in the bubble" in PAGE
