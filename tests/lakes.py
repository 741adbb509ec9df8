"""Lakes for tests, built from a few dictionaries: what a test does not name gets a sensible default.

>>> from tempfile import TemporaryDirectory
>>> with TemporaryDirectory() as folder:
...     job = {"nodes": ["n1", "n2"], "start_utc": "2026-01-02", "end_utc": "2026-01-03"}
...     lake = build_lake(Path(folder) / "lake", jobs=[job])
...     len(lake.files("jobs"))
1

Every table of the schema is a keyword. A row is a dictionary of its columns; times may be written as ISO text, and
mean UTC where they name no zone. ``add_ingest`` adds the rows of another file to a lake that exists; ``sample_lake``
makes a lake with something of everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from reliability.lake import Lake, create_lake
from reliability.schema import TABLES, TIME

Row = Mapping[str, Any]

#: what a row of each table says unless the test says otherwise
DEFAULTS: dict[str, dict[str, Any]] = {
    "jobs": {"job_name": "train", "user": "ada", "partition": "gpu", "state": "COMPLETED", "exit_code": 0},
    "nodes": {"gpu_count": 8, "gpu_model": "H100"},
    "components": {"component": "gpu", "removal": "in_service"},
    "events": {
        "component": "gpu",
        "symptom": "gpu_unavailable",
        "domain": "hardware",
        "code": "xid:79",
        "severity": "critical",
        "source": "syslog",
        "message": "NVRM: Xid (PCI:0000:9b:00): 79, GPU has fallen off the bus.",
    },
    "node_states": {
        "state": "down",
        "planned": False,
        "continues": False,
        "reason": "Not responding",
        "set_by": "slurm",
        "component": "node",
        "symptom": "node_unresponsive",
        "domain": "other",
        "source": "slurm-events",
    },
    "job_events": {"kind": "requeued", "source": "test"},
    "checkpoints": {"action": "saved", "kind": "blocking"},
    "training_steps": {"source": "test"},
    "links": {"tier": "leaf"},
    "requests": {"status": "ok"},
    "rejects": {"path": "/logs/sacct.txt", "line": "garbage", "reason": "9 fields, the header has 10"},
}
GPUS_PER_NODE = 8


def build_lake(path: Path, **tables_and_ingest: Any) -> Lake:
    """Make a lake at ``path`` with the rows of one file; the keywords are those of :func:`add_ingest`."""
    return add_ingest(create_lake(path), **tables_and_ingest)


def add_ingest(
    lake: Lake,
    *,
    cluster: str = "c1",
    observed_from: str | datetime | None = "2026-01-01",
    observed_to: str | datetime | None = "2026-02-01",
    covers: Iterable[str] | None = None,
    ingested_utc: str | datetime = "2026-03-01",
    file: str = "/logs/everything.txt",
    format: str = "test",  # noqa: A002 - the column's own name
    warnings: Iterable[str] = (),
    **tables: Iterable[Row],
) -> Lake:
    """Add the rows of one file to the lake, as an ingest does: tables first, then its row in ``ingests``.

    Parameters
    ----------
    lake
        A lake that exists.
    cluster
        Cluster of every row that names none.
    observed_from, observed_to
        What the file covers; the observation window of the tables in ``covers``.
    covers
        Tables about which the file is a complete record; None for every table it has rows of.
    ingested_utc, file, format, warnings
        The other columns of ``ingests`` that a reader sees. Of two rows with one key the later ingest wins.
    tables
        ``jobs``, ``nodes``, ``components``, ``events``, ``node_states``, ``checkpoints``, ``links``, ``requests``,
        ``rejects``: iterables of rows.
    """
    unknown = set(tables) - set(DEFAULTS)
    if unknown:
        raise TypeError(f"no such tables: {', '.join(sorted(unknown))}")
    rows = {name: list(given) for name, given in tables.items()}
    ingest_id = f"ingest-{lake.version()[-1] + 1:04}"
    for name, given in rows.items():
        filled = [_filled(name, number, row, cluster, ingest_id) for number, row in zip(count(1), given, strict=False)]
        if filled:
            lake.append(name, [_batch(name, filled)], ingest_id)
    written = {name: len(given) for name, given in rows.items() if name != "rejects"}
    used, rejected = sum(written.values()), len(rows.get("rejects", ()))
    record = {
        "cluster": cluster,
        "ingest_id": ingest_id,
        "path": file,
        "format": format,
        "sha256": "0" * 64,
        "file_bytes": 100 * (used + rejected),
        "file_modified_utc": ingested_utc,
        "content_from_bytes": 0,
        "content_bytes": 100 * (used + rejected),
        "unfinished": False,
        "settings": "test",
        "ingested_utc": ingested_utc,
        "timezone": "UTC",
        "covers": [name for name, given in written.items() if given] if covers is None else list(covers),
        "observed_from_utc": observed_from,
        "observed_to_utc": observed_to,
        "rows_read": used + rejected,
        "rows_used": used,
        "rows_rejected": rejected,
        "rows_dropped": 0,
        "rows_written": list(written.items()),
        "warnings": list(warnings),
    }
    lake.append("ingests", [_batch("ingests", [record])], ingest_id)
    return lake


HOSTILE = "<img src=x onerror=alert(1)>"


def sample_lake(path: Path, *, cluster: str = "c1", nodes: int = 24, days: int = 60, seed: int = 7) -> Lake:
    """Make a lake with something of everything: a fleet with its racks, feeds and switches, outages, two of them of a
    rack, jobs of all fates, one preempted by a job that came back from a failure, Xid events, GPU serials, a reject.

    The numbers are drawn from ``seed`` and mean nothing. One job name, one reason and one message are hostile HTML.
    """
    rng = np.random.default_rng(seed)
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    end = begin + timedelta(days=days)
    names = [f"n{number:02}" for number in range(nodes)]
    symptoms = ["ib_link", "gpu_memory", "filesystem_mount", "pcie", "gpu_unavailable"]
    jobs, events, states = [], [], []
    for number in range(nodes * days // 4):
        start = begin + timedelta(hours=float(rng.uniform(0, 24 * days - 8)))
        size = int(rng.choice([1, 2, 4, 20], p=[0.6, 0.2, 0.15, 0.05]))
        used = sorted(rng.choice(names, size, replace=False).tolist())
        state = str(
            rng.choice(["COMPLETED", "FAILED", "CANCELLED", "NODE_FAIL", "TIMEOUT"], p=[0.7, 0.15, 0.08, 0.04, 0.03])
        )
        finish = min(end, start + timedelta(hours=float(rng.exponential(6))))
        jobs.append(
            {"job_id": str(1000 + number), "nodes": used, "start_utc": start, "end_utc": finish, "state": state}
        )
        if state == "NODE_FAIL" or (state == "FAILED" and rng.random() < 0.2):
            symptom = str(rng.choice(symptoms, p=[0.4, 0.25, 0.15, 0.1, 0.1]))
            events.append({"node": used[0], "time_utc": finish - timedelta(seconds=90), "symptom": symptom})
            states.append(
                {"node": used[0], "from_utc": finish, "to_utc": finish + timedelta(hours=float(rng.exponential(9)))}
            )
    jobs[0] |= {"job_name": HOSTILE, "user": HOSTILE, "state": "NODE_FAIL"}
    # A job that comes back from a failure preempts another.
    failed = begin + timedelta(days=6)
    again = failed + timedelta(minutes=10)
    comes_back = {"job_id": "900", "nodes": names[:4]}
    jobs += [
        comes_back | {"start_utc": failed - timedelta(hours=5), "end_utc": failed, "state": "NODE_FAIL"},
        comes_back | {"start_utc": again, "end_utc": again + timedelta(hours=3), "state": "COMPLETED"},
        {"job_id": "901", "nodes": names[:4], "start_utc": failed - timedelta(hours=2), "end_utc": again}
        | {"state": "PREEMPTED", "preempted_by": "900"},
    ]
    states.append(
        {"node": "n00", "from_utc": begin + timedelta(days=9), "to_utc": begin + timedelta(days=10), "reason": HOSTILE}
    )
    states.append(
        {
            "node": "n01",
            "from_utc": begin + timedelta(days=20),
            "to_utc": begin + timedelta(days=22),
            "planned": True,
            "reason": "firmware",
        }
    )
    events.append(
        {"node": jobs[0]["nodes"][0], "time_utc": jobs[0]["end_utc"], "symptom": "nvlink", "message": HOSTILE}
    )
    # The power of a rack goes twice.
    states += [
        {
            "node": name,
            "from_utc": begin + timedelta(days=day, seconds=number),
            "to_utc": begin + timedelta(days=day + 1),
        }
        for day in (12, 18)
        for number, name in enumerate(names[8:12])
    ]
    ages = rng.weibull(1.4, 8 * nodes) * 2 * days
    gpus = [
        {
            "component_id": f"{number:08}",
            "node": names[number // 8],
            "installed_utc": begin,
            "removed_utc": min(end, begin + timedelta(days=float(age))),
            "removal": "failed" if age < days else "in_service",
            "attributes": {"batch": "old" if number % 3 else "new"},
        }
        for number, age in enumerate(ages)
    ]
    events += [
        {
            "node": gpu["node"],
            "component_id": gpu["component_id"],
            "time_utc": gpu["removed_utc"],
            "symptom": "gpu_memory",
        }
        for gpu in gpus
        if gpu["removal"] == "failed"
    ]
    return build_lake(
        path,
        cluster=cluster,
        observed_from=begin,
        observed_to=end,
        nodes=[
            {"node": name, "rack": f"r{number // 4}", "attributes": {"pdu": f"feed{number // 8}"}}
            for number, name in enumerate(names)
        ],
        links=[
            *(
                {"child": name, "parent": f"leaf{number // 6}", "port": str(number % 6)}
                for number, name in enumerate(names)
            ),
            *({"child": f"leaf{number}", "parent": "spine", "tier": "spine"} for number in range((nodes + 5) // 6)),
        ],
        jobs=jobs,
        events=events,
        node_states=states,
        components=gpus,
        rejects=[{"line": HOSTILE}],
        warnings=["times without a zone were read as UTC"],
    )


def _filled(table: str, number: int, given: Row, cluster: str, ingest_id: str) -> dict[str, Any]:
    """Fill a row: the test's own values, else what follows from them, else the table's defaults."""
    row = {"cluster": cluster, "ingest_id": ingest_id, **DEFAULTS[table], **given}
    if table == "jobs":
        _derive(row, "job_id", str(number))
        _derive(row, "job_id_raw", row["job_id"])
        _derive(row, "submit_utc", row.get("start_utc"))
        _derive(row, "eligible_utc", row["submit_utc"])
        _derive(row, "node_count", len(row["nodes"]) if row.get("nodes") is not None else 1)
        _derive(row, "gpu_count", GPUS_PER_NODE * row["node_count"] if row["node_count"] is not None else None)
        _derive(row, "state_raw", row["state"])
    if table == "components" and row.get("removed_utc") is not None and row.get("installed_utc") is not None:
        stay = _time(row["removed_utc"]) - _time(row["installed_utc"])
        _derive(row, "service_seconds", stay.total_seconds())
    if table == "rejects":
        _derive(row, "line_number", number)
    if "repeat_ordinal" in TABLES[table].arrow.names:
        _derive(row, "repeat_ordinal", 0)
    return row


def _derive(row: dict[str, Any], column: str, value: Any) -> None:
    row.setdefault(column, value)


def _batch(table: str, rows: list[dict[str, Any]]) -> pa.RecordBatch:
    schema = TABLES[table].arrow
    for row in rows:
        unknown = set(row) - set(schema.names)
        if unknown:
            raise KeyError(f"{table} has no column {', '.join(sorted(unknown))}")
        for field in schema:
            value = row.get(field.name)
            if field.type == TIME and value is not None:
                row[field.name] = _time(value)
            elif pa.types.is_map(field.type) and isinstance(value, Mapping):
                row[field.name] = list(value.items())
    return pa.RecordBatch.from_pylist(rows, schema=schema)


def _time(value: str | datetime) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
