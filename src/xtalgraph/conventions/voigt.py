"""Tensors by name, in Voigt's notation and by their subscripts, as tables of the field have them.

A symmetric pair of indices becomes a number: 1 to 6 are xx, yy, zz, yz, xz, xy. A strain counts its
elements off the diagonal twice in this notation, a stress once, so what multiplies a strain
(stiffness, piezoelectric stress constants) has no factors, and what multiplies a stress
(compliance, piezoelectric strain constants) has 2 for each such pair.

Source: W. Voigt, Lehrbuch der Kristallphysik (1910); J. F. Nye, Physical Properties of Crystals
(1957).
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from jaxtyping import Float, Int

from xtalgraph.conventions.tensors import TensorType

NAMED: Final[Mapping[str, TensorType]] = {
    "vector": TensorType(1),
    "axial-vector": TensorType(1, axial=True),
    "dielectric": TensorType(2, "ij=ji"),
    "piezoelectric": TensorType(3, "ijk=ikj"),
    "piezoelectric-strain": TensorType(3, "ijk=ikj", doubled=True),
    "elastic": TensorType(4, "ijkl=jikl=klij"),
    "compliance": TensorType(4, "ijkl=jikl=klij", doubled=True),
}
"""Every tensor that can be declared, by the name of the best known that is of its type."""
PAIRS: Final = np.array([[0, 0], [1, 1], [2, 2], [1, 2], [0, 2], [0, 1]])
"""The indices xx, yy, zz, yz, xz, xy."""
FROM_PAIRS: Final = np.array([[0, 5, 4], [5, 1, 3], [4, 3, 2]])
"""Where the nine elements of a symmetric matrix stand among the six."""
_FACTORS: Final = np.array([1.0, 1.0, 1.0, 2.0, 2.0, 2.0])


def name_of(tensor: TensorType) -> str:
    """Return the name of a tensor, empty where it has none.

    >>> name_of(TensorType(2, "ij=ji"))
    'dielectric'
    """
    return next((name for name, named in NAMED.items() if named == tensor), "")


def voigt_shape(tensor: TensorType) -> tuple[int, ...]:
    """Return the shape of a tensor in Voigt's notation; its own where no pair is symmetric.

    >>> voigt_shape(NAMED["piezoelectric"]), voigt_shape(NAMED["vector"])
    ((3, 6), (3,))
    """
    return tuple(3 if axis is None else 6 for axis in _axes(tensor))


def from_voigt(
    tensor: TensorType, values: Float[np.ndarray, "*rows_voigt"]
) -> Float[np.ndarray, "*rows_shape"]:
    """Return full tensors of their form in Voigt's notation.

    Args:
        tensor: One of `NAMED`.
        values: Any number of leading dimensions, then `voigt_shape`.
    """
    rows = values.ndim - len(voigt_shape(tensor))
    full = values / _factors(tensor)
    for axis in _axes(tensor):
        full = full if axis is None else np.take(full, FROM_PAIRS, axis=rows + axis)
    return full


def to_voigt(
    tensor: TensorType, values: Float[np.ndarray, "*rows_shape"]
) -> Float[np.ndarray, "*rows_voigt"]:
    """Return the form of full tensors in Voigt's notation.

    Args:
        tensor: One of `NAMED`.
        values: Any number of leading dimensions, then the shape of the tensor.

    >>> stiffness = np.zeros((3, 3, 3, 3))
    >>> stiffness[1, 2, 1, 2] = 80.0
    >>> float(to_voigt(NAMED["elastic"], stiffness)[3, 3])
    80.0
    """
    rows = values.shape[: values.ndim - tensor.rank]
    flat = values.reshape(*rows, 3**tensor.rank)
    places = _places(tensor)
    return flat[..., places] * _factors(tensor)


def subscripts(tensor: TensorType) -> tuple[int, ...]:
    """Return the subscripts of the components that tables print, each once.

    A matrix has those of its indices, and of two that are equal the first; rank 3 and 4 those of
    Voigt: 14 is e_14, 44 is C_44.

    >>> subscripts(NAMED["dielectric"]), subscripts(NAMED["vector"])
    ((11, 12, 13, 22, 23, 33), (1, 2, 3))
    >>> len(subscripts(NAMED["elastic"])), subscripts(NAMED["elastic"])[:3]
    (21, (11, 12, 13))
    """
    return tuple(int("".join(str(n + 1) for n in index)) for index in _printed(tensor))


def to_subscripts(
    tensor: TensorType, values: Float[np.ndarray, "*rows_shape"]
) -> Float[np.ndarray, "*rows_printed"]:
    """Return the components of `subscripts`, in their order.

    Args:
        tensor: One of `NAMED`.
        values: Any number of leading dimensions, then the shape of the tensor.
    """
    form = values if tensor.rank < 3 else to_voigt(tensor, values)
    picked: np.ndarray = form[(..., *_printed(tensor).T)]
    return picked


def from_subscripts(
    tensor: TensorType, printed: Float[np.ndarray, "*rows_printed"]
) -> Float[np.ndarray, "*rows_shape"]:
    """Return full tensors of what `to_subscripts` returned.

    Args:
        tensor: One of `NAMED`.
        printed: Any number of leading dimensions, then the components.
    """
    index = _printed(tensor)
    shape = tensor.shape if tensor.rank < 3 else voigt_shape(tensor)
    form = np.full((*printed.shape[:-1], *shape), np.nan)
    if tensor.rank in (2, 4) and tensor.symmetry:
        form[(..., *index.T[::-1])] = printed
    form[(..., *index.T)] = printed
    return form if tensor.rank < 3 else from_voigt(tensor, form)


def _axes(tensor: TensorType) -> list[int | None]:
    """Return for each axis of Voigt's form where it begins among the indices; None if single."""
    if tensor.rank == 2 and tensor.symmetry:
        return [0]
    if tensor.rank == 3 and tensor.symmetry == "ijk=ikj":
        return [None, 1]
    if tensor.rank == 4 and tensor.symmetry:
        return [0, 2]
    return [None] * tensor.rank


def _factors(tensor: TensorType) -> Float[np.ndarray, "..."]:
    factors = np.ones(())
    for axis in _axes(tensor):
        of_axis = np.ones(3) if axis is None else _FACTORS if tensor.doubled else np.ones(6)
        factors = np.multiply.outer(factors, of_axis)
    return np.asarray(factors)


def _places(tensor: TensorType) -> Int[np.ndarray, "..."]:
    """Return where each element of Voigt's form stands among all elements."""
    places = np.zeros((), dtype=np.int64)
    for axis in _axes(tensor):
        size, of_axis = (3, np.arange(3)) if axis is None else (9, PAIRS @ [3, 1])
        places = np.add.outer(places * size, of_axis)
    return places


def _printed(tensor: TensorType) -> Int[np.ndarray, "printed axes"]:
    shape = tensor.shape if tensor.rank < 3 else voigt_shape(tensor)
    index = np.argwhere(np.ones(shape, dtype=bool))
    if tensor.rank in (2, 4) and tensor.symmetry:
        index = index[index[:, 0] <= index[:, 1]]
    return index
