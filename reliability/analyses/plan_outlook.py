"""All that a plan can say of its run: formulas, simulation, end, spares, what buys most, and how large it may be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from models.errors import ModelError
from models.goodput.hot_spares import spares_needed
from models.goodput.run_plan import SECONDS_PER_DAY
from reliability.analyses.answer import Answer
from reliability.analyses.lever_catalogue import Setting
from reliability.analyses.plan import SEED, FailureRate, Plan, replanned
from reliability.analyses.plan_fabric import PlanFabric
from reliability.analyses.plan_finish import Finish, Range, finish
from reliability.analyses.plan_levers import PlanLevers, plan_levers
from reliability.analyses.plan_map import EttrMap, ettr_map
from reliability.analyses.plan_model import PlannedModel
from reliability.analyses.plan_sensitivity import Sensitivity, sensitivity
from reliability.analyses.plan_simulation import Simulated, simulated
from reliability.analyses.plan_sweep import Sweep, sweep
from reliability.documents import iso
from reliability.errors import EndUnknownError

if TYPE_CHECKING:
    import plotly.graph_objects as go

#: chance per failure, at most, to find no spare
_SHORTAGE: Final = 0.05
#: level where the failure rate came without one
_CONFIDENCE: Final = 0.9
TARGET_ETTR: Final = 0.9


@dataclass(frozen=True, slots=True)
class SparesNeeded:
    """Spare nodes with which at least 95% of failures find one ready: at the planned rate and at its limits."""

    count: int | None
    low: int | None
    high: int | None
    repair_seconds: float


@dataclass(frozen=True, slots=True)
class Outlook(Answer):
    """A plan and what follows from it."""

    planned: Plan
    model: PlannedModel | None
    storage_gbps: float | None
    simulated: Simulated | None
    finish: Finish | None
    spares: SparesNeeded
    sensitivity: Sensitivity
    map: EttrMap
    sweep: Sweep | None
    levers: PlanLevers | None
    fabric: PlanFabric | None
    notes: tuple[str, ...]
    warnings: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return the plans of the sweep, if there is one, else the whole plan in one row."""
        if self.sweep is not None:
            return self.sweep.rows()
        nested = ("sensitivity", "sweep", "levers", "failures_by_domain", "fabric")
        return [{name: value for name, value in self.document().items() if name not in nested}]

    def document(self) -> dict[str, Any]:
        """Return the answer for ``--json``."""
        found, run = self.planned.document(), self.simulated
        fabric = None if self.fabric is None else self.fabric.document()
        last = {name: found.pop(name) for name in ("definition", "warnings")}
        return {
            **found,
            "ettr_simulated": None if run is None else run.ettr,
            "ettr_simulated_low": None if run is None else run.low,
            "ettr_simulated_high": None if run is None else run.high,
            "ettr_run_low": None if run is None else run.run_low,
            "ettr_run_high": None if run is None else run.run_high,
            "simulated_runs": None if run is None else run.replicas,
            "seed": None if run is None else run.seed,
            "model": None if self.model is None else self.model.name,
            "parameters": None if self.model is None else self.model.parameters,
            "checkpoint_bytes": None if self.model is None else self.model.checkpoint_bytes,
            "storage_gbps": self.storage_gbps,
            **_finish_document(self.finish),
            "spares_needed": self.spares.count,
            "spares_needed_low": self.spares.low,
            "spares_needed_high": self.spares.high,
            "repair_hours": self.spares.repair_seconds / 3600,
            **{name: value for name, value in self.map.document().items() if name != "definition"},
            "sensitivity": self.sensitivity.rows(),
            "sweep": None if self.sweep is None else self.sweep.document(),
            "levers": [] if self.levers is None else self.levers.rows(),
            "failures_by_domain": None if fabric is None else fabric.pop("failures_by_domain"),
            "fabric": fabric,
            "definition": last["definition"],
            "notes": list(self.notes),
            "warnings": list(self.warnings),
        }

    def figure(self) -> go.Figure:
        """Draw the sweep, if there is one, else the expected ETTR over the checkpoint interval."""
        return self.planned.figure() if self.sweep is None else self.sweep.figure()


def outlook(
    planned: Plan,
    *,
    model: PlannedModel | None = None,
    storage_gbps: float | None = None,
    target_ettr: float = TARGET_ETTR,
    swept: tuple[str, tuple[float, ...]] | None = None,
    levers: tuple[Setting, ...] = (),
    fabric: PlanFabric | None = None,
    start_utc: datetime | None = None,
    finish_by_utc: datetime | None = None,
    spares: int | None = None,
    repair_seconds: float = SECONDS_PER_DAY,
    seed: int = SEED,
) -> Outlook:
    """Say all that follows from a plan.

    Parameters
    ----------
    planned
        The run.
    model, storage_gbps
        Where its write time came from; None where it was given.
    target_ettr
        Of the largest run.
    swept
        A key of `SWEPT` and its values; None for no sweep.
    levers
        Whose worth is asked, in the order they are applied; `reliability.analyses.lever_catalogue.setting` makes them.
    fabric
        The run in a fabric, from `reliability.analyses.plan_fabric.plan_fabric`; None for no fabric.
    start_utc, finish_by_utc
        The dates of the question when it will be done.
    spares
        Spare nodes in the simulation; None for none and no cluster around the run.
    repair_seconds
        How long a failed node is gone.
    seed
        Of the simulation and of the draws.

    Raises
    ------
    BadOptionError, models.errors.ModelError
        If an option cannot be.
    """
    rate = planned.rate
    confidence = rate.confidence or _CONFIDENCE
    # Where no failure was seen, what a number buys and how many spares it takes is known at the upper limit alone.
    bound = planned if rate.per_1000_node_days or not rate.high else replanned(planned, rate=FailureRate(rate.high))
    run = None
    if rate.per_1000_node_days or rate.failures is None:
        run = simulated(planned.run, confidence=confidence, seed=seed, spares=spares, repair_seconds=repair_seconds)
    bought = plan_levers(planned, levers) if levers else None
    warnings = [*planned.warnings, *(run.warnings if run else ()), *(bought.warnings if bought else ())]
    try:
        done = finish(planned, start_utc=start_utc, finish_by_utc=finish_by_utc, seed=seed)
    except (EndUnknownError, ModelError) as error:
        done = None
        warnings.append(str(error))
    return Outlook(
        planned=planned,
        model=model,
        storage_gbps=storage_gbps,
        simulated=run,
        finish=done,
        spares=_spares(planned, repair_seconds),
        sensitivity=sensitivity(bound),
        map=ettr_map(planned, target_ettr),
        sweep=None if swept is None else sweep(planned, *swept),
        levers=bought,
        fabric=fabric,
        notes=tuple(_notes(planned, run, repair_seconds)),
        warnings=tuple(warnings),
    )


def _spares(planned: Plan, repair_seconds: float) -> SparesNeeded:
    def needed(per_1000_node_days: float | None) -> int | None:
        if per_1000_node_days is None:
            return None
        return spares_needed(replanned(planned, rate=FailureRate(per_1000_node_days)).run, repair_seconds, _SHORTAGE)

    rate = planned.rate
    unseen = rate.failures == 0
    return SparesNeeded(
        count=None if unseen else needed(rate.per_1000_node_days),
        low=needed(rate.low),
        high=needed(rate.high),
        repair_seconds=repair_seconds,
    )


def _notes(planned: Plan, run: Simulated | None, repair_seconds: float) -> list[str]:
    rate = planned.rate
    notes = []
    if rate.failures is None:
        notes.append(
            "The failure rate was given without counts, so nothing is known of how sure it is: ettr_low and ettr_high "
            "are empty. Give --failures and --node-days (or --exposure-days) instead."
        )
    if run is not None:
        notes.append(f"ettr_simulated: {run.definition}")
    elif rate.failures == 0:
        notes.append(
            "No failure was seen: nothing is simulated, and sensitivity is told at the upper limit of the rate."
        )
    notes.append(
        f"spares_needed: at least {1 - _SHORTAGE:.0%} of failures find one ready; a failed node is gone for "
        f"{repair_seconds / 3600:.3g} h."
    )
    return notes


def _finish_document(done: Finish | None) -> dict[str, Any]:
    def told(name: str, found: Range | None) -> dict[str, float | None]:
        if found is None:
            return {name: None, f"{name}_low": None, f"{name}_high": None}
        return {name: found.mean, f"{name}_low": found.low, f"{name}_high": found.high}

    return {
        **told("days_to_finish", done.days if done else None),
        **told("gpu_hours_to_finish", done.gpu_hours if done else None),
        **told("interruptions_expected", done.interruptions if done else None),
        "start_utc": iso(done.start_utc) if done and done.start_utc else None,
        "finish_by_utc": iso(done.finish_by_utc) if done and done.finish_by_utc else None,
        "probability_by_date": done.probability if done else None,
    }
