"""From a specification to files: simulate, then write the native logs and the truth."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from synthetic_traces.errors import OutputNotEmptyError
from synthetic_traces.logs.files import OPTIONAL_FILES, File, Renderer, planned_files
from synthetic_traces.serving.records import ServingHistory
from synthetic_traces.serving.simulate import simulate_serving
from synthetic_traces.simulation.cluster import Simulation
from synthetic_traces.simulation.records import History
from synthetic_traces.spec.cluster import ClusterSpec
from synthetic_traces.spec.loading import preset_spec
from synthetic_traces.truth.files import write_truth
from synthetic_traces.truth.tables import MARKER, write_readme

_SIMULATION_SHARE = 0.6  # of the time that writing a trace takes
_WORTH_PROCESSES = 100_000  # attempts; fewer are written before another process has begun


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
        The hazard they were drawn with, those of domain faults apart.
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


def write_preset(
    preset: str, seed: int, out: Path, progress: Callable[[float], None] | None = None, processes: int = 1
) -> SynthSummary:
    """Simulate a preset cluster and write its logs and its truth.

    Parameters
    ----------
    preset
        Name of the cluster, see `synthetic_traces.spec.loading.preset_spec`.
    seed, out, progress, processes
        As in `write_trace`.

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
    synthetic_traces.errors.UnknownPresetError: unknown preset 'huge'; known presets: ...
    """
    return write_trace(preset_spec(preset), seed, out, progress, processes, name=f"preset {preset}")


def write_trace(
    spec: ClusterSpec,
    seed: int,
    out: Path,
    progress: Callable[[float], None] | None = None,
    processes: int = 1,
    *,
    name: str | None = None,
) -> SynthSummary:
    """Simulate a cluster and write its logs and its truth.

    Equal specifications and seeds give the same bytes, whatever the number of processes. An earlier trace in the same
    folder is overwritten file by file, and logs of it that this one has not are removed; nothing else is touched.

    Parameters
    ----------
    spec
        The cluster.
    seed
        Of all randomness; not negative.
    out
        Folder to write to; made if missing.
    progress
        Called with the fraction done, 0 … 1.
    processes
        How many write at the same time, if there is enough to write.
    name
        What the specification is called; the cluster's name if None.

    Returns
    -------
    SynthSummary
        What was written.

    Raises
    ------
    OutputNotEmptyError
        The folder holds something else.
    """
    _refuse_foreign(out)
    report = progress if progress is not None else lambda _: None
    simulation = Simulation(spec, seed)
    history = simulation.run(lambda fraction: report(fraction * _SIMULATION_SHARE))
    serving = _serve(spec, history, seed)
    report(_SIMULATION_SHARE)

    # First the marker: an interrupted run leaves a folder that the next one may complete.
    called = name or f"cluster {spec.cluster}"
    readme = out / "truth" / "README.txt"
    readme.parent.mkdir(parents=True, exist_ok=True)
    write_readme(spec, called, seed, readme)
    renderer = Renderer(spec, simulation.plant, history, serving, seed)
    files = planned_files(spec, history, serving)
    _remove_others(out, files)
    _write_files(renderer, files, out, processes, report)
    truth = write_truth(spec, simulation.plant, history, serving, called, seed, readme.parent)
    report(1.0)
    attempts = history.attempts
    return SynthSummary(
        out=out,
        preset=called.removeprefix("preset "),
        seed=seed,
        files=(*(out / file.path for file in files), *truth, readme),
        jobs=len(np.unique(attempts.job_id)),
        attempts=len(attempts),
        faults=sum(fault.kind == "critical" for fault in history.faults),
        nodes=spec.fleet.nodes,
        gpus=spec.fleet.nodes * spec.fleet.gpus_per_node,
        days=spec.days,
        in_service_node_days=history.in_service_node_days,
        true_failures_per_1000_node_days=1000 * sum(history.expected_faults.values()) / history.in_service_node_days,
    )


def _serve(spec: ClusterSpec, history: History, seed: int) -> ServingHistory | None:
    if spec.serving is None:
        return None
    since = {fault.fault_id: fault.time_seconds for fault in history.faults}
    outages = [
        (out.node, since[out.number] if out.state == "down" else float(out.from_seconds), float(out.to_seconds))
        for out in history.outages
        if out.node >= spec.batch_nodes
    ]
    return simulate_serving(
        spec.serving,
        range(spec.batch_nodes, spec.fleet.nodes),
        outages,
        np.random.default_rng([seed, 5]),
        log_seconds=spec.seconds,
    )


def _write_files(
    renderer: Renderer, files: tuple[File, ...], out: Path, processes: int, report: Callable[[float], None]
) -> None:
    def done(count: int) -> None:
        report(_SIMULATION_SHARE + (0.95 - _SIMULATION_SHARE) * count / len(files))

    if processes == 1 or renderer.attempts < _WORTH_PROCESSES:
        for count, file in enumerate(files, start=1):
            renderer.write(file, out)
            done(count)
        return
    with ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=_keep, initargs=(renderer,)
    ) as pool:
        written = [pool.submit(_write_kept, file, out) for file in files]
        try:
            for count, future in enumerate(as_completed(written), start=1):
                future.result()
                done(count)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


_kept: list[Renderer] = []  # what each writing process was given at its begin: the history is sent once, not per file


def _keep(renderer: Renderer) -> None:
    _kept[:] = [renderer]


def _write_kept(file: File, out: Path) -> None:
    _kept[0].write(file, out)


def _refuse_foreign(out: Path) -> None:
    if not out.exists() or (out.is_dir() and next(out.iterdir(), None) is None):
        return
    readme = out / "truth" / "README.txt"
    if not (readme.is_file() and readme.read_text(encoding="utf-8", errors="replace").startswith(MARKER)):
        raise OutputNotEmptyError(out)


def _remove_others(out: Path, files: tuple[File, ...]) -> None:
    # Files of an earlier trace that this one does not overwrite would be read as part of it.
    kept = {out / file.path for file in files}
    for path in sorted(out.glob("*/*")):
        if path not in kept and path.is_file() and OPTIONAL_FILES.fullmatch(path.relative_to(out).as_posix()):
            path.unlink()
