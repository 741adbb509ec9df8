"""Values of Kubernetes objects, by their place.

Whatever a damaged or hostile object has there, the answer is a value or a ``ValueError``. Quantities as in *Kubernetes
API concepts: Resource quantities* (``k8s.io/apimachinery/pkg/api/resource``).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

Object = Mapping[str, Any]

_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 2200
#: more GPUs or CPUs than this are a mistake
_MOST: Final = 1 << 24
_QUANTITY: Final = re.compile(r"([+-]?\d{1,30}(?:\.\d{0,30})?|[+-]?\.\d{1,30})([a-zA-Z]{0,2}|[eE][+-]?\d{1,2})")
_SUFFIXES: Final[dict[str, Decimal]] = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate(("k", "M", "G", "T", "P", "E"), start=1)},
    **{suffix: Decimal(1024) ** power for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), start=1)},
}


def part(obj: Object, *path: str) -> Object:
    """Return the object at a path, empty where there is none.

    >>> part({"status": {"nodeInfo": {"bootID": "x"}}}, "status", "nodeInfo")
    {'bootID': 'x'}
    """
    found: Object = obj
    for name in path:
        inner = found.get(name)
        if inner is None:
            return {}
        if not isinstance(inner, Mapping):
            raise ValueError(f"{name} is no object")  # noqa: TRY004 - a bad record, refused like any other
        found = inner
    return found


def parts(obj: Object, name: str) -> Iterator[Object]:
    """Yield the objects of a list, none where there is no list."""
    found = obj.get(name)
    if found is None:
        return
    if not isinstance(found, list) or not all(isinstance(entry, Mapping) for entry in found):
        raise ValueError(f"{name} is no list of objects")
    yield from found


def text(obj: Object, name: str) -> str | None:
    """Return a text, None where it is missing or empty."""
    found = obj.get(name)
    if found is None or found == "":
        return None
    if not isinstance(found, str):
        raise ValueError(f"{name} is no text: {str(found)[:80]}")  # noqa: TRY004
    return found


def named(obj: Object, name: str) -> str:
    """Return a text that must be there."""
    found = text(obj, name)
    if found is None:
        raise ValueError(f"no {name}")
    return found


def number(obj: Object, name: str) -> int | None:
    """Return a whole number of at most 32 bits, None where it is missing."""
    found = obj.get(name)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int) or abs(found) >= 1 << 31:
        raise ValueError(f"{name} is no whole number: {str(found)[:80]}")
    return found


def time(obj: Object, name: str) -> datetime | None:
    """Return a time (RFC 3339), None where it is missing.

    >>> time({"eventTime": "2025-03-01T10:00:00.123456Z"}, "eventTime").isoformat()
    '2025-03-01T10:00:00.123456+00:00'
    """
    found = text(obj, name)
    if found is None:
        return None
    try:
        moment = datetime.fromisoformat(found)
    except ValueError as error:
        raise ValueError(f"{name} is no time: {found[:80]}") from error
    if moment.tzinfo is None:
        raise ValueError(f"{name} has no zone: {found[:80]}")
    if moment.year == 1:
        return None  # Go's zero time, as some controllers write it
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ValueError(f"{name} is out of bounds: {found[:80]}")
    return moment.astimezone(UTC)


def labels(obj: Object, kind: str = "labels") -> dict[str, str]:
    """Return the labels (or annotations) of an object."""
    return {str(key): str(value) for key, value in part(obj, "metadata", kind).items() if value is not None}


def quantity(value: object) -> float:
    """Return a resource quantity.

    >>> quantity("1500m"), quantity("64Gi"), quantity(8), quantity("1e3")
    (1.5, 68719476736.0, 8.0, 1000.0)
    """
    match = _QUANTITY.fullmatch(str(value))
    if match is None:
        raise ValueError(f"no quantity: {str(value)[:80]}")
    digits, suffix = match.groups()
    if suffix[:1] in {"e", "E"} and len(suffix) > 1 and suffix != "Ei":
        return float(Decimal(digits + suffix))
    if suffix not in _SUFFIXES:
        raise ValueError(f"no quantity: {str(value)[:80]}")
    return float(Decimal(digits) * _SUFFIXES[suffix])


def whole(value: object, name: str) -> int:
    """Return a quantity as a whole number, rounded up as the scheduler does."""
    found = math.ceil(quantity(value))
    if not 0 <= found < _MOST:
        raise ValueError(f"{name} is out of bounds: {str(value)[:80]}")
    return found


#: resources that are whole GPUs
GPU_RESOURCES: Final = ("nvidia.com/gpu", "amd.com/gpu", "gpu.intel.com/i915", "gpu.intel.com/xe", "habana.ai/gaudi")


def gpus(resources: Object) -> int:
    """Return the GPUs among resources.

    >>> gpus({"cpu": "8", "nvidia.com/gpu": "8"})
    8
    """
    return sum(whole(resources[name], name) for name in GPU_RESOURCES if name in resources)
