"""A trained model, ready for new crystals."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple, final

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch.nn.utils import parameters_to_vector

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.composition import held_by, reduced_formula
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.refusals import build_supported
from xtalgraph.data.row import ORDERED_CELLS
from xtalgraph.data.states import States
from xtalgraph.data.table import Row, read_rows
from xtalgraph.data.targets import Kind, Target, why_not_ordered
from xtalgraph.graphs.graph import Graph
from xtalgraph.metrics.calibration import identical_members
from xtalgraph.models.ensemble import std_of
from xtalgraph.models.inference import check_device, infer
from xtalgraph.models.intervals import Intervals
from xtalgraph.models.model import Model, predicted
from xtalgraph.models.novelty import Novelty, TrainingSet
from xtalgraph.models.prediction import Prediction
from xtalgraph.models.saved_members import load_members
from xtalgraph.models.spec import ModelSpec
from xtalgraph.nn.determinism import deterministic

_BATCH = 256
"""Crystals in a batch."""
TRAINING_FILE: Final = "training_set.safetensors"
"""What a run folder keeps of its training part."""
NOVELTY_COLUMNS: Final = ["novelty", "embedding_distance", "composition_distance", "unseen"]
"""What a table of predictions says of how new each crystal is."""


class PredictedRow(NamedTuple):
    """A row and what is predicted for it."""

    row: Row
    """With a crystal, or with the reason why there is no prediction."""
    prediction: Prediction | None
    """None where there is a reason."""


@final
class Predictor:
    """Predicts crystals with a trained model.

    Args:
        members: Trained alike from different weights, in evaluation mode; their mean is predicted.
        spec: What each of them is.
        elements: Symbols of the elements in their training part.
        intervals: Of the targets that have some, by name.
        training_set: What is known of the training part.
    """

    def __init__(
        self,
        members: Sequence[Model],
        spec: ModelSpec,
        elements: Sequence[str],
        *,
        intervals: Mapping[str, Intervals] | None = None,
        training_set: TrainingSet | None = None,
    ) -> None:
        self.members = tuple(members)
        self.spec = spec
        self.elements = tuple(elements)
        self.intervals = dict(intervals or {})
        self.training_set = training_set
        self.device = torch.device("cpu")

    @classmethod
    def load(cls, run: str | Path) -> "Predictor":
        """Load a predictor from a run folder, with all its members.

        Args:
            run: The folder.

        Raises:
            RunError: If something is missing or damaged, or not of this run.
        """
        folder = Path(run)
        members, spec, elements, intervals = load_members(folder)
        training = folder / TRAINING_FILE
        known = TrainingSet.load(training) if training.is_file() else None
        return cls(members, spec, elements, intervals=intervals, training_set=known)

    def with_graphs(self, spec: ModelSpec) -> "Predictor":
        """Return all members with graphs that are built in another way, without intervals.

        Args:
            spec: That of the members, with other settings of their graphs.
        """
        return Predictor(self.members, spec, self.elements)

    def to(self, device: str) -> "Predictor":
        """Move the members to where they compute, and return the same predictor.

        Args:
            device: ``cpu`` or ``cuda``.

        Raises:
            ConfigError: If it is neither, or there is no such device here.
        """
        self.device = check_device(device)
        for member in self.members:
            member.to(self.device)
        return self

    @property
    def targets(self) -> tuple[Target, ...]:
        """Everything that is predicted."""
        return self.spec.targets

    @property
    def has_std(self) -> bool:
        """Whether it says how far off each prediction may be."""
        return len(self.members) > 1 or self.spec.variance

    def __repr__(self) -> str:
        said = [
            f"{target.kind} {target.name}{f' in {target.unit}' if target.unit else ''}"
            for target in self.targets
        ]
        count = f"{len(self.members)} × " if len(self.members) > 1 else ""
        return f"Predictor({count}{self.spec.encoder}: {', '.join(said)})"

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
        said = self._predicted(crystals, states, novelty=False)
        return [one if isinstance(one, str) else one.values for one in said]

    def examine_crystals(
        self, crystals: Sequence[Crystal], states: States | None = None
    ) -> list[Prediction | str]:
        """Predict crystals, and say how sure that is and how new they are, in batches.

        Args:
            crystals: What to predict; checked already.
            states: The state of each, where the model reads states.

        Returns:
            For each crystal what is said of it, or why the neighbour strategy refuses it.

        Raises:
            InputError: As for `predict_crystals`.
        """
        return self._predicted(crystals, states, novelty=True)

    def _predicted(
        self, crystals: Sequence[Crystal], states: States | None, *, novelty: bool
    ) -> list[Prediction | str]:
        conditions = self.spec.conditions
        if conditions and (states is None or len(states) != len(crystals)):
            raise InputError(
                f"the model reads {', '.join(conditions.columns)} as the state of a crystal: give "
                f"the states of all {len(crystals)} crystals, as conditions.states_of(rows) does"
            )
        found: list[Prediction | str] = []
        graph_settings = self.spec.make_graph_settings()
        for start in range(0, len(crystals), _BATCH):
            part = crystals[start : start + _BATCH]
            graph, refusals = build_supported(part, graph_settings)
            unsupported = {one.index: one.reason for one in refusals}
            places = [n for n in range(len(part)) if n not in unsupported]
            if graph is not None and conditions and states is not None:
                graph = states.select(start + np.array(places)).attach(graph)
            served = [part[n] for n in places]
            said = iter([] if graph is None else self._said(graph, served, novelty))
            found += [unsupported[n] if n in unsupported else next(said) for n in range(len(part))]
        return found

    @deterministic()
    def _said(
        self, graph: Graph, crystals: Sequence[Crystal], novelty: bool
    ) -> list[Prediction | str]:
        (batch,) = infer(self.members, [graph], device=self.device)
        graph, first = batch.graph, batch.outputs[0]
        name = self.targets[0].name
        embedding = self.members[0].embedding(first.features, graph, name).numpy(force=True)
        values = np.stack(
            [
                self._columns({t.name: predicted(t, one.values[t.name]) for t in self.targets})
                for one in batch.outputs
            ]
        )
        deviations = [self._columns(one.deviations) for one in batch.outputs if one.deviations]
        atomic = self.targets[0].kind is Kind.ATOMIC
        sizes = graph.num_atoms.cpu().numpy() if atomic else np.ones(len(graph), dtype=int)
        ends = np.cumsum(sizes)[:-1]
        each = np.split(values, ends, axis=1)
        beside: Sequence[np.ndarray | None] = [None] * len(crystals)
        if deviations:
            beside = np.split(np.stack(deviations), ends, axis=1)
        compared: Sequence[Novelty | None] = [None] * len(crystals)
        if novelty and self.training_set is not None:
            compared = self.training_set.compare(embedding, crystals)
        return [
            self._one(members, deviation, crystal.num_atoms, vector, new)
            for members, deviation, crystal, vector, new in zip(
                each, beside, crystals, embedding, compared, strict=True
            )
        ]

    def _columns(
        self, values: Mapping[str, Float[torch.Tensor, " rows"]]
    ) -> Float[np.ndarray, "rows *columns"]:
        columns = [values[target.name].double().numpy(force=True) for target in self.targets]
        return np.stack(columns, axis=-1) if len(columns) > 1 else columns[0]

    def _one(
        self,
        members: Float[np.ndarray, "members rows *columns"],
        deviations: Float[np.ndarray, "members rows *columns"] | None,
        atoms: int | float,
        embedding: Float[np.ndarray, " embedding"],
        novelty: Novelty | None,
    ) -> Prediction | str:
        """Return what is said of one crystal, or why nothing can be."""
        values = members.mean(axis=0)
        std = std_of(members, deviations)
        if not np.isfinite(values).all() or not (std is None or np.isfinite(std).all()):
            return (
                "the model has no finite number for it: it overflows on this crystal, which is far "
                "from what it was trained on"
            )
        if not self.intervals:
            return Prediction(values, std, None, None, embedding, novelty)
        half = np.full(values.shape, np.nan)
        for column, target in enumerate(self.targets):
            if target.name in self.intervals:
                where = (slice(None), column) if values.ndim == 2 else (slice(None),)
                size = np.full(len(values), float(atoms) if target.kind is Kind.EXTENSIVE else 1.0)
                own = None if std is None else std[where]
                half[where] = self.intervals[target.name].half_width(size, own)
        return Prediction(values, std, values - half, values + half, embedding, novelty)

    def predict(self, source: Any, disorder: str | None = None) -> pd.DataFrame:
        """Predict everything in a source; a row that cannot be used has its reason in ``error``.

        Args:
            source: A path to a file, folder or table; a DataFrame; or a list of structures,
                atoms, crystals or paths.
            disorder: What to do with disordered crystals: ``refuse``, ``mix`` or ``order``; None
                does what was done in the training.

        Returns:
            Columns ``id``, ``formula`` (reduced), ``prediction``, ``unit``, ``error``; for an
            atomic target also ``site``, and one row for each atom. Of several targets
            ``prediction:NAME`` and ``unit:NAME`` for each. A run with members or a learned
            variance adds ``spread``, one with intervals ``lower`` and ``upper`` after each
            prediction; one that knows its training part adds ``novelty`` (in words, empty where
            nothing is new), ``embedding_distance``, ``composition_distance`` and ``unseen``, see
            `Novelty`.

        Raises:
            InputError: If the source as a whole cannot be read.
            ConfigError: If the model cannot read mixtures, and is asked to.
        """
        return self.tabulate(self.predict_rows(read_rows(source, self.spec.disorder_for(disorder))))

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
        found = iter(self.examine_crystals(crystals, states))
        predicted = []
        for row in rows:
            said = None if row.crystal is None else next(found)
            if isinstance(said, str):
                row = replace(row, crystal=None, reason=said)  # noqa: PLW2901
                said = None
            predicted.append(PredictedRow(row, said))
        return predicted

    def _with_state(self, row: Row) -> Row:
        problem = None if row.crystal is None else self.spec.conditions.problem(row.values)
        problem = problem or why_not_ordered(row.values.get(ORDERED_CELLS), self.targets) or None
        return row if problem is None else replace(row, crystal=None, reason=problem)

    def tabulate(self, predicted: Iterable[PredictedRow]) -> pd.DataFrame:
        """Return predicted rows as the table that `predict` describes."""
        marks = [""] if len(self.targets) == 1 else [f":{one.name}" for one in self.targets]
        measures = self._measures()
        units = {f"unit{m}": one.unit for m, one in zip(marks, self.targets, strict=True)}
        records: list[dict[str, Any]] = []
        for row, said in predicted:
            common = {"id": row.id, "formula": "", "error": row.reason or "", **units}
            if said is None:
                records.append(common | {"site": None})
                continue
            common |= {"formula": _formula(row), **_novelty_columns(said.novelty)}
            arrays = {name: getattr(said, field) for name, field in measures.items()}
            for site in range(len(said.values)):
                each = {
                    f"{name}{mark}": float(array[site].reshape(-1)[place])
                    for name, array in arrays.items()
                    for place, mark in enumerate(marks)
                }
                records.append(common | {"site": site} | each)
        numbers = [f"{what}{mark}" for mark in marks for what in measures]
        each_target = [f"{what}{m}" for m in marks for what in (*measures, "unit")]
        columns = ["id", "formula", *each_target, "error"]
        if self.targets[0].kind is Kind.ATOMIC:
            columns.insert(2, "site")
        if self.training_set is not None:
            columns += NOVELTY_COLUMNS
            numbers += ["embedding_distance", "composition_distance"]
        table = pd.DataFrame(records, columns=columns)
        for name in numbers:
            table[name] = table[name].astype(float)
        if "site" in columns:
            table["site"] = table["site"].astype("Int64")
        return table

    def _measures(self) -> dict[str, str]:
        """Return the columns that each target has, and the field of a prediction behind each."""
        measures = {"prediction": "values"}
        if self.has_std:
            measures["std"] = "std"
        return measures | ({"lower": "lower", "upper": "upper"} if self.intervals else {})

    def copied_members(self) -> list[tuple[int, int]]:
        """Return the pairs of members that have the same weights, by their numbers from 0.

        Their predictions are the same, and the spread is too small.
        """
        weights = [parameters_to_vector(one.parameters()).detach() for one in self.members]
        return identical_members(np.stack([one.double().numpy() for one in weights]))

    def unseen_elements(self, crystal: Crystal) -> tuple[str, ...]:
        """Return the elements of a crystal that were not in the training part."""
        return tuple(sorted(held_by(crystal) - set(self.elements)))


def _formula(row: Row) -> str:
    return "" if row.crystal is None else reduced_formula(row.crystal)


def _novelty_columns(novelty: Novelty | None) -> dict[str, Any]:
    if novelty is None:
        return {}
    return {
        "novelty": novelty.words,
        "embedding_distance": novelty.embedding_distance,
        "composition_distance": novelty.composition_distance,
        "unseen": " ".join(novelty.unseen),
    }
