"""What is diagnosed: a predictor with the crystals it was made from and tested on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, final

import numpy as np
from jaxtyping import Bool, Float, Int

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.conditions import ConditionValues
from xtalgraph.data.splits import Split
from xtalgraph.data.targets import Kind, Target
from xtalgraph.evidence.diagnostics.frames import FrameErrors, FrameLabels, frame_errors
from xtalgraph.graphs.graph import Graph
from xtalgraph.metrics.pairs import mae, r2
from xtalgraph.models.predictor import Predictor

FEWEST: Final = 10
"""Test crystals below which an R² says nothing: its standard error is then near 0.3."""


@dataclass(frozen=True, eq=False)
class Halves:
    """Predictions of the test crystals by models that see one half of each crystal."""

    geometry: Float[np.ndarray, " test"]
    """By the same architecture, with every atom of one element."""
    composition: Float[np.ndarray, " test"]
    """By the composition baseline."""
    element: str
    """The element that every atom was given."""
    epochs: int
    """How long the first was trained."""
    epochs_of_model: int
    """How long the model was."""


@final
@dataclass(frozen=True, eq=False)
class Evaluator:
    """A predictor, its crystals and their labels.

    An extensive target is compared for each atom: as a total it follows the number of atoms by
    definition, and every model would seem to explain it. Of a class the numbers are
    probabilities, and R² is the Brier skill score.
    """

    predictor: Predictor
    target: Target
    """What is examined, one of its targets."""
    ids: Sequence[str]
    """Of all crystals, in the order of the file."""
    crystals: Sequence[Crystal]
    """All that have a label."""
    labels: Float[np.ndarray, " crystals"]
    """Their labels, in the unit of the target."""
    split: Split
    sample: int = 500
    """How many test crystals are looked at, at most."""
    seed: int = 0
    energy: Callable[[Crystal], float] | None = None
    """The truth of any crystal but for a constant of its composition, where it is known."""
    conditions: ConditionValues | None = None
    """Of all crystals, where the model reads them."""
    train_halves: "Callable[[Evaluator], Halves] | None" = None
    """Trains models that see one half of each crystal, for the diagnostic ``retrained``."""
    frames: FrameLabels | None = None
    """Of a potential: the forces of the crystals, and their groups."""

    @cached_property
    def sizes(self) -> Int[np.ndarray, " crystals"]:
        """Number of atoms of each crystal."""
        return np.array([len(crystal) for crystal in self.crystals], dtype=np.int64)

    @cached_property
    def values(self) -> Float[np.ndarray, " crystals"]:
        """The labels as they are compared: of an extensive target for each atom."""
        return self.labels / self.sizes if self.per_atom else self.labels

    @property
    def per_atom(self) -> bool:
        """Whether values are per atom, because the target is extensive."""
        return self.target.kind is Kind.EXTENSIVE

    @property
    def unit(self) -> str:
        """Unit of the values."""
        return self.target.unit_per_atom if self.per_atom else self.target.unit

    @cached_property
    def test(self) -> Int[np.ndarray, " rows"]:
        """Rows of the test that are looked at and have a prediction."""
        return self._tested[0]

    @cached_property
    def predictions(self) -> Float[np.ndarray, " rows"]:
        """The predictions of them, as the values."""
        return self._tested[1]

    @cached_property
    def errors(self) -> Float[np.ndarray, " rows"]:
        """Predictions less values of the test rows."""
        return self.predictions - self.values[self.test]

    @cached_property
    def mae(self) -> float:
        """Mean absolute error on the test rows."""
        return mae(self.values[self.test], self.predictions)

    @cached_property
    def r2(self) -> float:
        """R² on the test rows; NaN where they have one value."""
        return r2(self.values[self.test], self.predictions)

    @cached_property
    def test_frames(self) -> FrameErrors | None:
        """The test frames with the errors of their forces; None where forces are no target."""
        return None if self.frames is None else frame_errors(self, self.frames)

    @cached_property
    def seen(self) -> Int[np.ndarray, "119"]:
        """How many training crystals hold each element, by atomic number."""
        counts = np.zeros(119, dtype=np.int64)
        for row in self.split.train:
            counts[np.unique(self.crystals[row].numbers)] += 1
        return counts

    def predict(
        self, crystals: Sequence[Crystal], rows: Sequence[int] | Int[np.ndarray, " rows"]
    ) -> Float[np.ndarray, " rows"]:
        """Predict crystals, as the values.

        Args:
            crystals: Those of the table, or what was made of them.
            rows: Which crystal of the table each is or was made of, whose conditions it keeps.

        Returns:
            One value for each; NaN where the neighbour strategy refuses it.
        """
        values = np.full(len(crystals), np.nan)
        conditions = None if self.conditions is None else self.conditions.select(np.asarray(rows))
        predicted = self.predictor.predict_crystals(crystals, conditions)
        values[predicted.places] = predicted.predictions.values[self.target.name]
        if self.per_atom:
            values /= np.array([len(crystal) for crystal in crystals])
        return values

    def with_conditions(
        self, graph: Graph, rows: Sequence[int] | Int[np.ndarray, " crystals"]
    ) -> Graph:
        """Return a graph with the conditions of its crystals, where the model reads them."""
        if self.conditions is None:
            return graph
        return self.conditions.select(np.asarray(rows)).attach(graph)

    def generator(self, name: str) -> np.random.Generator:
        """Return the generator of a diagnostic: the same whichever others are asked for."""
        return np.random.default_rng([self.seed, *name.encode()])

    @cached_property
    def _tested(self) -> tuple[Int[np.ndarray, " rows"], Float[np.ndarray, " rows"]]:
        rows = np.asarray(self.split.test)
        if len(rows) > self.sample:
            rows = self.generator("test").choice(rows, self.sample, replace=False)
        rows = np.sort(rows)
        predicted = self.predict([self.crystals[row] for row in rows], rows)
        known: Bool[np.ndarray, " rows"] = np.isfinite(predicted)
        return rows[known], predicted[known]
