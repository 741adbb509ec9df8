"""Which cluster a log is of when neither the user nor the log says."""

from __future__ import annotations

from typing import Final

from ingest.ledger import Ledger
from ingest.registry import SOURCES
from ingest.source import Source

#: name of the cluster where nothing says another
DEFAULT_CLUSTER: Final = "default"


def unnamed_cluster(ledger: Ledger, source: Source) -> str:
    """Return the name for rows that come without one.

    A public trace is a cluster of its own. A log (a kernel log names its host, never its cluster) is taken to be of the
    one cluster whose logs the lake holds; of none or several, ``default``.
    """
    if source.cluster is not None:
        return source.cluster
    traces = {trace.name for trace in SOURCES if trace.cluster is not None}
    clusters = {record["cluster"] for record in ledger.records() if record["format"] not in traces}
    return clusters.pop() if len(clusters) == 1 else DEFAULT_CLUSTER
