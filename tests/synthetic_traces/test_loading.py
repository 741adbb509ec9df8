"""Specifications from TOML: presets load, and what is wrong in a file is told in one line that names it."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest

from synthetic_traces import (
    BadSpecError,
    UnknownPresetError,
    load_spec,
    preset_names,
    preset_spec,
    without_lemons,
    write_trace,
)
from synthetic_traces.simulation.cluster import Simulation

SMALL = """
cluster = "lab"
start_utc = 2026-01-01T00:00:00Z
days = 2
warm_up_days = 1
[fleet]
nodes = 4
[workload]
users = 2
jobs_per_day = 20
classes = [{ gpus = 8, weight = 1, mean_hours = 1 }]
[[failure_modes]]
component = "gpu"
symptom = "gpu_memory"
per_1000_node_days = 100
xids = [48]
"""
TEAMS = "teams = { count = 1, run_nodes = [2] }\n"
LEMONS = '[lemons]\nshare = 0.5\nper_1000_node_days = 100\nsymptoms = ["gpu_memory"]\nweights = [1]\n'


def written(tmp_path, text):
    path = tmp_path / "cluster.toml"
    path.write_text(text)
    return path


def refused(path):
    with pytest.raises(BadSpecError) as caught:
        load_spec(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    return message


@pytest.mark.parametrize("preset", preset_names())
def test_every_preset_loads_and_tells_its_story(preset):
    spec = preset_spec(preset)
    assert spec.failures_per_1000_node_days > 0
    story = resources.files("synthetic_traces").joinpath("presets", f"{preset}.md").read_text(encoding="utf-8")
    assert story.startswith(f"# {preset}\n")
    assert "not reached" not in story


def test_the_presets_asked_for_are_there():
    assert {"tiny", "rsc-1", "rsc-2", "llama3-16k", "acme", "hpn-pod", "lemons"} <= set(preset_names())


def test_an_unknown_preset_is_refused_with_the_known_names():
    with pytest.raises(UnknownPresetError, match=r"unknown preset 'huge'; known presets: .*tiny"):
        preset_spec("huge")


def test_the_preset_describes_itself():
    spec = preset_spec("tiny")
    assert spec.failures_per_1000_node_days == pytest.approx(12.0)
    assert sum(mode.per_1000_node_days for mode in spec.failure_modes if mode.silent) == pytest.approx(1.2)
    assert not spec.has_correlated_faults


def test_a_twin_without_lemons_keeps_all_else():
    spec = preset_spec("lemons")
    twin = without_lemons(spec)
    assert spec.lemons is not None
    assert twin.lemons is None
    assert (twin.domain_faults, twin.workload, twin.failure_modes) == (
        spec.domain_faults,
        spec.workload,
        spec.failure_modes,
    )


def test_a_file_of_ones_own_is_a_cluster(tmp_path):
    spec = load_spec(written(tmp_path, SMALL + LEMONS))
    assert (spec.cluster, spec.fleet.nodes, spec.fleet.gpus_per_node) == ("lab", 4, 8)
    assert spec.has_correlated_faults
    assert len(Simulation(spec, 1).run().attempts) > 10


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("days = 2", "days = 2\ncolour = 1", "colour"),
        ("nodes = 4", "nodes = 4\ncolour = 1", r"colour.*fleet"),
        ("xids = [48]", "xids = [48]\nsmell = 1", r"smell.*failure_modes"),
        ("nodes = 4", 'nodes = "four"', r"int.*fleet\.nodes"),
        ("nodes = 4", "nodes = 4.5", r"int.*fleet\.nodes"),
        ("jobs_per_day = 20", "jobs_per_day = true", r"workload\.jobs_per_day"),
        ("nodes = 4", 'nodes = 4\nfabric = "torus"', r"torus.*fleet\.fabric"),
        ("nodes = 4", "nodes = 0", r"fleet\.nodes must be at least 1"),
        ("nodes = 4", "", r"nodes.*fleet"),
        ("days = 2\n", "", "days"),
        ('cluster = "lab"', "", "cluster"),
        ("users = 2", "", r"users.*workload"),
        ("00:00:00Z", "00:00:00", "start_utc must be in UTC"),
        ("00:00:00Z", "00:00:00+01:00", "start_utc must be in UTC"),
        ("00:00:00Z", "09:30:00Z", "start_utc must be a midnight"),
        ("days = 2", "days = 0", "days must be at least 1"),
        ("gpus = 8", "gpus = 40", r"workload\.classes asks for 5 nodes, the cluster has 4"),
        ("users = 2", TEAMS.replace("[2]", "[2, 5]") + "users = 2", r"workload\.teams.* 5 nodes.* 4"),
        (
            "users = 2",
            "crash_loops = [{ day = 1, nodes = 5, crashes = 2, mean_hours = 1 }]\nusers = 2",
            r"workload\.crash_loops.* 5 nodes.* 4",
        ),
        ("per_1000_node_days = 100\nxids", "per_1000_node_days = -1\nxids", "gpu_memory of gpu: rate"),
        ("xids = [48]", "shape = 0.0", "gpu_memory of gpu: .*shape"),
        ("nodes = 4", 'nodes = 4\nbatches = [{ name = "b", share = 1, symptom = "rust", factor = 2 }]', "'rust'"),
        ("xids = [48]", "xids = [48]\n" + LEMONS.replace("gpu_memory", "rust"), "lemons: .*'rust'"),
        ("xids = [48]", 'xids = [63]\neffect = "none"\n' + LEMONS, "'gpu_memory' takes a node down"),
        ("xids = [48]", "xids = [48]\n" + LEMONS + "spread = 0.5", r"lemons\.spread must be at least 1"),
        ("xids = [48]", "xids = [48]\n" + LEMONS + "cured_share = 2", r"lemons\.cured_share must lie in"),
        ("xids = [48]", "xids = [48]\n" + LEMONS.replace("[1]", "[1, 2]"), r"lemons\.weights weigh each"),
        ("xids = [48]", "xids = [7]", "gpu_memory of gpu: unknown Xid"),
        ("xids = [48]", "", "gpu_memory of gpu: no line is known"),
        ("[workload]", "[observability]\nmissed_share = 1.5\n[workload]", r"observability\.missed_share must lie in"),
        ("[workload]", "[observability]\nclock_skew_seconds = -1\n[workload]", "clock_skew_seconds must not be"),
        ("days = 2", "days = = 2", "line|column|Invalid"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_one_line_that_names_it(tmp_path, old, new, told):
    assert old in SMALL
    message = refused(written(tmp_path, SMALL.replace(old, new)))
    assert re.search(told, message), message


def test_no_failure_modes_are_no_cluster(tmp_path):
    text = SMALL.split("[[failure_modes]]", maxsplit=1)[0]
    assert "failure_modes" in refused(written(tmp_path, text))
    empty = text.replace("days = 2\n", "days = 2\nfailure_modes = []\n")
    assert "failure_modes must name at least one mode" in refused(written(tmp_path, empty))


def test_nodes_that_serve_run_no_jobs_and_do_not_count_for_them(tmp_path):
    serving = "[serving]\nprefill_instances = 1\ndecode_instances = 2\nrequests_per_second = 1\n"
    ok = load_spec(written(tmp_path, SMALL + serving))
    assert (ok.serving_nodes, ok.batch_nodes) == (3, 1)
    message = refused(written(tmp_path, SMALL.replace("gpus = 8", "gpus = 16") + serving))
    assert "asks for 2 nodes, the cluster has 1 for jobs" in message
    none = serving.replace("prefill_instances = 1", "prefill_instances = 0")
    assert "prefill_instances" in refused(written(tmp_path, SMALL + none))


def test_a_file_that_is_missing_or_no_text_is_told_by_its_name(tmp_path):
    assert "No such file" in refused(tmp_path / "nowhere.toml")
    assert "directory" in refused(tmp_path)
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b'cluster = "\xff\xfe"')
    assert "UTF-8" in refused(binary)


def test_the_cluster_of_the_documentation_runs(tmp_path):
    text = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")
    example = tmp_path / "mine.toml"
    example.write_text(text.partition("```toml\n")[2].partition("```")[0])
    summary = write_trace(load_spec(example), seed=1, out=tmp_path / "trace")
    assert summary.nodes == 16
    assert summary.faults > 0


GPU_MODE = "[[failure_modes]]\ncomponent = 'gpu'\nper_1000_node_days = 1\n"
RACK_FAULT = "[[domain_faults]]\ndomain = 'rack'\ncomponent = 'psu'\nper_1000_domain_days = 1\n"


@pytest.mark.parametrize(
    "part",
    [
        "[scheduler]\nmaintenance_every_days = 0",
        "[scheduler]\nbackfill_depth = 0",
        "[observability]\ncheck_interval_seconds = 0",
        "[observability]\nclock_skew_seconds = nan",
        "[workload.checkpoints]\ninterval_minutes = 0",
        f"{RACK_FAULT}symptom = 'x'\nsilent = true\nfalse_alarm = true",
        f"{GPU_MODE}symptom = 'x'\neffect = 'drain'\nsilent = true",
        f"{GPU_MODE}symptom = 'pcie'\nrepair = {{ median_hours = 0 }}",
        f"{GPU_MODE}symptom = 'pcie'\ncascades = [{{ symptom = 'x', probability = 1 }}]",
    ],
)
def test_what_could_not_be_simulated_or_printed_is_refused_at_the_door(tmp_path, part):
    assert "\n" not in refused(written(tmp_path, f"{SMALL}\n{part}\n"))


@pytest.mark.parametrize(
    ("field", "value"),
    [("mean_hours", "0"), ("weight", "-1"), ("sigma", "-1"), ("checkpoint_share", "2"), ("high_share", "0.9")],
)
def test_a_class_of_jobs_that_cannot_be_is_refused(tmp_path, field, value):
    bad = f"{{ gpus = 8, weight = 1, mean_hours = 1, {field} = {value} }}"
    if field in {"weight", "mean_hours"}:
        bad = bad.replace(f"{field} = 1, ", "")
    text = SMALL.replace("{ gpus = 8, weight = 1, mean_hours = 1 }", bad)
    assert "class of 8 GPUs" in refused(written(tmp_path, text))
