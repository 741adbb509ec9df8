"""From a preset to files: simulate, then write the native logs and the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from synthetic_traces.errors import OutputNotEmptyError
from synthetic_traces.simulation import Simulation
from synthetic_traces.slurm_logs import SlurmLogs
from synthetic_traces.spec import preset_spec
from synthetic_traces.syslog import Syslog
from synthetic_traces.truth import MARKER, write_attempts, write_faults, write_rates, write_readme

_SIMULATION_SHARE = 0.6  # of the time that writing a preset takes


@dataclass(frozen=True, slots=True)
class SynthSummary:
    """What was written.

    Parameters
    ----------
    out, preset, seed
        Where, and from what.
    files
        Paths of all files, logs first.
    jobs, attempts
        Distinct job ids and scheduler attempts in the log.
    faults
        Critical faults: the failures.
    nodes, gpus, days
        Size of the cluster and length of the log.
    in_service_node_days
        Exposure of the failures, node-days.
    true_failures_per_1000_node_days
        The hazard they were drawn with.
    """

    out: Path
    preset: str
    seed: int
    files: tuple[Path, ...]
    jobs: int
    attempts: int
    faults: int
    nodes: int
    gpus: int
    days: int
    in_service_node_days: float
    true_failures_per_1000_node_days: float


def write_preset(preset: str, seed: int, out: Path, progress: Callable[[float], None] | None = None) -> SynthSummary:
    """Simulate a preset cluster and write its logs and its truth.

    Equal presets and seeds give the same bytes. An earlier trace in the same folder is overwritten file by file;
    nothing else is touched, and nothing is deleted.

    Parameters
    ----------
    preset
        Name of the cluster, see `synthetic_traces.spec.preset_spec`.
    seed
        Of all randomness; not negative.
    out
        Folder to write to; made if missing.
    progress
        Called with the fraction done, 0 … 1.

    Returns
    -------
    SynthSummary
        What was written.

    Raises
    ------
    UnknownPresetError
        There is no such preset.
    OutputNotEmptyError
        The folder holds something else.

    Examples
    --------
    >>> write_preset("huge", seed=1, out=Path("trace"))
    Traceback (most recent call last):
    synthetic_traces.errors.UnknownPresetError: unknown preset 'huge'; known presets: tiny
    """
    spec = preset_spec(preset)
    _refuse_foreign(out)
    report = progress if progress is not None else lambda _: None
    # The simulation draws from the seed itself; its printed form from a stream of its own, so that a change of wording
    # leaves the history alone.
    slurm_rng, syslog_rng = (np.random.default_rng(s) for s in np.random.SeedSequence([seed, 1]).spawn(2))
    history = Simulation(spec, seed).run(lambda fraction: report(fraction * _SIMULATION_SHARE))
    report(_SIMULATION_SHARE)

    # First the marker: an interrupted run leaves a folder that the next one may complete.
    readme = out / "truth" / "README.txt"
    readme.parent.mkdir(parents=True, exist_ok=True)
    write_readme(spec, preset, seed, readme)
    for folder in ("slurm", "kernel"):
        (out / folder).mkdir(exist_ok=True)
    slurm = SlurmLogs(spec, history, slurm_rng)
    sacct = _write_lines(out / "slurm" / "sacct.psv", slurm.sacct_lines())
    events = _write_lines(out / "slurm" / "events.psv", slurm.event_lines())
    report(0.8)
    syslog = _write_lines(out / "kernel" / "syslog.log", Syslog(spec, history, syslog_rng).lines())
    faults, attempts, rates = (out / "truth" / name for name in ("faults.parquet", "attempts.parquet", "rates.json"))
    write_faults(spec, history, faults)
    write_attempts(spec, history, attempts)
    write_rates(spec, history, preset, seed, rates)
    report(1.0)
    return SynthSummary(
        out=out,
        preset=preset,
        seed=seed,
        files=(sacct, events, syslog, faults, attempts, rates, readme),
        jobs=len({attempt.job_id for attempt in history.attempts}),
        attempts=len(history.attempts),
        faults=sum(fault.kind == "critical" for fault in history.faults),
        nodes=spec.nodes,
        gpus=spec.nodes * spec.gpus_per_node,
        days=spec.days,
        in_service_node_days=history.in_service_node_days,
        true_failures_per_1000_node_days=spec.failures_per_1000_node_days,
    )


def _refuse_foreign(out: Path) -> None:
    if not out.exists() or (out.is_dir() and next(out.iterdir(), None) is None):
        return
    readme = out / "truth" / "README.txt"
    if not (readme.is_file() and readme.read_text(encoding="utf-8", errors="replace").startswith(MARKER)):
        raise OutputNotEmptyError(out)


def _write_lines(path: Path, lines: Iterable[str]) -> Path:
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(f"{line}\n" for line in lines)
    return path
