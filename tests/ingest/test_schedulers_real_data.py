"""A real workload log, with the numbers its own header gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.report import IngestReport

pytestmark = pytest.mark.real_data


def test_the_nasa_log_has_its_jobs_within_its_times(
    real_data: Path, feed: Callable[..., IngestReport], rows: Callable[..., list[dict[str, Any]]]
) -> None:
    (report,) = feed(real_data / "swf" / "NASA-iPSC-1993-3.1-cln.swf.xz").files
    jobs = rows("jobs")
    assert (report.format, len(jobs), report.rows_rejected) == ("swf", 18_239, 0)
    assert report.rows_dropped == 32  # the header
    # ; StartTime: Fri Oct 01 00:00:03 PDT 1993, ; EndTime: Fri Dec 31 23:03:45 PST 1993, ; MaxNodes: 128
    assert min(job["submit_utc"] for job in jobs) == "1993-10-01T07:00:03Z"
    assert max(job["end_utc"] for job in jobs) == "1994-01-01T07:03:45Z"
    assert {job["node_count"] for job in jobs} == {1, 2, 4, 8, 16, 32, 64, 128}
    assert len({job["job_id"] for job in jobs}) == 18_239
