"""What of tensors no axes change: two numbers for each row, of which measures are made."""

import math
from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
from jaxtyping import Bool, Float

from xtalgraph.conventions.tensors import TensorType
from xtalgraph.metrics.moduli import Mean, Modulus, compliance_of, moduli
from xtalgraph.metrics.pairs import Draws, divided, mean_of_draws

Rows = Float[np.ndarray, " rows"]
Reduction = Callable[
    [Float[np.ndarray, "rows *shape"], Float[np.ndarray, "rows *shape"]], tuple[Rows, Rows]
]
"""A function of true and predicted tensors that returns two numbers for each row."""
_EQUAL: Final = 1e-2
"""Eigenvalues that differ by less than this part of the norm have no order."""
_ROUNDING: Final = 1e-4
"""Of the largest standard deviation of a tensor: what differs by less, differs by rounding."""
_NO_DIFFERENCE: Final = 1e-6
"""Of the norm: a prediction that differs by less along two axes makes no difference."""


def norms(values: Float[np.ndarray, "rows *shape"]) -> Rows:
    """Return the Frobenius norm of each row, √Σ T² over all elements."""
    return np.asarray(
        np.linalg.norm(values.reshape(len(values), math.prod(values.shape[1:])), axis=1)
    )


def varying(std: Float[np.ndarray, "rows components"]) -> Bool[np.ndarray, "rows components"]:
    """Return in which components members differ: in what symmetry forbids, by rounding alone."""
    return np.asarray(std > _ROUNDING * std.max(axis=1, keepdims=True))


def error_norms(
    true: Float[np.ndarray, "rows *shape"], predicted: Float[np.ndarray, "rows *shape"]
) -> tuple[Rows, Rows]:
    """Return zeros, and the norm of the error of each row."""
    return np.zeros(len(true)), norms(predicted - true)


def norms_and_errors(
    true: Float[np.ndarray, "rows *shape"], predicted: Float[np.ndarray, "rows *shape"]
) -> tuple[Rows, Rows]:
    """Return the norm of each true tensor, and that of its error."""
    return norms(true), norms(predicted - true)


def norms_of_both(
    true: Float[np.ndarray, "rows *shape"], predicted: Float[np.ndarray, "rows *shape"]
) -> tuple[Rows, Rows]:
    """Return the norms of the true and of the predicted tensors."""
    return norms(true), norms(predicted)


def mean_eigenvalues(
    true: Float[np.ndarray, "rows 3 3"], predicted: Float[np.ndarray, "rows 3 3"]
) -> tuple[Rows, Rows]:
    """Return a third of the trace of each symmetric matrix."""
    return mean_eigenvalue(true), mean_eigenvalue(predicted)


def anisotropies(
    true: Float[np.ndarray, "rows 3 3"], predicted: Float[np.ndarray, "rows 3 3"]
) -> tuple[Rows, Rows]:
    """Return the largest less the smallest eigenvalue of each symmetric matrix."""
    values = [np.linalg.eigvalsh(matrices) for matrices in (true, predicted)]
    return values[0][:, 2] - values[0][:, 0], values[1][:, 2] - values[1][:, 0]


def ordered_axes(
    true: Float[np.ndarray, "rows 3 3"], predicted: Float[np.ndarray, "rows 3 3"]
) -> tuple[Rows, Rows]:
    """Return how many pairs of true principal axes have an order, and how many are predicted right.

    Pairs whose true eigenvalues differ by less than 1 % of the norm have none, so that cubic
    crystals do not count. A prediction that makes no difference counts half, as a guess.
    """
    values, axes = np.linalg.eigh(true)
    along = np.einsum("nik,nij,njk->nk", axes, predicted, axes)
    size, guess = norms(true), _NO_DIFFERENCE * norms(predicted)
    count, right = np.zeros(len(true)), np.zeros(len(true))
    for low, high in ((0, 1), (0, 2), (1, 2)):
        ordered = values[:, high] - values[:, low] > _EQUAL * size
        gap = along[:, high] - along[:, low]
        count += ordered
        right += ordered * np.where(np.abs(gap) <= guess, 0.5, gap > 0)
    return count, right


def modulus_of(modulus: Modulus, mean: Mean) -> Reduction:
    """Return the function that computes an elastic modulus, by Voigt, Reuss or Hill, of both."""
    return partial(_modulus_of_both, modulus=modulus, mean=mean)


def _modulus_of_both(
    true: Float[np.ndarray, "rows 3 3 3 3"],
    predicted: Float[np.ndarray, "rows 3 3 3 3"],
    modulus: Modulus,
    mean: Mean,
) -> tuple[Rows, Rows]:
    return moduli(true, mean)[modulus], moduli(predicted, mean)[modulus]


def ratio_of_draws(first: Draws, second: Draws) -> Float[np.ndarray, " draws"]:
    """Return the sum of the second over that of the first; NaN where that is 0."""
    return divided(second.sum(axis=1), first.sum(axis=1))


def within_of_draws(first: Draws, second: Draws, share: float) -> Float[np.ndarray, " draws"]:
    """Return the fraction of rows where the second number is at most a share of the first.

    A tensor that symmetry forbids has no norm: there an error counts as none that is rounding
    beside the largest norm.
    """
    rounding = _NO_DIFFERENCE * first.max(axis=1, initial=0.0, keepdims=True)
    return mean_of_draws((second <= np.maximum(share * first, rounding)).astype(np.float64))


def mean_eigenvalue(values: Float[np.ndarray, "rows 3 3"]) -> Rows:
    """Return a third of the trace of each symmetric matrix."""
    return np.asarray(np.trace(values, axis1=1, axis2=2) / 3.0)


def longitudinal(
    tensor: TensorType, value: Float[np.ndarray, "*shape"], directions: Float[np.ndarray, "rows 3"]
) -> Rows:
    """Return what a tensor is along directions n: n·T·n, or T:nnn of rank 3.

    Of a stiffness it is Young's modulus of a rod along n, 1 / S:nnnn with the compliance S.

    Args:
        tensor: Of which type it is.
        value: One.
        directions: Unit vectors.

    >>> longitudinal(TensorType(2, "ij=ji"), np.diag([2.0, 3.0, 4.0]), np.eye(3))
    array([2., 3., 4.])
    """
    if tensor.is_stiffness:
        with np.errstate(all="ignore"):
            return 1.0 / longitudinal(TensorType(4), compliance_of(value), directions)
    along = value @ directions.T
    for _ in range(tensor.rank - 1):
        along = np.einsum("...in,ni->...n", along, directions)
    return np.asarray(along)


def invariant_of(tensor: TensorType, values: Float[np.ndarray, "rows *shape"]) -> tuple[str, Rows]:
    """Return the number that stands for a tensor where one is needed, and what it is.

    Args:
        tensor: Of which type they are.
        values: Tensors.

    Returns:
        Of symmetric matrices the mean eigenvalue, of a stiffness the bulk modulus of Voigt, of
        others the norm.
    """
    if tensor.is_matrix:
        return "mean eigenvalue", mean_eigenvalue(values)
    if tensor.is_stiffness:
        return "bulk modulus (Voigt)", moduli(values, "voigt")["bulk"]
    return "norm", norms(values)
