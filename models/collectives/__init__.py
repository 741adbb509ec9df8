"""Collectives in the alpha-beta model, what a training step moves, and how long it takes on a damaged network."""

from models.collectives.all_to_all import direct_all_to_all, pxn_all_to_all, relay_overhead
from models.collectives.degraded import NetworkLoss, StepChange, slowdown, step_change
from models.collectives.hierarchical import (
    all_gather,
    all_reduce,
    hierarchical_all_gather,
    hierarchical_all_reduce,
    hierarchical_reduce_scatter,
    reduce_scatter,
)
from models.collectives.inference import InferenceVolumes, inference_volumes
from models.collectives.losses import domain_gpus, fabric_paths, network_classes, network_loss
from models.collectives.paths import PATHS, Channel, CollectiveCost, Group, Paths
from models.collectives.placement import Placement, placement
from models.collectives.rings import ring_all_gather, ring_all_reduce, ring_broadcast, ring_reduce_scatter
from models.collectives.step_time import MACHINES, Machine, StepTime, computation_seconds, step_time
from models.collectives.trees import double_tree_all_reduce, tree_all_reduce, tree_broadcast
from models.collectives.volumes import TrainingStep, Volume, step_volumes

__all__ = [
    "MACHINES",
    "PATHS",
    "Channel",
    "CollectiveCost",
    "Group",
    "InferenceVolumes",
    "Machine",
    "NetworkLoss",
    "Paths",
    "Placement",
    "StepChange",
    "StepTime",
    "TrainingStep",
    "Volume",
    "all_gather",
    "all_reduce",
    "computation_seconds",
    "direct_all_to_all",
    "domain_gpus",
    "double_tree_all_reduce",
    "fabric_paths",
    "hierarchical_all_gather",
    "hierarchical_all_reduce",
    "hierarchical_reduce_scatter",
    "inference_volumes",
    "network_classes",
    "network_loss",
    "placement",
    "pxn_all_to_all",
    "reduce_scatter",
    "relay_overhead",
    "ring_all_gather",
    "ring_all_reduce",
    "ring_broadcast",
    "ring_reduce_scatter",
    "slowdown",
    "step_change",
    "step_time",
    "step_volumes",
    "tree_all_reduce",
    "tree_broadcast",
]
