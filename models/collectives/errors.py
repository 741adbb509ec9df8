"""What can be wrong with a collective or a training step that is asked for: one class per mistake."""

from collections.abc import Iterable

from models.errors import ModelError


class MixedGroupError(ModelError):
    """A single-level algorithm asked of a group with several GPUs on each of several hosts."""

    def __init__(self, operation: str, hosts: int, per_host: int) -> None:
        super().__init__(
            f"{operation} is for a group inside one host, or with one GPU per host, not {per_host} on each of {hosts}: "
            "use the hierarchical form"
        )


class UnevenBatchError(ModelError):
    """A batch that the data-parallel ranks cannot share out evenly."""

    def __init__(self, sequences: int, data: int, micro_batch: int) -> None:
        super().__init__(
            f"{sequences} sequences per step cannot be shared out: {data} data-parallel ranks × micro-batches of "
            f"{micro_batch} must divide them"
        )


class MoreStagesThanLayersError(ModelError):
    """A pipeline with stages that would hold no layer."""

    def __init__(self, stages: int, layers: int) -> None:
        super().__init__(f"{stages} pipeline stages need as many layers or more; the model has {layers}")


class MoreExpertRanksError(ModelError):
    """Expert parallelism without experts to spread."""

    def __init__(self, expert: int, experts: int) -> None:
        super().__init__(
            f"expert parallelism of {expert} needs a model whose experts it divides; this one has {experts}"
        )


class NotOfTheNetworkError(ModelError):
    """A step asked for without a part that computes."""

    def __init__(self, kind: str, network: Iterable[str]) -> None:
        super().__init__(
            f"no step goes on without a {kind}: a spare must take its place; "
            f"a step only slows down without {', '.join(network)}"
        )
