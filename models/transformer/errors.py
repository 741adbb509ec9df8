"""What can be wrong with a transformer that is described: one class per mistake."""

from collections.abc import Iterable

from models.errors import ModelError


class UnknownArchitectureError(ModelError):
    """A preset of a name that does not exist."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(
            f"there is no architecture {name!r}; known are {', '.join(known)}; or give the model's config.json"
        )


class UnknownModelTypeError(ModelError):
    """A configuration of a model family whose layers are not known here."""

    def __init__(self, model_type: object, known: Iterable[str]) -> None:
        super().__init__(f"model_type {model_type!r} cannot be counted; known are {', '.join(known)}")


class ConfigFieldMissingError(ModelError):
    """A configuration without a size that its family needs."""

    def __init__(self, field: str, model_type: str) -> None:
        super().__init__(f"the configuration has no {field!r}, which model_type {model_type!r} needs")


class ConfigFieldError(ModelError):
    """A configuration field that is no such thing."""

    def __init__(self, field: str, value: object, wanted: str) -> None:
        super().__init__(f"the configuration's {field} is {value!r}; it must be {wanted}")


class NotDivisibleError(ModelError):
    """Heads or ranks that cannot be shared out evenly."""

    def __init__(self, name: str, value: int, by_name: str, by: int) -> None:
        super().__init__(f"{name} is {value}, which {by_name} {by} does not divide")


class TooManyError(ModelError):
    """A part larger than its whole."""

    def __init__(self, name: str, value: int, whole_name: str, whole: int) -> None:
        super().__init__(f"{name} is {value}, more than {whole_name} {whole}")


class UnknownCheckpointKindError(ModelError):
    """A checkpoint of a kind that is not known."""

    def __init__(self, kind: str, known: Iterable[str]) -> None:
        super().__init__(f"there is no checkpoint kind {kind!r}; known are {', '.join(known)}")
