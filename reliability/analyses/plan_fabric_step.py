"""How much each class of parts slows the training step of a model: the slow hours of a planned run."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from models.collectives.losses import domain_gpus, network_classes
from models.topology.fabric import Fabric
from reliability.analyses.collectives import step_changes, training_layout
from reliability.analyses.plan_model import model_architecture


def step_slowdowns(model: str, gpus: int) -> Callable[[Fabric], Mapping[str, float]]:
    """Return what says by class of part how much slower the training step of a model gets on a fabric.

    Parameters
    ----------
    model
        Name or file, as `reliability.analyses.plan_model.model_architecture` takes it.
    gpus
        GPUs of the run, parallelised as by `reliability.analyses.collectives.training_layout`.

    Returns
    -------
    callable
        Takes a fabric, returns the share of the throughput lost with adaptive routing while one part is out; classes
        whose loss ends the job are left out.

    Raises
    ------
    BadOptionError, models.errors.ModelError
        The model cannot be laid out on so many GPUs, or not on the fabric.

    Examples
    --------
    >>> from models.topology.builders.hpn import hpn
    >>> lost = step_slowdowns("gpt-3-175b", 1024)(hpn(hosts=128, gpus_per_host=8))
    >>> f"{lost['nic-link']:.3f} of the speed, 0.0625 of the bandwidth"
    '0.005 of the speed, 0.0625 of the bandwidth'
    """
    architecture = model_architecture(model)

    def slowdowns(fabric: Fabric) -> Mapping[str, float]:
        layout = training_layout(architecture, gpus, gpus_per_domain=domain_gpus(fabric))
        found = step_changes(fabric, model, architecture, layout, kinds=network_classes(fabric), adaptive_routing=True)
        return {
            change.loss.component: min(1.0, max(0.0, change.slowdown_share))
            for change in found.changes
            if not change.loss.interrupts
        }

    return slowdowns
