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
from xtalgraph.crystals.crystal import Crystal
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
    values: Float[np.ndarray, " _"] | None
    """One value, or one for each atom if the target is atomic; None where there is a reason."""


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
        """What is predicted."""
        return self.spec.target

    def __repr__(self) -> str:
        unit = f" in {self.target.unit}" if self.target.unit else ""
        return f"Predictor({self.spec.encoder}: {self.target.kind} {self.target.name}{unit})"

    @torch.no_grad()
    def predict_crystals(self, crystals: Sequence[Crystal]) -> list[Float[np.ndarray, " _"] | str]:
        """Predict crystals, in batches.

        Args:
            crystals: What to predict; checked already.

        Returns:
            For each crystal an array, one value, or one for each atom if the target is atomic; or
            the reason why the neighbour strategy of the model refuses it.
        """
        found: list[np.ndarray | str] = []
        for start in range(0, len(crystals), _BATCH):
            part = crystals[start : start + _BATCH]
            admission = self.spec.admit(part)
            values = iter([] if admission.graph is None else self._values(admission.graph))
            refused = admission.refused
            found += [refused[n] if n in refused else next(values) for n in range(len(part))]
        return found

    def _values(self, graph: Graph) -> list[Float[np.ndarray, " _"]]:
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
            ``site``, and one row for each atom.

        Raises:
            InputError: If the source as a whole cannot be read.
        """
        return self.tabulate(self.predict_rows(read_rows(source)))

    def predict_rows(self, rows: Iterable[Row]) -> list[PredictedRow]:
        """Predict rows that have been read.

        Args:
            rows: With a crystal or with a reason.

        Returns:
            One for each row; a crystal that the neighbour strategy refuses has become its reason.
        """
        rows = list(rows)
        found = iter(self.predict_crystals([row.crystal for row in rows if row.crystal]))
        predicted = []
        for row in rows:
            values = None if row.crystal is None else next(found)
            if isinstance(values, str):
                row = replace(row, crystal=None, reason=values)  # noqa: PLW2901
                values = None
            predicted.append(PredictedRow(row, values))
        return predicted

    def tabulate(self, predicted: Iterable[PredictedRow]) -> pd.DataFrame:
        """Return predicted rows as the table that `predict` describes."""
        records: list[dict[str, Any]] = []
        for row, values in predicted:
            common = {"id": row.id, "unit": self.target.unit, "error": row.reason or ""}
            if values is None:
                records.append(common | {"site": None, "prediction": None})
                continue
            for site, value in enumerate(values.tolist()):
                records.append(common | {"site": site, "prediction": value})
        columns = ["id", "prediction", "unit", "error"]
        if self.target.kind is Kind.ATOMIC:
            columns.insert(1, "site")
        table = pd.DataFrame(records, columns=columns)
        table["prediction"] = table["prediction"].astype(float)
        if "site" in columns:
            table["site"] = table["site"].astype("Int64")
        return table

    def unseen_elements(self, crystal: Crystal) -> tuple[str, ...]:
        """Return the elements of a crystal that were not in the training part."""
        present = {SYMBOLS[number] for number in crystal.numbers.tolist()}
        return tuple(sorted(present - set(self.elements)))
