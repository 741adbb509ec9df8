"""The log of an SGLang server started with ``--log-requests``: its ``Finish:`` lines, one a request.

``[date time …] Finish: obj=GenerateReqInput(…, received_time=…, …), out={…, 'meta_info': {…, 'prompt_tokens': …,
'completion_tokens': …, 'e2e_latency': …}}`` as ``sglang/srt/utils/request_logger.py`` writes it. What a user wrote or
the model answered may stand in the line, too, so the numbers are taken from its end, after the last ``'meta_info'``.

Written from that code and from lines quoted in public issues; no whole log was at hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ingest.opening import InputFile
from ingest.parsing.lines import head_lines, numbered_lines
from ingest.records import NOTHING, Findings, Row, chunks
from ingest.serving import fields as f
from ingest.serving.request_log import request_row
from ingest.source import Chunk, Options, Source

_FINISH: Final = "Finish: obj="
_RECEIVE: Final = "Receive: obj="
_META: Final = "'meta_info': {"
_LINE: Final = re.compile(
    r"(?:Finish|Receive): obj=\w+ReqInput\(|server_args=ServerArgs\(|Decode batch[.,].*#running-req: "
)
_STAMP: Final = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:[.,]\d{1,6})?)(Z|[+-]\d\d:?\d\d)?")
_RECEIVED: Final = re.compile(r"\breceived_time=(\d{9,10}\.\d{1,9})\b")
_NUMBERS: Final = re.compile(
    r"'(prompt_tokens|completion_tokens|e2e_latency|response_sent_to_client_ts|request_received_ts)': (\d[\d.]{0,30})"
)
_REASON: Final = re.compile(r"'finish_reason': \{'type': '(\w{1,30})'")
#: the request's own fields come first, and the time it was received before its text
_OWN_FIELDS: Final = 400


class SglangLog(Source):
    """Source of ``requests``."""

    name = "sglang-log"
    title = "SGLang server log with --log-requests"
    covers = ()
    cluster = None
    names_cluster = False
    grows = True

    def recognise(self, head: bytes, options: Options) -> bool:  # noqa: ARG002 - the protocol's
        """Tell whether the beginning is a server's log."""
        lines = head_lines(head, most=2_000)
        return not head.lstrip().startswith(b"{") and any(_LINE.search(line, 0, 2048) for line in lines)

    def read(self, file: InputFile, options: Options) -> Iterator[Chunk]:
        """Yield the requests that were finished."""
        findings = Findings()
        times = f.Times(options.zone)

        def parse(line: str) -> Sequence[Row]:
            start = line.find(_FINISH, 0, 400)
            if start < 0 or _RECEIVE in line[:start]:
                return NOTHING
            record = _record(line, start)
            row = request_row(record, times, options.node)
            findings.naive_times = times.naive
            return [Row("requests", row)]

        yield from chunks(numbered_lines(file), parse, str, findings)


def _record(line: str, start: int) -> dict[str, object]:
    meta = line.rfind(_META)
    if meta < 0:
        raise ValueError("no meta_info in the line")
    record: dict[str, object] = {name: float(value) for name, value in _NUMBERS.findall(line, meta)}
    reason = _REASON.search(line, meta)
    stamp = _STAMP.search(line, 0, start)
    received = _RECEIVED.search(line, start, start + _OWN_FIELDS)
    if stamp is not None:
        record.setdefault("end_time", f"{stamp[1]}T{stamp[2].replace(',', '.')}{stamp[3] or ''}")
    if "response_sent_to_client_ts" in record:
        record["end_time"] = record.pop("response_sent_to_client_ts")
    if received is not None:
        record["received_time"] = float(received[1])
        if "e2e_latency" in record:
            record.pop("end_time", None)  # the stamp of a line has whole seconds
    record["finish_reason"] = reason[1] if reason else None
    return record
