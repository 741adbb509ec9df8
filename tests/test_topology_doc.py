"""Every size in docs/topology.md: the builders build it; every command it names is there."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Final

import pytest
from typer.main import get_command

from models.topology.counts import fabric_counts
from models.topology.designs import DESIGNS, design_fabric
from models.topology.fabric import Fabric
from reliability.cli import app

TEXT: Final = (Path(__file__).parents[1] / "docs" / "topology.md").read_text(encoding="utf-8")


def switches(fabric: Fabric) -> Counter[str]:
    return Counter(switch.tier for switch in fabric.switches if switch.tier != "nvswitch")


def row_of(kind: str) -> str:
    return next(line for line in TEXT.splitlines() if line.startswith(f"| `{kind}` |"))


def test_every_kind_has_its_row() -> None:
    assert re.findall(r"^\| `([\w-]+)` \|", TEXT, re.MULTILINE) == list(DESIGNS)


@pytest.mark.parametrize("kind", ["clos", "rail", "rail-only", "dcn-plus", "nvl72"])
def test_the_published_size_is_what_is_built(kind: str) -> None:
    fabric = design_fabric(kind)
    assert f"{fabric.hosts * fabric.gpus_per_host:,} GPUs" in row_of(kind)


def test_the_counts_of_the_rows_are_those_of_the_builders() -> None:
    base, rails = design_fabric("clos"), design_fabric("rail-only")
    assert f"{switches(base).total():,} switches" in row_of("clos")
    assert f"{switches(rails).total():,} switches" in row_of("rail-only")
    saving = 1 - fabric_counts(rails).cost_dollars / fabric_counts(base).cost_dollars
    assert f"{saving:.1%} cheaper" in row_of("rail-only")
    pod = design_fabric("hpn")
    assert f"{switches(pod)['tor']} ToRs, {switches(pod)['agg']} Aggs" in row_of("hpn")
    trunks = sum(link.tier == "agg" for link in pod.links)
    assert f"{trunks:,} links between them" in row_of("hpn")
    assert f"{len(design_fabric('torus').switches)} switches" in row_of("torus")
    assert (
        f"{len({router.pod for router in design_fabric('dragonfly').switches if router.tier == 'router'})} groups"
        in (row_of("dragonfly"))
    )


def test_the_table_of_hpn_is_what_the_command_counts() -> None:
    counts = fabric_counts(design_fabric("hpn"))
    for tier in ("tor", "agg", "core"):
        (line,) = re.findall(rf"^{tier} +(\d+) +([\d,]+) +([\d,]+) ", TEXT, re.MULTILINE)
        assert [int(number.replace(",", "")) for number in line] == [
            counts.switches[tier],
            counts.links[tier],
            counts.ports[tier],
        ]


def test_every_command_it_names_is_there() -> None:
    topology = get_command(app).commands["topology"]
    named = set(re.findall(r"`topology (\w+)", TEXT)) | set(re.findall(r"reliability topology (\w+)", TEXT))
    assert named == set(topology.commands)
