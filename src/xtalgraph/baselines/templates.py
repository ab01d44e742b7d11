"""Crystals of a composition by substitution: another's structure with the elements exchanged."""

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from itertools import permutations
from typing import ClassVar, Final, final

import numpy as np
from jaxtyping import Float, Int
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from xtalgraph.baselines.composition_features import composition_features, count_elements
from xtalgraph.baselines.structure_source import StructureSource
from xtalgraph.conventions.element_table import property_of
from xtalgraph.conventions.errors import GraphError, InputError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.prototype import find_prototype

_PENALTIES: Final = np.logspace(-3, 4, 15)
"""Among which the ridge regression chooses by leaving crystals out."""


@final
class LatticeRegression:
    """The length (V/N)^(1/3) by ridge regression on the composition.

    Args:
        crystals: To learn from.

    Raises:
        InputError: If there are none.
    """

    def __init__(self, crystals: Sequence[Crystal]) -> None:
        if not crystals:
            raise InputError("a baseline of generation needs crystals to learn from, got none")
        lengths = [(crystal.volume / len(crystal)) ** (1 / 3) for crystal in crystals]
        self._model: Pipeline = make_pipeline(StandardScaler(), RidgeCV(_PENALTIES))
        self._model.fit(_features(count_elements(crystals)), lengths)

    def predict(
        self, compositions: Float[np.ndarray, "crystals 119"]
    ) -> Float[np.ndarray, " crystals"]:
        """Return lengths, Å.

        Args:
            compositions: Atoms of each element.
        """
        return self._model.predict(_features(compositions))


def _features(compositions: Float[np.ndarray, "crystals 119"]) -> Float[np.ndarray, "crystals all"]:
    return np.nan_to_num(composition_features(compositions))


class _Substitution(StructureSource):
    """Takes training crystals whose elements have the same numbers of atoms, the nearest first.

    Elements are exchanged for elements with as many atoms, in all ways that there are: A and B of
    ABX3 in both orders. How near that is, is the sum over atoms of the difference of the Mendeleev
    numbers. The volume follows from `LatticeRegression`.

    Args:
        training: Crystals without disordered sites.

    Source: D. G. Pettifor, Solid State Commun. 51, 31 (1984), doi 10.1016/0038-1098(84)90765-8, for
    the order of the elements by chemical likeness.
    """

    def __init__(self, training: Sequence[Crystal]) -> None:
        self._training = tuple(training)
        self._regression = LatticeRegression(self._training)
        self._lengths = self._regression.predict(count_elements(self._training))
        self._elements: dict[tuple[int, ...], list[list[int]]] = {}
        self._rows: dict[tuple[int, ...], list[int]] = {}
        for row, crystal in enumerate(self._training):
            counts, elements = _formula(crystal.numbers)
            self._rows.setdefault(counts, []).append(row)
            self._elements.setdefault(counts, []).append(elements)

    def draw(
        self, numbers: Int[np.ndarray, " atoms"], count: int, generator: np.random.Generator
    ) -> list[Crystal]:
        """Substitute in the nearest training crystals; equally near ones come in random order.

        Args:
            numbers: Atomic numbers of all atoms of the cell.
            count: How many crystals at most.
            generator: Draws the order of equally near ones.

        Returns:
            None where no training crystal has such a formula.
        """
        counts, elements = _formula(numbers)
        rows = self._templates(counts)
        if not len(rows):
            return []
        length = float(self._regression.predict(count_elements([_held(numbers)]))[0])
        held = np.array(self._elements[counts])[np.searchsorted(self._rows[counts], rows)]
        wanted = np.array(
            [
                [elements[index] for index in order]
                for order in permutations(range(len(counts)))
                if all(counts[index] == number for index, number in zip(order, counts, strict=True))
            ]
        )
        scale = property_of("mendeleev_number")
        apart = np.abs(scale[held][:, None] - scale[wanted][None]) @ np.array(counts, dtype=float)
        apart = np.nan_to_num(apart, nan=np.inf).ravel()
        nearest = np.lexsort((generator.random(apart.size), apart))[:count]
        drawn = []
        for which in nearest.tolist():
            near, exchange = divmod(which, len(wanted))
            element = dict(zip(held[near].tolist(), wanted[exchange].tolist(), strict=True))
            drawn.append(self._substituted(int(rows[near]), element, length))
        return drawn

    def _templates(self, counts: tuple[int, ...]) -> Int[np.ndarray, " rows"]:
        """Return the training crystals of a formula, in rising order."""
        return np.array(self._rows.get(counts, []), dtype=np.int64)

    def _scale(self, row: int, length: float) -> float:
        """Return by what the edges of a training crystal are multiplied."""
        return length / float(self._lengths[row])

    def _substituted(self, row: int, element: dict[int, int], length: float) -> Crystal:
        template, factor = self._training[row], self._scale(row, length)
        numbers = np.array([element[z] for z in template.numbers.tolist()])
        return Crystal(factor * template.cell, factor * template.positions, numbers, template.pbc)


@final
class NearestTemplate(_Substitution):
    """The training crystals with the nearest compositions; keeps how their volumes deviate.

    Edges are multiplied by the ratio of the lengths that the regression has for both compositions.
    """

    name: ClassVar[str] = "nearest template"


@final
class PrototypeTemplate(_Substitution):
    """The same from crystals of the commonest prototype of the formula alone.

    Of perovskites in cells of five atoms with one anion it is the ideal cubic ABX3, whose lattice
    constant is that of the regression.
    """

    name: ClassVar[str] = "commonest prototype"

    def _templates(self, counts: tuple[int, ...]) -> Int[np.ndarray, " rows"]:
        rows = super()._templates(counts)
        labels = np.array([self._labels[row] for row in rows.tolist()])
        known = Counter(label for label in labels.tolist() if label)
        return rows[labels == known.most_common(1)[0][0]] if known else rows[:0]

    def _scale(self, row: int, length: float) -> float:
        template = self._training[row]
        return length / (template.volume / len(template)) ** (1 / 3)

    @cached_property
    def _labels(self) -> list[str]:
        """The prototype of each training crystal, empty where spglib finds none."""
        return [_label(crystal) for crystal in self._training]


def _label(crystal: Crystal) -> str:
    try:
        return find_prototype(crystal).label
    except GraphError:
        return ""


def _formula(numbers: Int[np.ndarray, " atoms"]) -> tuple[tuple[int, ...], list[int]]:
    """Return the numbers of atoms in rising order, and the elements that have them."""
    elements, counts = np.unique(numbers, return_counts=True)
    order = np.argsort(counts, kind="stable")
    return tuple(counts[order].tolist()), elements[order].tolist()


def _held(numbers: Int[np.ndarray, " atoms"]) -> Crystal:
    return Crystal(np.eye(3), np.zeros((len(numbers), 3)), numbers, np.array([True] * 3))
