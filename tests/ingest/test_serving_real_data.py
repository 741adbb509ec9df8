"""Azure's trace of LLM requests, with the numbers its description gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.report import IngestReport

pytestmark = pytest.mark.real_data


def test_azure_code_trace_is_whole(
    real_data: Path, feed: Callable[..., IngestReport], rows: Callable[..., list[dict[str, Any]]]
) -> None:
    path = real_data / "llm_serving" / "azure-2023-code.csv.xz"
    (report,) = feed(path).files
    requests = rows("requests")
    assert (report.format, report.cluster) == ("azure-llm", "azure-llm")
    assert (report.rows_read, report.rows_rejected) == (8_819, 0)
    assert len(requests) == 8_819
    assert {row["arrival_utc"][:10] for row in requests} == {"2023-11-16"}
    # Splitwise (ISCA 2024), section 3: the coding service's median prompt has 1,500 tokens, its median answer 13.
    prompts, answers = (sorted(row[name] for row in requests) for name in ("input_tokens", "output_tokens"))
    assert prompts[len(prompts) // 2] == 1_469
    assert answers[len(answers) // 2] == 13
    assert feed(path).files[0].rows_written == {"requests": 0}
