"""What can be wrong with a planned run: one class per mistake, each with its own message."""

from models.errors import ModelError


class StallAboveWriteError(ModelError):
    """Training stands still for a checkpoint longer than the checkpoint takes."""

    def __init__(self, stall_seconds: float, write_seconds: float | None) -> None:
        written = "no checkpoint_write_seconds is given" if write_seconds is None else f"it takes {write_seconds:g} s"
        super().__init__(
            f"checkpoint_stall_seconds is {stall_seconds:g}, but {written}; a stall is a part of the write"
        )
