"""``reliability goodput --runs`` and ``--run``: ETTR of every run, of sizes, and over the time of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from reliability.cli.output import note, notes, print_answer, print_table

if TYPE_CHECKING:
    from reliability.lake import Lake

#: a terminal is no place for a million rows; the machine forms have them all
_MOST_SHOWN: Final = 30
_SHOWN: Final = (
    *("run_id", "job_name", "user", "gpu_count", "state", "attempt_count", "infrastructure_failures", "ettr"),
    *("queue_seconds", "scheduled_seconds", "productive_seconds", "checkpoint_seconds", "restart_seconds"),
    *("lost_seconds", "checkpoint_source"),
)
_STORY_SHOWN: Final = (
    *("job_id", "attempt", "chained_by", "from_utc", "to_utc", "state", "cause", "queue_seconds", "run_seconds"),
    *("productive_seconds", "checkpoint_seconds", "restart_seconds", "lost_seconds", "checkpoint_source"),
)


def print_runs(lake: Lake, options: dict[str, Any], *, as_json: bool, as_csv: bool) -> None:
    """Print one row per run, and for people the ETTR by size with the assumption beside it."""
    from reliability.analyses.runs import runs as ask  # noqa: PLC0415 - keeps --help instant

    machine = as_json or as_csv
    found = ask(lake, most=None if machine else _MOST_SHOWN, **options)
    clusters = {row["cluster"] for row in found.listed}
    shown = ("cluster", *_SHOWN) if len(clusters) > 1 else _SHOWN
    print_answer(found, as_json=as_json, as_csv=as_csv, columns=shown)
    if machine:
        return
    if found.overall.runs > len(found.listed):
        note(f"the {len(found.listed):,} largest of {found.overall.runs:,} runs; --json and --csv have all")
    print()
    print_table(found.size_rows(), title=f"ETTR by {found.size_unit}s of a run")
    for name, interval in (
        ("mean of runs", found.overall.mean_of_runs),
        ("ratio of sums", found.overall.ratio_of_sums),
    ):
        limits = "" if interval.low is None else f" ({interval.low:.3f} to {interval.high:.3f})"
        note(f"ETTR, {name}: {interval.ettr:.3f}{limits}")
    note(found.assumption)
    note(f"{found.definition} Intervals: {found.confidence:.0%}.")
    notes(f"warning: {warning}" for warning in found.warnings)


def print_story(lake: Lake, run: str, options: dict[str, Any], *, as_json: bool, as_csv: bool) -> None:
    """Print the attempts of one run; in JSON with its cumulative and sliding ETTR."""
    from reliability.analyses.run_story import run_story  # noqa: PLC0415 - keeps --help instant

    asked = {name: value for name, value in options.items() if name != "confidence"}
    story = run_story(lake, run, **asked)
    print_answer(story, as_json=as_json, as_csv=as_csv, columns=_STORY_SHOWN)
    if as_json or as_csv:
        return
    note(f"run {story.run_id}: ETTR {story.ettr:.3f}")
    over = story.over_time
    marks = [round(part * (len(over.time_seconds) - 1) / 10) for part in range(1, 11)]
    moments = story.moments()
    print()
    hours = over.window_seconds / 3600
    print_table(
        [
            {
                "time_utc": moments[mark],
                "ettr_cumulative": float(over.cumulative[mark]),
                f"ettr_over_{hours:g}_h": None
                if over.sliding[mark] != over.sliding[mark]
                else float(over.sliding[mark]),
            }
            for mark in sorted(set(marks))
        ],
        title="ETTR over time",
    )
    note(story.assumption)
    note(story.definition)
