"""Kubernetes objects: rules that the golden pairs do not show well."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.kubernetes.objects import Kubernetes
from ingest.kubernetes.problems import problem_of
from ingest.opening import InputFile
from ingest.source import Options
from reliability.errors import UnreadableInputError
from reliability.schema import COMPONENTS, DOMAINS, SEVERITIES, SYMPTOMS, TABLES

Feed = Callable[..., Any]
Rows = Callable[..., list[dict[str, Any]]]
CASES = Path(__file__).parents[1] / "cases" / "kubernetes"


def listed(*objects: object) -> str:
    return json.dumps({"apiVersion": "v1", "items": objects, "kind": "List"}, indent=1)


def at(hour: int, minute: int = 0, second: int = 0) -> str:
    return f"2025-03-01T{hour:02d}:{minute:02d}:{second:02d}Z"


def pod(name: str, made: str, ended: str | None = None, code: int = 0, **labels: str) -> dict[str, Any]:
    state = (
        {"running": {"startedAt": made}}
        if ended is None
        else {"terminated": {"startedAt": made, "finishedAt": ended, "exitCode": code, "reason": "x"}}
    )
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "a",
            "uid": name,
            "creationTimestamp": made,
            "labels": {key.replace("__", "/").replace("_", "-"): value for key, value in labels.items()},
        },
        "spec": {
            "nodeName": f"node-{name}",
            "containers": [{"name": "main", "resources": {"limits": {"nvidia.com/gpu": "8"}}}],
        },
        "status": {
            "phase": "Running" if ended is None else "Failed" if code else "Succeeded",
            "containerStatuses": [{"name": "main", "restartCount": 0, "state": state, "lastState": {}}],
        },
    }


def ranked(name: str, made: str, ended: str | None = None, code: int = 0, *, rank: int) -> dict[str, Any]:
    made_pod = pod(name, made, ended, code)
    made_pod["metadata"]["labels"] = {"job-name": "j", "batch.kubernetes.io/job-completion-index": str(rank)}
    return made_pod


def node(status: str, since: str, beat: str) -> dict[str, Any]:
    ready = {"type": "Ready", "status": status, "lastTransitionTime": since, "lastHeartbeatTime": beat, "reason": "r"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "n1", "creationTimestamp": at(0)},
        "status": {"conditions": [ready]},
    }


def test_a_gang_is_one_attempt_with_all_its_nodes(feed: Feed, rows: Rows) -> None:
    feed(listed(*(ranked(f"p{rank}", at(1), at(5), rank=rank) for rank in range(4))))
    (job,) = rows("jobs")
    assert (job["job_id"], job["state"], job["gpu_count"], len(job["nodes"])) == ("a/j", "COMPLETED", 32, 4)


def test_a_pod_that_is_replaced_ends_the_attempt_of_the_whole_gang(feed: Feed, rows: Rows) -> None:
    feed(
        listed(
            ranked("p0", at(1), rank=0),
            ranked("p1", at(1), at(3), 1, rank=1),
            ranked("p1b", at(3, 1), rank=1),
        )
    )
    first, second = sorted(rows("jobs"), key=lambda job: job["submit_utc"])
    assert (first["state"], first["end_utc"], first["nodes"]) == ("FAILED", at(3), ["node-p0", "node-p1"])
    assert (second["state"], second["start_utc"], second["nodes"]) == ("RUNNING", at(3, 1), ["node-p0", "node-p1b"])


def test_pods_replaced_within_one_restart_are_one_attempt(feed: Feed, rows: Rows) -> None:
    """All workers are made anew, one shortly after the other, while the old ones are still ending."""
    feed(
        listed(
            ranked("p0", at(1), at(3, 2), 1, rank=0),
            ranked("p1", at(1), at(3), 1, rank=1),
            ranked("p1b", at(3, 1), rank=1),
            ranked("p0b", at(3, 3), rank=0),
        )
    )
    assert [job["nodes"] for job in sorted(rows("jobs"), key=lambda job: job["submit_utc"])] == [
        ["node-p0", "node-p1"],
        ["node-p0b", "node-p1b"],
    ]


def test_an_indexed_job_that_works_off_a_list_is_an_array(feed: Feed, rows: Rows) -> None:
    feed(
        listed(
            ranked("p0", at(1), at(2), rank=0),
            ranked("p1", at(1), at(4), rank=1),
            ranked("p2", at(2, 1), at(3), 1, rank=2),
        )
    )
    assert {(job["job_id"], job["state"], job["gpu_count"]) for job in rows("jobs")} == {
        ("a/j_0", "COMPLETED", 8),
        ("a/j_1", "COMPLETED", 8),
        ("a/j_2", "FAILED", 8),
    }


def test_pods_of_a_job_side_by_side_are_jobs_one_after_the_other_are_attempts(feed: Feed, rows: Rows) -> None:
    feed(listed(pod("p0", at(1), at(2), 1, job_name="j"), pod("p1", at(2, 1), at(3), job_name="j")))
    assert {job["job_id"] for job in rows("jobs")} == {"a/j"}
    feed(listed(pod("q0", at(1), at(2), 1, job_name="k"), pod("q1", at(1), at(3), job_name="k")))
    assert {job["job_id"] for job in rows("jobs")} == {"a/j", "a/q0", "a/q1"}


def test_groups_of_a_leader_worker_set_are_gangs_of_their_own(feed: Feed, rows: Rows) -> None:
    def member(name: str, group: str, worker: str) -> dict[str, Any]:
        made = pod(name, at(1))
        prefix = "leaderworkerset.sigs.k8s.io"
        made["metadata"]["labels"] = {
            f"{prefix}/name": "serve",
            f"{prefix}/group-index": group,
            f"{prefix}/worker-index": worker,
        }
        return made

    feed(listed(*(member(f"p{group}{worker}", group, worker) for group in "01" for worker in "012")))
    assert {(job["job_id"], len(job["nodes"])) for job in rows("jobs")} == {("a/serve-0", 3), ("a/serve-1", 3)}


def test_the_first_attempt_was_submitted_when_the_job_was_made(feed: Feed, rows: Rows) -> None:
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "j", "namespace": "a", "creationTimestamp": at(0)},
        "status": {"conditions": [{"type": "Complete", "status": "True", "lastTransitionTime": at(3)}]},
    }
    feed(listed(pod("p0", at(1), at(2), 1, job_name="j"), pod("p1", at(2, 1), at(3), job_name="j"), job))
    assert [(row["submit_utc"], row["state"]) for row in sorted(rows("jobs"), key=lambda row: row["submit_utc"])] == [
        (at(0), "FAILED"),
        (at(2, 1), "COMPLETED"),
    ]


def test_a_node_back_between_two_lists_ends_the_outage_when_it_came_back(feed: Feed, rows: Rows) -> None:
    feed(listed(node("Unknown", at(2), at(1))) + listed(node("True", at(3), at(4))))
    (state,) = rows("node_states")
    assert (state["from_utc"], state["to_utc"], state["state"], state["continues"]) == (at(2), at(3), "down", False)


def test_a_node_that_fell_out_twice_between_lists_has_two_outages(feed: Feed, rows: Rows) -> None:
    feed(listed(node("Unknown", at(2), at(1))) + listed(node("Unknown", at(5), at(4))), taken_at=at(6))
    assert [(row["from_utc"], row["to_utc"], row["continues"]) for row in rows("node_states")] == [
        (at(2), at(5), False),
        (at(5), at(6), False),
    ]


def test_an_outage_in_the_only_list_lasts_to_when_it_was_taken(feed: Feed, rows: Rows) -> None:
    report = feed(listed(node("False", at(2), at(4)))).files[0]
    assert [row["to_utc"] for row in rows("node_states")] == [at(4)]
    assert not any("time stamp" in warning for warning in report.warnings)
    later = node("False", at(2), at(4))
    del later["status"]["conditions"][0]["lastHeartbeatTime"]
    assert any("time stamp" in warning for warning in feed(listed(later)).files[0].warnings)


@pytest.mark.parametrize("lines", range(1, 17))
def test_what_a_part_of_a_watch_tells_the_whole_tells_under_the_same_keys(lines: int, tmp_path: Path) -> None:
    """A watch is taken in again when it grew: what was known must be replaced, not doubled."""

    def keys(content: bytes) -> set[tuple[Any, ...]]:
        path = tmp_path / "watch.json"
        path.write_bytes(content)
        tables = [table for chunk in Kubernetes().read(InputFile(path), Options()) for table in chunk.tables.items()]
        return {
            (name, *(row[column] for column in TABLES[name].key if column in row))
            for name, table in tables
            for row in table.to_pylist()
        }

    whole = (CASES / "watch-lines.input").read_bytes()
    assert keys(b"".join(whole.splitlines(keepends=True)[:lines])) <= keys(whole)


def test_items_of_the_bare_api_take_their_kind_from_the_list(feed: Feed, rows: Rows) -> None:
    bare = {key: value for key, value in pod("p", at(1)).items() if key not in {"kind", "apiVersion"}}
    feed(json.dumps({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [bare, bare]}))
    assert [job["job_id"] for job in rows("jobs")] == ["a/p"]


def test_a_list_that_is_cut_short_keeps_what_it_has_and_says_so(feed: Feed, rows: Rows) -> None:
    whole = listed(pod("p0", at(1)), pod("p1", at(1)))
    (report,) = feed(whole[: whole.index('"p1"') + 40]).files
    assert [job["job_id"] for job in rows("jobs")] == ["a/p0"]
    assert (report.rows_read, report.rows_used, report.rows_rejected) == (2, 1, 1)
    assert "cut short" in rows("rejects")[0]["reason"]


def test_text_between_the_documents_is_an_error(feed: Feed) -> None:
    with pytest.raises(UnreadableInputError, match="not JSON"):
        feed(listed(pod("p0", at(1))) + "\nUnable to connect to the server\n")


@pytest.mark.parametrize(
    ("reason", "message", "code", "severity"),
    [
        ("NvidiaXID79Error", "", "xid:79", "critical"),
        ("XIDErrors", "Xid error 48 on GPU 3", "xid:48", "critical"),
        ("GcmXidErrorsProblem", "NVRM: Xid (PCI:0000:9b:00): 31, pid=1", "xid:31", "info"),
        ("FilesystemIsReadOnly", "Remounting filesystem read-only", "k8s:FilesystemIsReadOnly", "critical"),
        ("GcmNvlinkProblem", "nvlink inactive", "k8s:GcmNvlinkProblem", "warning"),
        ("SomethingNew", "", "k8s:SomethingNew", "warning"),
    ],
)
def test_what_detectors_say_is_read(reason: str, message: str, code: str, severity: str) -> None:
    found = problem_of(reason, message, node_warning=True)
    assert found is not None
    assert (found.code, found.severity) == (code, severity)
    assert found.component in COMPONENTS
    assert found.symptom in SYMPTOMS
    assert found.domain in DOMAINS
    assert found.severity in SEVERITIES


def test_warnings_about_a_pod_that_no_rule_knows_are_nothing() -> None:
    assert problem_of("BackOff", "Back-off restarting failed container", node_warning=False) is None


def mutated(draw: st.DrawFn) -> object:
    """A list of the golden file's objects with some value anywhere in it replaced."""
    document = json.loads((CASES / "two-lists.input").read_text().partition("\n}\n")[0] + "\n}")
    for _ in range(draw(st.integers(1, 6))):
        place: Any = draw(st.sampled_from(document["items"]))
        while isinstance(place, dict | list) and place:
            key = (
                draw(st.sampled_from(sorted(place)))
                if isinstance(place, dict)
                else draw(st.integers(0, len(place) - 1))
            )
            if not isinstance(place[key], dict | list) or draw(st.integers(0, 4)) == 0:
                place[key] = draw(
                    st.none()
                    | st.booleans()
                    | st.integers(-(1 << 62), 1 << 62)  # a larger one is no JSON to the parser
                    | st.floats(allow_nan=False, allow_infinity=False)
                    | st.text(max_size=8)
                    | st.sampled_from(["9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
                    | st.sampled_from(["2147483647", "16777215", "1e15", "9Ei", "-1"])
                    | st.lists(st.none(), max_size=2)
                    | st.dictionaries(st.text(max_size=3), st.booleans(), max_size=2)
                )
                break
            place = place[key]
    return document


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.composite(mutated)())
def test_whatever_stands_in_the_fields_the_records_add_up(tmp_path: Path, document: object) -> None:
    path = tmp_path / "list.json"
    path.write_text(json.dumps(document))
    chunks = list(Kubernetes().read(InputFile(path), Options()))
    assert sum(chunk.read for chunk in chunks) == len(document["items"])  # type: ignore[index]
    assert all(chunk.read == chunk.used + len(chunk.rejects) + chunk.dropped for chunk in chunks)
