"""The lake's tables: grain, key, columns, types, units and meaning.

This module is the single source of truth: the data dictionary in ``docs/``, the validation at ingest, the Delta
tables, and the DuckDB and Spark views are all made from it.

>>> TABLES["jobs"].key
('cluster', 'job_id_raw', 'submit_utc')
>>> TABLES["jobs"].column("gpu_count").unit
'GPUs'
"""

from __future__ import annotations

import pyarrow as pa

from reliability.table import Column, Table

SCHEMA_VERSION = 3

TIME = pa.timestamp("us", tz="UTC")
NODES = pa.list_(pa.string())
TEXT_MAP = pa.map_(pa.string(), pa.string())

JOB_STATES = (
    "PENDING",
    "RUNNING",
    "SUSPENDED",
    "COMPLETING",
    "COMPLETED",
    "FAILED",
    "CANCELLED",
    "TIMEOUT",
    "DEADLINE",
    "OUT_OF_MEMORY",
    "NODE_FAIL",
    "BOOT_FAIL",
    "PREEMPTED",
    "REQUEUED",
    "RESIZING",
    "REVOKED",
    "SPECIAL_EXIT",
    "UNKNOWN",
)
NODE_STATES = ("up", "drain", "down", "maintenance", "unknown")
SEVERITIES = ("critical", "warning", "info")
SYMPTOMS = (
    "gpu_unavailable",
    "gpu_memory",
    "gpu_driver",
    "nvlink",
    "ib_link",
    "filesystem_mount",
    "main_memory",
    "ethernet_link",
    "pcie",
    "nccl_timeout",
    "system_services",
    "out_of_memory",
    "application",
    "power",
    "disk",
    "cooling",
    "cpu",
    "node_unresponsive",
    "other",
)
DOMAINS = ("hardware", "system_software", "user_program", "other")
COMPONENTS = (
    "gpu",
    "nic",
    "nvswitch",
    "switch",
    "link",
    "pcie",
    "dimm",
    "cpu",
    "disk",
    "psu",
    "fan",
    "board",
    "filesystem",
    "software",
    "node",
    "other",
)
REMOVALS = ("failed", "removed", "in_service")
CHECKPOINT_KINDS = ("blocking", "asynchronous")
CHECKPOINT_ACTIONS = ("saved", "loaded")
JOB_EVENTS = ("node_failed", "requeued", "preempted", "cancelled", "timed_out", "out_of_memory", "suspended", "resumed")
REQUEST_STATUSES = ("ok", "error", "cancelled", "unknown")


CLUSTER = Column("cluster", pa.string(), "cluster the record belongs to", required=True)
LINEAGE = (
    Column("repeat_ordinal", pa.int32(), "0 for the first record with this key in its file, 1 for the second, …"),
    Column("ingest_id", pa.string(), "the row of `ingests` that brought this record", required=True),
)

_TABLES = (
    Table(
        name="jobs",
        grain="scheduler attempt of a job (requeues of one job id are several rows)",
        key=("cluster", "job_id_raw", "submit_utc"),
        month_of=("submit_utc", "start_utc", "end_utc"),
        settled_by="end_utc",
        merged=True,
        second_hand=("slurm-jobcomp", "slurm-job-view"),
        columns=(
            CLUSTER,
            Column("job_id", pa.string(), "job id as sacct prints it: `17_3`, `18+0`", required=True),
            Column("job_id_raw", pa.string(), "job id without array or heterogeneous notation", required=True),
            Column("job_name", pa.string(), "name the user gave"),
            Column("user", pa.string(), "user who submitted"),
            Column("account", pa.string(), "account charged"),
            Column("partition", pa.string(), "partition (queue)"),
            Column("qos", pa.string(), "quality of service"),
            Column("priority", pa.int64(), "scheduler priority"),
            Column("submit_utc", TIME, "submitted, or requeued for this attempt", "UTC"),
            Column("eligible_utc", TIME, "could first have started", "UTC"),
            Column("start_utc", TIME, "started; null if it never did", "UTC"),
            Column("end_utc", TIME, "ended; null if it had not when the log was taken", "UTC"),
            Column(
                "state",
                pa.string(),
                "state as Slurm spells it; UNKNOWN where a trace leaves it open",
                values=JOB_STATES,
                required=True,
            ),
            Column("state_raw", pa.string(), "state as the source printed it (`CANCELLED by 1001`)"),
            Column("exit_code", pa.int32(), "exit code of the batch script"),
            Column("exit_signal", pa.int32(), "signal that ended the job, 0 for none"),
            Column("step_out_of_memory", pa.bool_(), "a step of this attempt was killed for memory"),
            Column("node_count", pa.int32(), "nodes allocated (or asked for, while pending)", "nodes"),
            Column("cpu_count", pa.int32(), "CPUs allocated", "CPUs"),
            Column("gpu_count", pa.int32(), "GPUs allocated, 0 for none", "GPUs"),
            Column("gpu_model", pa.string(), "GPU model of the allocation"),
            Column("requested_memory_bytes", pa.int64(), "memory asked for, whole job", "bytes"),
            Column("time_limit_seconds", pa.float64(), "time limit; infinity for UNLIMITED, null if unknown", "s"),
            Column("nodes", NODES, "nodes of the allocation, sorted as the scheduler lists them"),
            Column("excluded_nodes", NODES, "nodes the user excluded"),
            Column("preempted_by", pa.string(), "job id that preempted this attempt"),
            Column("failed_node", pa.string(), "node whose failure ended this attempt, where the scheduler names it"),
            Column("run_key", pa.string(), "what the attempts of one logical run share, where the source names it"),
            *LINEAGE,
        ),
    ),
    Table(
        name="job_events",
        grain="thing that the scheduler's own log says happened to a job",
        key=("cluster", "job_id_raw", "time_utc", "kind", "node", "repeat_ordinal"),
        month_of=("time_utc",),
        columns=(
            CLUSTER,
            Column("job_id_raw", pa.string(), "job id without array or heterogeneous notation", required=True),
            Column("time_utc", TIME, "when it was logged", "UTC", required=True),
            Column("kind", pa.string(), "what happened", values=JOB_EVENTS, required=True),
            Column("node", pa.string(), "node that failed, for `node_failed` and a requeue because of it"),
            Column("by_job_id_raw", pa.string(), "job that preempted this one"),
            Column("set_by", pa.string(), "user who did it"),
            Column("source", pa.string(), "format it was read from", required=True),
            Column("message", pa.string(), "the text, cut at 500 characters"),
            *LINEAGE,
        ),
    ),
    Table(
        name="nodes",
        grain="node and validity interval",
        key=("cluster", "node", "from_utc"),
        month_of=("from_utc",),
        settled_by="to_utc",
        merged=True,
        columns=(
            CLUSTER,
            Column("node", pa.string(), "host name", required=True),
            Column("from_utc", TIME, "in the fleet from", "UTC"),
            Column("to_utc", TIME, "in the fleet until; null while it still is", "UTC"),
            Column("gpu_count", pa.int32(), "GPUs in the node", "GPUs"),
            Column("gpu_model", pa.string(), "GPU model"),
            Column("rack", pa.string(), "rack"),
            Column("pod", pa.string(), "pod or scalable unit"),
            Column("attributes", TEXT_MAP, "anything else the source knows"),
            *LINEAGE,
        ),
    ),
    Table(
        name="components",
        grain="stay of a physical component in a slot",
        key=("cluster", "component", "component_id", "installed_utc", "repeat_ordinal"),
        month_of=("installed_utc",),
        merged=True,
        columns=(
            CLUSTER,
            Column("component", pa.string(), "kind of component", values=COMPONENTS, required=True),
            Column("component_id", pa.string(), "serial number", required=True),
            Column("node", pa.string(), "node it sits in"),
            Column("slot", pa.string(), "slot within the node"),
            Column("installed_utc", TIME, "inserted", "UTC"),
            Column("removed_utc", TIME, "removed, or last seen when `removal` is in_service", "UTC"),
            Column("service_seconds", pa.float64(), "time in service during the stay", "s"),
            Column("removal", pa.string(), "why the stay ended", values=REMOVALS),
            Column("attributes", TEXT_MAP, "batch, cage, …: anything `--by` may group on"),
            *LINEAGE,
        ),
    ),
    Table(
        name="events",
        grain="observed hardware or health event",
        key=("cluster", "time_utc", "node", "component", "component_id", "slot", "code", "message", "repeat_ordinal"),
        month_of=("time_utc",),
        columns=(
            CLUSTER,
            Column("time_utc", TIME, "when it was logged", "UTC", required=True),
            Column("node", pa.string(), "host that logged it"),
            Column("component", pa.string(), "kind of component", values=COMPONENTS),
            Column("component_id", pa.string(), "serial number, where the log gives one"),
            Column("slot", pa.string(), "PCI address, port or other place within the node"),
            Column("symptom", pa.string(), "what was seen", values=SYMPTOMS, required=True),
            Column("domain", pa.string(), "where it comes from", values=DOMAINS, required=True),
            Column("code", pa.string(), "code of the source: `xid:79`, `ib:link_down`, …"),
            Column("severity", pa.string(), "critical ends the jobs on the node", values=SEVERITIES, required=True),
            Column("source", pa.string(), "format it was read from", required=True),
            Column("message", pa.string(), "the text, cut at 500 characters"),
            *LINEAGE,
        ),
    ),
    Table(
        name="node_states",
        grain="node and interval in one state",
        key=("cluster", "node", "from_utc", "state", "reason", "repeat_ordinal"),
        month_of=("from_utc",),
        settled_by="to_utc",
        merged=True,
        columns=(
            CLUSTER,
            Column("node", pa.string(), "host name", required=True),
            Column("from_utc", TIME, "entered the state", "UTC", required=True),
            Column("to_utc", TIME, "left it; null while it lasts", "UTC"),
            Column("state", pa.string(), "state", values=NODE_STATES, required=True),
            Column("planned", pa.bool_(), "somebody chose this: maintenance, reboot, upgrade", required=True),
            Column(
                "continues",
                pa.bool_(),
                "the outage before goes on under a new name: the node had not come back in between",
                required=True,
            ),
            Column("reason", pa.string(), "reason as the source gives it"),
            Column("set_by", pa.string(), "user or daemon that set it"),
            Column("component", pa.string(), "component the reason names", values=COMPONENTS),
            Column("symptom", pa.string(), "symptom the reason names", values=SYMPTOMS),
            Column("domain", pa.string(), "domain the reason names", values=DOMAINS),
            Column("source", pa.string(), "format it was read from"),
            *LINEAGE,
        ),
    ),
    Table(
        name="checkpoints",
        grain="checkpoint written or read",
        key=("cluster", "job_id", "action", "started_utc", "step"),
        month_of=("started_utc",),
        columns=(
            CLUSTER,
            Column("job_id", pa.string(), "job that did it"),
            Column("attempt", pa.int32(), "attempt of the job"),
            Column("action", pa.string(), "written or read", values=CHECKPOINT_ACTIONS, required=True),
            Column("started_utc", TIME, "write or read began", "UTC", required=True),
            Column("duration_seconds", pa.float64(), "length of the write or read", "s"),
            Column("bytes", pa.int64(), "bytes written", "bytes"),
            Column("step", pa.int64(), "training step"),
            Column("kind", pa.string(), "did training wait for it", values=CHECKPOINT_KINDS),
            *LINEAGE,
        ),
    ),
    Table(
        name="training_steps",
        grain="training step that a training program logged (programs log every n-th)",
        key=("cluster", "job_id", "time_utc", "step", "repeat_ordinal"),
        month_of=("time_utc",),
        columns=(
            CLUSTER,
            Column("job_id", pa.string(), "job that trains"),
            Column("time_utc", TIME, "step ended", "UTC", required=True),
            Column("step", pa.int64(), "number of the step", required=True),
            Column("step_seconds", pa.float64(), "length of a step, mean since the line before", "s"),
            Column("tokens_per_second", pa.float64(), "throughput of the whole job", "tokens/s"),
            Column("source", pa.string(), "format it was read from", required=True),
            *LINEAGE,
        ),
    ),
    Table(
        name="links",
        grain="edge of the fabric and validity interval",
        key=("cluster", "child", "parent", "port", "from_utc"),
        month_of=("from_utc",),
        settled_by="to_utc",
        merged=True,
        columns=(
            CLUSTER,
            Column("child", pa.string(), "lower end", required=True),
            Column("parent", pa.string(), "upper end", required=True),
            Column("from_utc", TIME, "in place from", "UTC"),
            Column("to_utc", TIME, "in place until; null while it is", "UTC"),
            Column("tier", pa.string(), "tier of the parent: leaf, spine, core, …"),
            Column("plane", pa.int32(), "plane"),
            Column("rail", pa.int32(), "rail"),
            Column("port", pa.string(), "port on the parent"),
            Column("bandwidth_gbps", pa.float64(), "bandwidth", "Gb/s"),
            *LINEAGE,
        ),
    ),
    Table(
        name="requests",
        grain="LLM serving request",
        key=("cluster", "arrival_utc", "prefill_instance", "decode_instance", "input_tokens", "repeat_ordinal"),
        month_of=("arrival_utc",),
        columns=(
            CLUSTER,
            Column("arrival_utc", TIME, "arrived", "UTC", required=True),
            Column("first_token_utc", TIME, "first token sent", "UTC"),
            Column("end_utc", TIME, "last token sent", "UTC"),
            Column("input_tokens", pa.int64(), "prompt length", "tokens"),
            Column("output_tokens", pa.int64(), "tokens generated", "tokens"),
            Column("status", pa.string(), "how it ended", values=REQUEST_STATUSES),
            Column("prefill_instance", pa.string(), "instance that computed the prompt"),
            Column("decode_instance", pa.string(), "instance that generated"),
            Column("node", pa.string(), "host"),
            *LINEAGE,
        ),
    ),
    Table(
        name="rejects",
        grain="record refused at ingest",
        key=("ingest_id", "line_number"),
        month_of=(),
        columns=(
            CLUSTER,
            Column("path", pa.string(), "file", required=True),
            Column("line_number", pa.int64(), "line where the record begins, from 1", required=True),
            Column("line", pa.string(), "the record, cut at 500 characters"),
            Column("reason", pa.string(), "why it was refused", required=True),
            Column("ingest_id", pa.string(), "the row of `ingests`", required=True),
        ),
    ),
    Table(
        name="ingests",
        grain="file taken in; committed last, so that a row here means the file is in whole",
        key=("ingest_id",),
        month_of=(),
        columns=(
            CLUSTER,
            Column("ingest_id", pa.string(), "fingerprint of the content and of how it was read", required=True),
            Column("path", pa.string(), "file", required=True),
            Column("format", pa.string(), "source that read it", required=True),
            Column("sha256", pa.string(), "hash of the content up to `content_bytes`, decompressed", required=True),
            Column("file_bytes", pa.int64(), "size of the file on disk", "bytes", required=True),
            Column("file_modified_utc", TIME, "last written", "UTC", required=True),
            Column(
                "content_from_bytes", pa.int64(), "where this part of a file that grows begins", "bytes", required=True
            ),
            Column("content_bytes", pa.int64(), "where it ends, decompressed", "bytes", required=True),
            Column("unfinished", pa.bool_(), "this part is a last line without a line end", required=True),
            Column("settings", pa.string(), "hash of the format and options it was read with", required=True),
            Column("replaces", pa.string(), "an ingest of an unfinished last line, which this one has in whole"),
            Column("ingested_utc", TIME, "taken in", "UTC", required=True),
            Column("timezone", pa.string(), "zone used for times without one", required=True),
            Column("covers", pa.list_(pa.string()), "tables about which this file is a complete record", required=True),
            Column("observed_from_utc", TIME, "the file is a complete record from", "UTC"),
            Column("observed_to_utc", TIME, "… until", "UTC"),
            Column("last_record_utc", TIME, "latest time that was read in it", "UTC"),
            Column("rows_read", pa.int64(), "records in the file: used + rejected + dropped", "records", required=True),
            Column("rows_used", pa.int64(), "records that reached a table", "records", required=True),
            Column("rows_rejected", pa.int64(), "records refused; each is in `rejects`", "records", required=True),
            Column("rows_dropped", pa.int64(), "records that add nothing: folded, repeated", "records", required=True),
            Column("rows_written", pa.map_(pa.string(), pa.int64()), "rows written per table", "rows", required=True),
            Column("warnings", pa.list_(pa.string()), "what a reader of the numbers should know", required=True),
        ),
    ),
)

TABLES: dict[str, Table] = {table.name: table for table in _TABLES}
DATA_TABLES: tuple[Table, ...] = tuple(table for table in _TABLES if table.month_of)
