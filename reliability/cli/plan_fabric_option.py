"""``plan --fabric`` and what belongs to it: the fabric, another one, what they fail by, and how that is printed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reliability.cli.fabric_option import repair_hours_of, settings_of
from reliability.cli.output import note, notes, print_table
from reliability.errors import BadOptionError

if TYPE_CHECKING:
    from pathlib import Path

    from models.topology.fabric import Fabric
    from reliability.analyses.plan import Plan
    from reliability.analyses.plan_fabric import InFabric, PlanFabric


def run_in_fabric(
    planned: Plan,
    lake: Path,
    *,
    fabric: str | None,
    settings: Sequence[str] | None,
    against: str | None,
    repairs: Sequence[str] | None,
    slowdown: str | None,
    model: str | None,
    network_failures: int | None,
    published_links: bool,
    gpu_hour_dollars: float | None,
    spares: int | None,
    repair_seconds: float,
    seed: int,
) -> PlanFabric | None:
    """Put a planned run into the fabric asked for; None if none is.

    Raises
    ------
    BadOptionError
        An option that needs ``--fabric`` or ``--failures`` stands without it, or is none.
    reliability.errors.ReliabilityError, models.errors.ModelError
        There is no such fabric, or the run does not fit into it.
    """
    if fabric is None:
        for option, value in (
            ("--against", against),
            ("--set-fabric", settings),
            ("--fabric-repair", repairs),
            ("--slowdown", slowdown),
            ("--network-failures", network_failures),
            ("--published-links", published_links or None),
            ("--gpu-hour-dollars", gpu_hour_dollars),
        ):
            if value is not None and value != []:
                shown = value[0] if isinstance(value, list) else value
                raise BadOptionError(option, shown, "with it --fabric, the fabric of the run")
        return None
    from reliability.analyses.collectives import with_room  # noqa: PLC0415 - keeps --help instant
    from reliability.analyses.fabric import FROM_LAKE, fabric_of  # noqa: PLC0415 - keeps --help instant
    from reliability.analyses.plan_fabric import plan_fabric  # noqa: PLC0415
    from reliability.analyses.plan_fabric_rates import links_among_failures  # noqa: PLC0415
    from reliability.lake import open_lake  # noqa: PLC0415

    values = settings_of(settings, "--set-fabric")
    own = planned.rate.source == "measured"
    opened = open_lake(lake) if own or FROM_LAKE in (fabric, against) else None
    if network_failures is not None and planned.rate.source != "counted":
        raise BadOptionError("--network-failures", network_failures, "with it --failures, of which they are some")
    if network_failures is not None and network_failures > (planned.rate.failures or 0):
        raise BadOptionError("--network-failures", network_failures, "no more than --failures")

    def built(kind: str) -> Fabric:
        return fabric_of(kind, with_room(kind, values, planned.gpus), opened)

    return plan_fabric(
        planned,
        built(fabric),
        against=None if against is None else built(against),
        repair_hours=repair_hours_of(repairs, "--fabric-repair"),
        slowdown=_slowdown(slowdown, planned, model),
        link_failures=links_among_failures(opened, planned.rate) if own and opened else network_failures,
        published_links=published_links,
        gpu_hour_dollars=gpu_hour_dollars,
        spares=spares,
        repair_seconds=repair_seconds,
        seed=seed,
    )


def _slowdown(
    text: str | None, planned: Plan, model: str | None
) -> float | Callable[[Fabric], Mapping[str, float]] | None:
    """Return a share, or for ``step`` the slowdown of the model's training step by class of part."""
    if text is None:
        return None
    if text != "step":
        try:
            return float(text)
        except ValueError as error:
            raise BadOptionError("--slowdown", text, "a share such as 0.0625, or step") from error
    if model is None:
        raise BadOptionError("--slowdown", text, "with it --model, whose step it is")
    from reliability.analyses.plan_fabric_step import step_slowdowns  # noqa: PLC0415 - keeps --help instant

    return step_slowdowns(model, planned.gpus)


def print_fabric(found: PlanFabric) -> None:
    """Print a run in its fabric as a person reads it."""
    for each in (found.one, found.other):
        if each is not None:
            print_table(_rows(each), title=f"In {each.kind}, {each.fabric_gpus:,} GPUs: failures by domain")
    shown = ("fabric", "ettr", "ettr_low", "ettr_high", "ettr_simulated", "mean_speed", "mttf_hours")
    documents = [each.document() for each in (found.one, found.other) if each is not None]
    print_table([{name: document[name] for name in shown} for document in documents], title="ETTR in the fabric")
    if found.difference is not None and found.other is not None:
        told = [{"quantity": name, "value": value} for name, value in found.difference.document().items()]
        print_table(told, title=f"{found.one.kind} against {found.other.kind}, on the same failures")
    note(found.document()["definition"])
    notes(found.notes)
    notes(f"warning: {warning}" for warning in found.warnings)


def _rows(found: InFabric) -> list[dict[str, Any]]:
    left_out = ("source", "hosts_each", "slowing_per_day")
    return [
        {"domain": row.component} | {name: value for name, value in row.document().items() if name not in left_out}
        for row in found.rows
    ]
