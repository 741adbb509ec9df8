"""``topology step``: a training step on a damaged network."""

import json

import pytest

from models.topology.designs import design_fabric
from models.transformer import Layout, architecture_preset
from reliability.analyses.collectives import step_changes, training_layout, with_room
from reliability.cli import main
from reliability.errors import BadOptionError
from reliability.figures.theme import headline

LLAMA = architecture_preset("llama-3.1-405b")


@pytest.fixture(scope="module")
def found():
    fabric = design_fabric("hpn", {"gpus": 16_384})
    return step_changes(fabric, "llama-3.1-405b", LLAMA, Layout(8, 16, 128), kinds=("nic-port", "tor-pair", "agg"))


def test_every_component_is_lost_with_and_without_adaptive_routing(found):
    rows = found.rows()
    asked = [(row["component"], row["adaptive_routing"]) for row in rows]
    assert asked == [(kind, spread) for kind in ("nic-port", "tor-pair", "agg") for spread in (True, False)]
    port = rows[0]
    assert port["slowdown_share_if_all_network"] == 0.0625
    assert 0 < port["slowdown_share"] < 0.0625
    assert port["collectives"] == "reduce-scatter, all-gather"
    assert rows[3]["step_seconds_after"] is None
    assert rows[4]["limiting"] == "pipeline"


def test_the_document_is_the_step_part_by_part(found):
    document = found.document()
    parts = [document[f"{part}_seconds"] for part in ("computation", "bubble", "tensor", "expert", "pipeline", "data")]
    assert document["step_seconds"] == pytest.approx(sum(parts))
    assert document["step_seconds"] == found.rows()[0]["step_seconds_before"]
    assert (document["tp"], document["pp"], document["dp"], document["gpus"]) == (8, 16, 128, 16_384)
    assert [volume["parallelism"] for volume in document["volumes"]] == ["tensor", "tensor", "pipeline", "data", "data"]
    (warning,) = document["warnings"]
    assert warning.startswith("The loss of tor-pair ends the running job first")
    json.dumps(document)


def test_the_figure_stacks_the_parts_and_says_what_is_lost(found):
    figure = found.figure()
    assert {trace.name for trace in figure.data} == {"computation", "bubble", "tensor", "pipeline", "data"}
    assert list(figure.data[0].y)[:2] == ["whole network", "nic-port (spread)"]
    assert sum(trace.x[0] for trace in figure.data) == pytest.approx(found.before.step_seconds)
    texts = [annotation.text for annotation in figure.layout.annotations]
    assert texts == [
        "",
        "-0.41%",
        "-5.86%",
        "-0.88%, once back",
        "nothing gets through: no step",
        "-0.02%",
        "-2.45%",
    ]
    assert "a model, no measurement" in headline(figure)[1]


def test_what_loses_next_to_nothing_is_not_drawn_as_zero():
    fabric, model = design_fabric("hpn", {"gpus": 16_384}), architecture_preset("llama-3.1-405b")
    asked = {"kinds": ("agg-core-link",), "adaptive_routing": True}
    whole = step_changes(fabric, "llama-3.1-405b", model, Layout(8, 16, 128), **asked)
    assert whole.figure().layout.annotations[1].text == "less than 0.01% lost"
    inside = step_changes(fabric, "llama-2-7b", architecture_preset("llama-2-7b"), Layout(8), **asked)
    assert inside.figure().layout.annotations[1].text == "nothing lost"


def test_hostile_names_are_drawn_as_they_are():
    named = step_changes(
        design_fabric("hpn", {"gpus": 128}),
        "<b>%{x}</b>",
        architecture_preset("llama-2-7b"),
        Layout(8, 1, 16),
        kinds=("tor",),
    )
    assert "<b>%{x}</b>" in headline(named.figure())[1]
    assert all("<b>" not in (trace.hovertemplate or "") for trace in named.figure().data)


def test_all_network_classes_by_default_and_one_way_of_routing_if_asked():
    found = step_changes(
        design_fabric("rail-only", {"gpus": 2048, "gpus_per_domain": 8}),
        "llama-2-7b",
        architecture_preset("llama-2-7b"),
        Layout(8, 1, 256),
        adaptive_routing=True,
    )
    classes = [row["component"] for row in found.rows()]
    assert {"nic", "nic-port", "leaf", "rail"} <= set(classes)
    assert len(classes) == len(set(classes))
    assert all(row["adaptive_routing"] for row in found.rows())


def test_the_default_layouts_are_the_published_ones():
    assert training_layout(LLAMA, 16_384) == Layout(8, 16, 128)
    assert training_layout(LLAMA, 8192) == Layout(8, 16, 64)
    assert training_layout(architecture_preset("gpt-3-175b"), 32_768) == Layout(8, 8, 512)
    assert training_layout(architecture_preset("llama-2-7b"), 256) == Layout(8, 1, 32)
    assert training_layout(LLAMA, 16_000, tensor=8, pipeline=16, gpus_per_domain=72) == Layout(8, 16, 125)


def test_the_default_schedule_is_the_shortest():
    fabric, model = design_fabric("hpn", {"gpus": 1024}), architecture_preset("mixtral-8x22b")

    def seconds(parts):
        found = step_changes(fabric, "mixtral-8x22b", model, Layout(1, 4, 256, 8), kinds=("tor",), virtual_stages=parts)
        return found.before.step_seconds

    assert seconds(None) == pytest.approx(min(seconds(parts) for parts in range(1, 15)))
    assert seconds(None) < min(seconds(1), seconds(14))


def test_degrees_that_do_not_make_the_gpus_are_refused():
    with pytest.raises(BadOptionError, match=r"8 × 16 × 7 = 896"):
        training_layout(LLAMA, 1000)
    with pytest.raises(BadOptionError, match="--pp 0"):
        training_layout(LLAMA, 1000, pipeline=0)


def test_idle_gpus_of_a_large_domain_are_told():
    found = step_changes(
        design_fabric("nvl72"), "llama-3.1-405b", LLAMA, Layout(8, 16, 8), kinds=("leaf",), sequences=128
    )
    assert found.warnings[0].startswith("8 of 72 GPUs of each domain idle")


def test_a_run_larger_than_its_fabric_is_refused_and_a_planned_one_grows():
    fabric = design_fabric("hpn", {"gpus": 1024})
    with pytest.raises(BadOptionError, match="at most 1,024"):
        step_changes(fabric, "llama-3.1-405b", LLAMA, Layout(8, 16, 128))
    assert with_room("hpn", {}, 16_384) == {"gpus": 16_384}
    assert with_room("hpn", {"gpus": "1024"}, 16_384) == {"gpus": "1024"}
    assert with_room("railx", {}, 16_384) == with_room("from-lake", {}, 16_384) == {}


def test_experts_cannot_cross_rails_where_there_is_no_way():
    mixtral = architecture_preset("mixtral-8x7b")
    fabric = design_fabric("rail-only", {"gpus": 2048, "gpus_per_domain": 8})
    layout = Layout(4, 1, 64, expert=8)
    with pytest.raises(BadOptionError, match="no way from rail to rail"):
        step_changes(fabric, "mixtral-8x7b", mixtral, layout, pxn=False)
    rows = step_changes(fabric, "mixtral-8x7b", mixtral, layout, kinds=("leaf",)).volume_rows()
    (exchange,) = (row for row in rows if row["operation"] == "all-to-all")
    assert exchange["cross_rail_share"] == 0
    assert exchange["network_messages_per_call"] == 3


def test_the_command_answers_as_table_json_and_csv(capsys):
    command = ["topology", "step", "--model", "llama-2-7b", "--gpus", "256", "--fabric", "hpn", "--set", "gpus=1024"]
    command += ["--component", "nic-port", "--tp", "1", "--pp", "1"]
    assert main([*command, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["adaptive_routing"] for row in document["rows"]] == [True, False]
    assert main([*command, "--no-adaptive-routing", "--csv"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header.startswith("component,adaptive_routing,ends_running_job,bandwidth_left_share")
    assert [line.split(",")[:4] for line in lines] == [["nic-port", "False", "False", "0.5"]]
    assert main(command) == 0
    printed = capsys.readouterr()
    assert "the step when one is lost" in printed.out
    assert "Slowdown: share of the throughput lost" in printed.err


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (["--component", "host"], "no step goes on without a host"),
        (["--component", "flux"], "flux"),
        (["--sharding", "some"], "expected one of none, optimizer, full"),
        (["--gpu", "abacus"], "expected one of a100, h100"),
        (["--ep", "2"], "expert parallelism of 2"),
        (["--dp", "3"], "8 × 1 × 3 = 24"),
        (["--set", "nonsense=1"], "nonsense"),
        (["--sequences", "7"], "7 sequences per step cannot be shared out"),
    ],
)
def test_bad_questions_get_one_clear_line(capsys, changed, message):
    command = ["topology", "step", "--model", "llama-2-7b", "--gpus", "256", "--fabric", "hpn", "--set", "gpus=1024"]
    assert main([*command, *changed]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
