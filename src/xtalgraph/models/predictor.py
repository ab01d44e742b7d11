"""A trained model, ready for new crystals."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, final

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.refusals import build_or_refuse
from xtalgraph.data.states import States
from xtalgraph.data.table import Row, read_rows
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.checkpoint import load_model
from xtalgraph.models.property_model import PropertyModel
from xtalgraph.models.spec import ModelSpec

_BATCH = 256
"""Crystals in a batch."""


class PredictedRow(NamedTuple):
    """A row and what is predicted for it."""

    row: Row
    """With a crystal, or with the reason why there is no prediction."""
    values: Float[np.ndarray, "_ *columns"] | None
    """One value, or one for each atom if the target is atomic, of several targets a column for
    each; None where there is a reason."""


@final
class Predictor:
    """Predicts crystals with a trained model.

    Args:
        model: In evaluation mode.
        spec: What it is.
        elements: Symbols of the elements in its training part.
    """

    def __init__(self, model: PropertyModel, spec: ModelSpec, elements: Sequence[str]) -> None:
        self.model = model
        self.spec = spec
        self.elements = tuple(elements)

    @classmethod
    def load(cls, run: str | Path) -> "Predictor":
        """Load a predictor from a run folder."""
        model, spec, document = load_model(Path(run))
        return cls(model, spec, document["elements"])

    @property
    def target(self) -> Target:
        """What is predicted; the first of several."""
        return self.spec.target

    @property
    def targets(self) -> tuple[Target, ...]:
        """Everything that is predicted."""
        return self.spec.targets

    def __repr__(self) -> str:
        said = [
            f"{target.kind} {target.name}{f' in {target.unit}' if target.unit else ''}"
            for target in self.targets
        ]
        return f"Predictor({self.spec.encoder}: {', '.join(said)})"

    @torch.no_grad()
    def predict_crystals(
        self, crystals: Sequence[Crystal], states: States | None = None
    ) -> list[Float[np.ndarray, "_ *columns"] | str]:
        """Predict crystals, in batches.

        Args:
            crystals: What to predict; checked already.
            states: Of each, where the model reads one; see `ModelSpec.conditions`.

        Returns:
            For each crystal an array, one value, or one for each atom if the target is atomic, of
            several targets a column for each; or the reason why the neighbour strategy of the
            model refuses it.

        Raises:
            InputError: If the model reads states and there are none, or not one for each crystal.
        """
        conditions = self.spec.conditions
        if conditions and (states is None or len(states) != len(crystals)):
            raise InputError(
                f"the model reads {', '.join(conditions.columns)} as the state of a crystal: give "
                f"the states of all {len(crystals)} crystals, as conditions.states_of(rows) does"
            )
        found: list[np.ndarray | str] = []
        recipe = self.spec.make_recipe()
        for start in range(0, len(crystals), _BATCH):
            part = crystals[start : start + _BATCH]
            graph, refusals = build_or_refuse(part, recipe)
            refused = {one.index: one.reason for one in refusals}
            if graph is not None and conditions and states is not None:
                served = [start + n for n in range(len(part)) if n not in refused]
                graph = states.select(np.array(served)).attach(graph)
            values = iter([] if graph is None else self._values(graph))
            found += [refused[n] if n in refused else next(values) for n in range(len(part))]
        return found

    def _values(self, graph: Graph) -> list[Float[np.ndarray, "_ *columns"]]:
        values = self.model.prediction(self.model(graph)).numpy()
        atomic = self.target.kind is Kind.ATOMIC
        sizes = graph.num_atoms.numpy() if atomic else np.ones(len(graph), dtype=int)
        return np.split(values, np.cumsum(sizes)[:-1])

    def predict(self, source: Any) -> pd.DataFrame:
        """Predict everything in a source; a row that cannot be used has its reason in ``error``.

        Args:
            source: A path to a file, folder or table; a DataFrame; or a list of structures,
                atoms, crystals or paths.

        Returns:
            Columns ``id``, ``prediction``, ``unit``, ``error``; for an atomic target also
            ``site``, and one row for each atom. Of several targets ``prediction:NAME`` and
            ``unit:NAME`` for each.

        Raises:
            InputError: If the source as a whole cannot be read.
        """
        return self.tabulate(self.predict_rows(read_rows(source)))

    def predict_rows(self, rows: Iterable[Row]) -> list[PredictedRow]:
        """Predict rows that have been read.

        Args:
            rows: With a crystal or with a reason.

        Returns:
            One for each row; a crystal that the neighbour strategy refuses, or that lacks a column
            which the model reads, has become its reason.
        """
        rows = [self._with_state(row) for row in rows]
        served = [row for row in rows if row.crystal is not None]
        states = self.spec.conditions.states_of([row.values for row in served])
        crystals = [row.crystal for row in served if row.crystal is not None]
        found = iter(self.predict_crystals(crystals, states))
        predicted = []
        for row in rows:
            values = None if row.crystal is None else next(found)
            if isinstance(values, str):
                row = replace(row, crystal=None, reason=values)  # noqa: PLW2901
                values = None
            predicted.append(PredictedRow(row, values))
        return predicted

    def _with_state(self, row: Row) -> Row:
        problem = None if row.crystal is None else self.spec.conditions.problem(row.values)
        return row if problem is None else replace(row, crystal=None, reason=problem)

    def tabulate(self, predicted: Iterable[PredictedRow]) -> pd.DataFrame:
        """Return predicted rows as the table that `predict` describes."""
        marks = [""] if len(self.targets) == 1 else [f":{one.name}" for one in self.targets]
        units = {f"unit{m}": one.unit for m, one in zip(marks, self.targets, strict=True)}
        records: list[dict[str, Any]] = []
        for row, values in predicted:
            common = {"id": row.id, "error": row.reason or "", **units}
            if values is None:
                records.append(common | {"site": None})
                continue
            for site, said in enumerate(values.reshape(-1, len(marks)).tolist()):
                each = {f"prediction{m}": one for m, one in zip(marks, said, strict=True)}
                records.append(common | {"site": site} | each)
        pairs = [f"{what}{mark}" for mark in marks for what in ("prediction", "unit")]
        columns = ["id", *pairs, "error"]
        if self.target.kind is Kind.ATOMIC:
            columns.insert(1, "site")
        table = pd.DataFrame(records, columns=columns)
        for mark in marks:
            table[f"prediction{mark}"] = table[f"prediction{mark}"].astype(float)
        if "site" in columns:
            table["site"] = table["site"].astype("Int64")
        return table

    def unseen_elements(self, crystal: Crystal) -> tuple[str, ...]:
        """Return the elements of a crystal that were not in the training part."""
        present = {SYMBOLS[number] for number in crystal.numbers.tolist()}
        return tuple(sorted(present - set(self.elements)))
