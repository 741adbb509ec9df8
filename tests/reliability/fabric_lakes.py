"""Lakes with a small rail-optimised fabric: two pods of four hosts on two rails, two spines, jobs on the hosts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reliability.lake import Lake
from tests.lakes import add_ingest, build_lake

HOSTS = [f"gpu-{number}" for number in range(1, 9)]
_CABLE = {"bandwidth_gbps": 400.0}


def cables() -> list[dict[str, Any]]:
    """Every host has one cable to each of the two leaves of its pod, every leaf four to the spines."""
    links: list[dict[str, Any]] = []
    for number, host in enumerate(HOSTS):
        for rail in (0, 1):
            leaf = f"pod{number // 4}-leaf{rail}"
            links.append({"child": host, "parent": leaf, "rail": rail, "port": str(number % 4 + 1), **_CABLE})
    for number, leaf in enumerate(("pod0-leaf0", "pod0-leaf1", "pod1-leaf0", "pod1-leaf1")):
        for spine in (0, 1):
            for cable in (1, 2):
                port = str(2 * number + cable)
                links.append(
                    {
                        "child": leaf,
                        "parent": f"spine{spine}",
                        "tier": "spine",
                        "rail": number % 2,
                        "port": port,
                        **_CABLE,
                    }
                )
    return links


def jobs() -> list[dict[str, Any]]:
    """One job on two hosts of pod 0, one across the pods, one that has ended, one on no host of the fabric."""
    return [
        {"job_id": "small", "nodes": HOSTS[:2], "gpu_count": 4, "start_utc": "2026-01-10", "end_utc": "2026-01-20"},
        {"job_id": "wide", "nodes": HOSTS[2:6], "gpu_count": 8, "start_utc": "2026-01-12", "end_utc": "2026-01-18"},
        {"job_id": "over", "nodes": HOSTS[:8], "gpu_count": 16, "start_utc": "2026-01-02", "end_utc": "2026-01-03"},
        {"job_id": "other", "nodes": ["cpu-1"], "gpu_count": 0, "start_utc": "2026-01-10", "end_utc": "2026-01-20"},
    ]


def fabric_lake(path: Path, **tables: Any) -> Lake:
    """Make the lake; tables given replace the usual ones."""
    nodes = [{"node": host, "gpu_count": 2, "rack": f"rack-{number // 2}"} for number, host in enumerate(HOSTS)]
    usual = {"nodes": nodes, "jobs": jobs(), "links": cables()}
    return build_lake(path, **usual | tables)


def with_scheduler(lake: Lake) -> Lake:
    """Add what Slurm was told of the network: one leaf for each pod, and a node that is on no cable."""
    links = [{"child": host, "parent": f"pod{number // 4}"} for number, host in enumerate(HOSTS)]
    links += [{"child": "ghost", "parent": "pod1"}, {"child": "pod0", "parent": "top", "tier": "spine"}]
    return add_ingest(lake, links=links, format="topology-conf", covers=[])
