"""Start the cluster, play the scenes, and leave in a folder what a site would hand over, with the truth beside it.

    unshare --pid --net --mount --fork --kill-child --mount-proc python -m tests.slurm.play FOLDER

It must be the first process of its name spaces: whatever becomes of it, its end is the end of everything it started.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from typing import Final

from tests.slurm.cluster import Cluster
from tests.slurm.stage import Stage
from tests.slurm.truth import Span, Truth
from tests.slurm.workload import play

#: zone in which the logs are printed; the controller's own files are in UTC
ZONE: Final = "Europe/Berlin"
_SELECTED: Final = (
    "JobIDRaw,JobID,JobName,User,Account,QOS,Partition,State,ExitCode,Submit,Eligible,Start,End,ElapsedRaw,"
    "TimelimitRaw,NNodes,NCPUS,NodeList,ReqTRES,AllocTRES"
)
_EVENTS: Final = "Cluster,ClusterNodes,Duration,TimeStart,TimeEnd,Event,NodeName,Reason,State,TRES,User"
_SINCE: Final = ("--starttime=now-1days", "--endtime=now+1hour")
_PRINTED: Final = {
    "sacct-all.psv": ("sacct", "-a", "-D", "-P", "--format=ALL", *_SINCE),
    "sacct-selected.psv": ("sacct", "-a", "-D", "-P", f"--format={_SELECTED}", *_SINCE),
    "sacct.json": ("sacct", "-a", "-D", "--json", *_SINCE),
    "sacctmgr-events.psv": ("sacctmgr", "-P", "show", "event", "start=now-1days", f"format={_EVENTS}"),
    "scontrol-nodes.txt": ("scontrol", "show", "node"),
    "scontrol-topology.txt": ("scontrol", "show", "topology"),
    "sinfo-reasons.txt": ("sinfo", "-R"),
}
_KEPT: Final = ("slurmctld.log", "jobcomp.log", "etc/topology.conf")


def main() -> None:
    """Do it."""
    folder = Path(sys.argv[1])
    cluster = Cluster(folder)
    try:
        cluster.start()
        truth = Truth(cluster.run("sinfo", "--version").split()[-1], cluster.kills_for_memory, Span())
        play(Stage(cluster, truth))
        _hand_over(cluster, truth)
    finally:
        cluster.clean_up()


def _hand_over(cluster: Cluster, truth: Truth) -> None:
    _wait_for_accounting(cluster)
    logs = cluster.folder / "logs"
    logs.mkdir()
    with truth.taken:
        for name, command in _PRINTED.items():
            (logs / name).write_text(cluster.run(*command, TZ=ZONE))
        for name in _KEPT:
            shutil.copy(cluster.folder / name, logs)
    truth.write(cluster.folder / "truth.json")


def _wait_for_accounting(cluster: Cluster) -> None:
    """Wait until the controller has nothing left to tell the accounting; that lags behind by seconds."""
    while "DBD Agent queue size: 0" not in cluster.run("sdiag"):
        time.sleep(0.2)
    while not cluster.run("sacct", "-a", "-n", "-X", "--state=RUNNING", "--name=still-running"):
        time.sleep(0.2)


if __name__ == "__main__":
    if os.getpid() != 1:
        sys.exit(f"start it in name spaces of its own: {__doc__}")
    main()
