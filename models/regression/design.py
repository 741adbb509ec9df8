"""From named covariates to the columns of a regression: numbers as they are, categories against a reference level."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from models.errors import EmptySampleError, LengthMismatchError, NotFiniteError
from models.guards import FloatArray
from models.regression.design_errors import (
    CollinearColumnError,
    ConstantColumnError,
    MissingCovariateError,
    MoreColumnsThanRowsError,
    NoCovariatesError,
    UnknownReferenceError,
)

#: part of a column, relative to its spread, that the others must leave unexplained
_INDEPENDENT: Final = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class DesignMatrix:
    """Columns of a regression, without an intercept.

    `matrix` has one row per observation and one column per name in `columns` (`age_years`, `model=H100`); `covariates`
    names the covariate each column comes from; `references` gives the level every category is held against.
    """

    matrix: FloatArray
    columns: tuple[str, ...]
    covariates: tuple[str, ...]
    references: Mapping[str, str]


def design_matrix(columns: Mapping[str, npt.ArrayLike], reference: Mapping[str, str] | None = None) -> DesignMatrix:
    """Turn covariates into the columns of a regression.

    Parameters
    ----------
    columns : mapping of name to array-like of shape (n_observations,)
        Numbers (or booleans) enter as they are, in their own unit; strings become one 0/1 column per level but the
        reference.
    reference : mapping of name to level, optional
        Reference levels; elsewhere the commonest level, the first in the alphabet among equals.

    Returns
    -------
    DesignMatrix
        Columns in the order given, levels in alphabetical order.

    Raises
    ------
    NoCovariatesError, EmptySampleError, LengthMismatchError, NotFiniteError, MissingCovariateError
        The covariates are no table of values.
    ConstantColumnError, CollinearColumnError, MoreColumnsThanRowsError
        An effect cannot be estimated, whatever the outcome.
    UnknownReferenceError
        A reference level that no row has.

    Notes
    -----
    Treatment contrasts; a column is collinear when the part of it that the intercept and earlier columns leave
    unexplained is below 1e-8 of its spread (QR decomposition of the centred columns).

    Examples
    --------
    >>> design = design_matrix({"age_years": [1.0, 2.0, 4.0], "model": ["A100", "H100", "A100"]})
    >>> design.columns, dict(design.references)
    (('age_years', 'model=H100'), {'model': 'A100'})
    >>> design.matrix.tolist()
    [[1.0, 0.0], [2.0, 1.0], [4.0, 0.0]]
    """
    arrays = {name: np.atleast_1d(np.asarray(values)) for name, values in columns.items()}
    wanted = dict(reference or {})
    _check_table(arrays, wanted)
    parts: list[tuple[str, str, FloatArray]] = []
    references: dict[str, str] = {}
    for name, values in arrays.items():
        if np.issubdtype(values.dtype, np.number) or values.dtype == np.bool_:
            if name in wanted:
                raise UnknownReferenceError(name, wanted[name], ())
            parts.append((name, name, _numeric(name, values)))
        else:
            levels, which = _levels(name, values)
            references[name] = _reference(name, levels, which, wanted.get(name))
            parts.extend(
                (name, f"{name}={level}", column) for level, column in _dummies(levels, which, references[name])
            )
    matrix = np.column_stack([column for _, _, column in parts])
    names = tuple(column for _, column, _ in parts)
    _check_independent(matrix, names)
    return DesignMatrix(matrix, names, tuple(name for name, _, _ in parts), references)


def _check_table(arrays: Mapping[str, npt.NDArray[np.generic]], wanted: Mapping[str, str]) -> None:
    if not arrays:
        raise NoCovariatesError
    if len({array.shape for array in arrays.values()}) > 1:
        raise LengthMismatchError({name: array.size for name, array in arrays.items()})
    if next(iter(arrays.values())).size == 0:
        raise EmptySampleError
    for name in wanted:
        if name not in arrays:
            raise UnknownReferenceError(name, wanted[name], ())


def _numeric(name: str, values: npt.NDArray[np.generic]) -> FloatArray:
    numbers = values.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise NotFiniteError(name, int(np.argmin(np.isfinite(numbers))))
    if numbers.min() == numbers.max():
        raise ConstantColumnError(name, f"{numbers[0]:g}")
    return numbers


def _levels(name: str, values: npt.NDArray[np.generic]) -> tuple[tuple[str, ...], npt.NDArray[np.intp]]:
    listed = values.tolist()
    for position, value in enumerate(listed):
        if not isinstance(value, str) or not value:
            raise MissingCovariateError(name, position)
    levels, which = np.unique(np.array(listed, dtype=np.str_), return_inverse=True)
    if levels.size == 1:
        raise ConstantColumnError(name, str(levels[0]))
    return tuple(levels.tolist()), which


def _reference(name: str, levels: tuple[str, ...], which: npt.NDArray[np.intp], wanted: str | None) -> str:
    if wanted is None:
        return levels[int(np.argmax(np.bincount(which)))]
    if wanted not in levels:
        raise UnknownReferenceError(name, wanted, levels)
    return wanted


def _dummies(levels: tuple[str, ...], which: npt.NDArray[np.intp], reference: str) -> Iterator[tuple[str, FloatArray]]:
    return ((level, (which == row).astype(np.float64)) for row, level in enumerate(levels) if level != reference)


def _check_independent(matrix: FloatArray, names: tuple[str, ...]) -> None:
    if matrix.shape[0] <= matrix.shape[1]:
        raise MoreColumnsThanRowsError(*matrix.shape)
    centred = matrix - matrix.mean(axis=0)
    scaled = centred / np.sqrt((centred**2).sum(axis=0))
    left = np.abs(np.diag(np.linalg.qr(scaled, mode="r")))
    if (left < _INDEPENDENT).any():
        column = int(np.argmax(left < _INDEPENDENT))
        raise CollinearColumnError(names[column], ("the intercept", *names[:column]))
