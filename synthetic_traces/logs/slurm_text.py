"""What all of Slurm's text has in common: resources, durations, names of jobs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from synthetic_traces.logs.host_lists import fold_node_list
from synthetic_traces.simulation.records import STEMS, Jobs
from synthetic_traces.spec.cluster import DAY, HOUR, ClusterSpec


def duration_text(seconds: int) -> str:
    """Format a duration as Slurm does.

    Parameters
    ----------
    seconds
        The duration.

    Returns
    -------
    str
        ``[days-]hours:minutes:seconds``.

    Examples
    --------
    >>> duration_text(92), duration_text(93784)
    ('00:01:32', '1-02:03:04')
    """
    days, rest = divmod(seconds, DAY)
    clock = f"{rest // HOUR:02d}:{rest % HOUR // 60:02d}:{rest % 60:02d}"
    return f"{days}-{clock}" if days else clock


def job_name(jobs: Jobs, row: int) -> str:
    """Return the name of a job.

    Parameters
    ----------
    jobs, row
        The jobs, and which.

    Returns
    -------
    str
        ``stem-number``.
    """
    return f"{STEMS[jobs.stem[row]]}-{jobs.number[row]}"


def shown_id(job_id: int, array_id: int, task: int) -> str:
    """Return the id of a job as ``sacct`` shows it.

    Parameters
    ----------
    job_id, array_id, task
        As in `records.Jobs`.

    Returns
    -------
    str
        ``array_task`` for a task of an array.

    Examples
    --------
    >>> shown_id(7, 0, 0), shown_id(9, 8, 1)
    ('7', '8_1')
    """
    return f"{array_id}_{task}" if array_id else str(job_id)


class Resources:
    """Trackable resources and node lists of one cluster, as Slurm prints them.

    Parameters
    ----------
    spec
        The cluster.
    """

    def __init__(self, spec: ClusterSpec) -> None:
        self._fleet = spec.fleet
        self.names = spec.fleet.node_names
        self.tres = cache(self._tres)

    def node_list(self, nodes: Sequence[int]) -> str:
        """Return a folded node list.

        Parameters
        ----------
        nodes
            Sorted node numbers, at least one.

        Returns
        -------
        str
            As Slurm prints it.
        """
        if len(nodes) == 1:
            return self.names[nodes[0]]
        return fold_node_list([self.names[node] for node in nodes])

    def _tres(self, nodes: int, gpus_per_node: int, *, typed: bool, billing: bool) -> str:
        fleet = self._fleet
        gpus = nodes * gpus_per_node
        cpus = fleet.cpus_per_node * gpus // fleet.gpus_per_node
        memory = fleet.memory_gb_per_node * gpus // fleet.gpus_per_node
        return "".join(
            (
                f"billing={cpus}," if billing else "",
                f"cpu={cpus},",
                f"gres/gpu:{fleet.gpu_model}={gpus}," if typed else "",
                f"gres/gpu={gpus},mem={memory}G,node={nodes}",
            )
        )
