"""The lines of the training frameworks, one table each; what they mean is the tracker's.

Megatron-LM
    ``training_log`` of ``megatron/training/training.py``, ``megatron/training/checkpointing.py``, the timers of
    ``megatron/core/timers.py``. Older versions print the iteration lines without a stamp.
NeMo
    NeMo 2: the progress printer's lines and those logged as ``[NeMo I date time module:line]`` with the times of
    checkpoints; NeMo 1: the line of its progress bar.
torchtitan
    ``torchtitan/components/metrics.py`` and ``torchtitan/components/checkpoint.py``.
DeepSpeed
    ``step=…`` of ``deepspeed/runtime/engine.py``, ``deepspeed/runtime/checkpoint_engine/torch_checkpoint_engine.py``.

Written from that code and from logs of 2021 to 2026 quoted in public repositories (NVIDIA/Megatron-LM, NVIDIA/NeMo,
pytorch/torchtitan, microsoft/DeepSpeed and their users); no whole log was at hand.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from ingest.records import KEPT, NOTHING, Row
from ingest.training.tracker import Tracker

_Match = re.Match[str]
_Act = Callable[[Tracker, _Match], Sequence[Row]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of line: a word it must hold, the pattern it must match, and what follows."""

    word: str
    pattern: re.Pattern[str]
    act: _Act


def _rule(word: str, pattern: str, act: _Act) -> Rule:
    return Rule(word, re.compile(pattern), act)


def _seconds(text: str) -> float:
    seconds = float(text.replace(",", ""))
    if not math.isfinite(seconds) or not 0 <= seconds < 1e7:
        raise ValueError(f"no length of time: {text[:40]}")
    return seconds


def _whole(text: str) -> int:
    if len(text) > 15:
        raise ValueError(f"no step number: {text[:40]}")
    return int(text)


def _epoch(text: str) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=float(text))


def _megatron_step(log: Tracker, line: _Match) -> Sequence[Row]:
    seconds = _seconds(line["ms"]) / 1e3
    tokens = log.sequence_tokens * _whole(line["batch"]) if log.sequence_tokens and line["batch"] else None
    return log.step(_whole(line["step"]), seconds, tokens / seconds if tokens and seconds else None)


def _megatron_timer(log: Tracker, line: _Match) -> Sequence[Row]:
    seconds = _seconds(line["ms"]) / 1e3
    return log.save_waited(seconds) if line["what"] == "save" else log.load_ends(seconds)


def _sequence_tokens(log: Tracker, line: _Match) -> Sequence[Row]:
    log.sequence_tokens = _whole(line["tokens"])
    return KEPT


def _titan_mesh(log: Tracker, line: _Match) -> Sequence[Row]:
    sizes = [_whole(size) for size in line["sizes"].split(",")]
    log.world_size = math.prod(sizes)
    return KEPT


def _titan_step(log: Tracker, line: _Match) -> Sequence[Row]:
    per_gpu = float(line["tps"].replace(",", ""))
    return log.step(_whole(line["step"]), None, per_gpu * log.world_size if log.world_size else None)


def _deepspeed_step(log: Tracker, line: _Match) -> Sequence[Row]:
    number = _whole(line["step"])
    return log.step(number, None) if number else NOTHING  # step 0 is logged before the first step is made


def _deepspeed_tag(text: str) -> int | None:
    found = re.search(r"(\d{1,15})(?!.*\d)", text)
    return int(found[1]) if found else None


_STEP: Final = r"(?P<step>\d+)"
MEGATRON: Final = (
    _rule(
        "elapsed time per iteration (ms):",
        rf"\biteration\s+{_STEP}/\s*(?:\d+|infinity) \|.*?elapsed time per iteration \(ms\): (?P<ms>[\d.]+) \|"
        r"(?:.*?global batch size:\s+(?P<batch>\d+) \|)?",
        _megatron_step,
    ),
    _rule(
        "saving checkpoint at iteration",
        rf"saving checkpoint at iteration\s+{_STEP} to ",
        lambda log, line: log.save_begins(_whole(line["step"])),
    ),
    _rule(
        "scheduled an async checkpoint save",
        rf"scheduled an async checkpoint save at iteration\s+{_STEP} to ",
        lambda log, line: log.save_goes_on(),  # noqa: ARG005 - the table's
    ),
    _rule(
        "uccessfully saved checkpoint",
        rf"[sS]uccessfully saved checkpoint (?:from|at) iteration\s+{_STEP} to ",
        lambda log, line: log.save_ends(_whole(line["step"])),
    ),
    _rule(
        "loading checkpoint from",
        rf"\bloading checkpoint from \S.*? at iteration {_STEP}\b",
        lambda log, line: log.load_begins(_whole(line["step"])),
    ),
    _rule(
        "loading distributed checkpoint from",
        rf"\bloading distributed checkpoint from \S.*? at iteration {_STEP}\b",
        lambda log, line: log.load_begins(_whole(line["step"])),
    ),
    _rule(
        "-checkpoint",
        r"(?P<what>save|load)-checkpoint \.*: ?(?:\([\d.]+, )?(?P<ms>[\d.]+)\)?\s*$",
        _megatron_timer,
    ),
    _rule("seq_length ...", r"(?:^|: ?|\s)seq_length \.{3,} (?P<tokens>\d+)\s*$", _sequence_tokens),
)
NEMO: Final = (
    _rule(
        "train_step_timing in s:",
        rf"global_step: {_STEP} \|.*?train_step_timing in s: (?P<s>[\d.]+)(?: \||\s*$)",
        lambda log, line: log.step(_whole(line["step"]), _seconds(line["s"])),
    ),
    _rule(
        "train_step_timing in s=",
        rf"global_step={_STEP}(?:\.0+)?, .*?train_step_timing in s=(?P<s>[\d.]+)[,\]]",
        lambda log, line: log.step(_whole(line["step"]), _seconds(line["s"])),
    ),
    _rule(
        "Global Checkpoint Save",
        rf"Global Checkpoint Save : Rank ?: \d+ : Iteration ?: {_STEP} : Start time ?: (?P<start>\d{{9,10}}\.\d+)s : "
        r"Save duration: (?P<s>[\d.]+)s",
        lambda log, line: log.save_waited(
            _seconds(line["s"]), step=_whole(line["step"]), started=_epoch(line["start"])
        ),
    ),
    _rule(
        "Global Checkpoint Load",
        r"Global Checkpoint Load : Rank ?: \d+ : Start time ?: (?P<start>\d{9,10}\.\d+)s : "
        r"Time spent in load_checkpoint: (?P<s>[\d.]+)s",
        lambda log, line: log.load_ends(_seconds(line["s"]), started=_epoch(line["start"])),
    ),
    _rule(
        "Scheduled async checkpoint save for",
        r"Scheduled async checkpoint save for ",
        lambda log, line: log.save_goes_on(),  # noqa: ARG005 - the table's
    ),
    # Of the step it says the number of the next one.
    _rule(
        "finalized successfully",
        r"Async checkpoint save for step \d+ \(.*\) finalized successfully",
        lambda log, line: log.save_ends(None),  # noqa: ARG005 - the table's
    ),
)
TORCHTITAN: Final = (
    _rule("device mesh with [", r"Building \d+-D device mesh with \[[^\]]*\], \[(?P<sizes>\d[\d, ]*)\]", _titan_mesh),
    _rule("tps: ", rf"\bstep:\s+{_STEP}\S* .*?\bloss:\s.*?\btps: (?P<tps>[\d,]+)\s", _titan_step),
    # The line does not say of which step; it follows the step's own line where that is logged.
    _rule(
        "Saving the checkpoint",
        r"Saving the checkpoint(?: \(or staging|\.|$)",
        lambda log, line: log.save_begins(log.last_step),  # noqa: ARG005 - the table's
    ),
    _rule(
        "Finished saving the checkpoint",
        r"Finished saving the checkpoint.{0,60}?in (?P<s>[\d.]+) seconds",
        lambda log, line: log.save_waited(_seconds(line["s"])),
    ),
    _rule(
        "Loading the checkpoint",
        rf"Loading the checkpoint (?:at step {_STEP}|from .*?(?:step-(?P<dir>\d+))?\.?$)",
        lambda log, line: log.load_begins(int(found) if (found := line["step"] or line["dir"]) else None),
    ),
    _rule(
        "Finished loading the checkpoint",
        r"Finished loading the checkpoint in (?P<s>[\d.]+) seconds",
        lambda log, line: log.load_ends(_seconds(line["s"])),
    ),
)
DEEPSPEED: Final = (
    _rule("log_dist] [Rank ", rf"log_dist\] \[Rank \d+\] step={_STEP}, skipped=\d+, lr=", _deepspeed_step),
    _rule(
        "[Torch] Checkpoint ",
        r"\[Torch\] Checkpoint (?P<tag>\S{1,300}) is (?:about|begin) to (?:be saved|save)!",
        lambda log, line: log.save_begins(_deepspeed_tag(line["tag"])),
    ),
    _rule(
        "[Torch] Checkpoint ",
        r"\[Torch\] Checkpoint (?P<tag>\S{1,300}) is ready now!",
        lambda log, line: log.save_ends(_deepspeed_tag(line["tag"])),
    ),
)
RULES: Final = (*MEGATRON, *NEMO, *TORCHTITAN, *DEEPSPEED)
#: what only these programs print, and print early
SIGNATURES: Final = re.compile(
    rb"using world size: \d+, data-parallel size"
    rb"|-{8} arguments -{8}"
    rb"| iteration +\d+/ *\d+ \| (?:consumed samples|elapsed time per iteration)"
    rb"|\[NeMo [IWED] \d{4}-\d\d-\d\d \d\d:\d\d:\d\d "
    rb"|Training epoch \d+, iteration \d+/\d+ \|"
    rb"|\[titan\] (?:\x1b\[[0-9;]*m)*\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    rb"|- root - INFO - (?:\x1b\[[0-9;]*m)*step: +\d+ "
    rb"|\[INFO\] \[(?:real_accelerator|comm|logging|engine|config|torch_checkpoint_engine)\.py:\d+:\w+\]"
)
