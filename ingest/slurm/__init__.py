"""Slurm: accounting, node events, the controller's log and views."""

from __future__ import annotations

from typing import Final

from ingest.slurm.controller_log import SlurmControllerLog
from ingest.slurm.job_json import SlurmJson
from ingest.slurm.job_view import SlurmJobView
from ingest.slurm.jobcomp import SlurmJobcomp
from ingest.slurm.node_events import SlurmEvents
from ingest.slurm.rest_nodes import SlurmNodesJson
from ingest.slurm.sacct import SlurmSacct
from ingest.slurm.scontrol_node import ScontrolNode
from ingest.slurm.sinfo_reasons import SinfoReasons
from ingest.slurm.topology_files import ScontrolTopology, TopologyConf, TopologyYaml
from ingest.source import Source

SOURCES: Final[tuple[Source, ...]] = (
    SlurmSacct(),
    SlurmJson(),
    SlurmJobcomp(),
    SlurmJobView(),
    SlurmEvents(),
    SlurmControllerLog(),
    SlurmNodesJson(),
    ScontrolNode(),
    SinfoReasons(),
    ScontrolTopology(),
    TopologyConf(),
    TopologyYaml(),
)
