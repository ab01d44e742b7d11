"""A trained model, ready for new crystals."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, final

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch.nn.utils import parameters_to_vector

from xtalgraph.conventions.elements import ATOMIC_NUMBERS
from xtalgraph.conventions.errors import RunError
from xtalgraph.conventions.logs import log
from xtalgraph.crystals.composition import VACANCY_NAME, held_by
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.conditions import ConditionValues
from xtalgraph.data.row import ORDERED_CELLS
from xtalgraph.data.table import Row, read_rows
from xtalgraph.data.targets import Target, why_not_ordered
from xtalgraph.data.values import Values
from xtalgraph.graphs.build import build_supported
from xtalgraph.graphs.graph import Graph
from xtalgraph.metrics.calibration import identical_members
from xtalgraph.models.checkpoint import check_finite, check_has_target, load_model, member_folder
from xtalgraph.models.inference import check_device, infer
from xtalgraph.models.intervals import Intervals, load_intervals, with_intervals
from xtalgraph.models.manifest import check_manifest
from xtalgraph.models.model import Model
from xtalgraph.models.named_models import run_folder
from xtalgraph.models.novelty import Novelty, TrainingSet
from xtalgraph.models.predictions import (
    PredictedCrystals,
    PredictedRow,
    Predictions,
    as_invariant,
    combine,
    tabulate,
)
from xtalgraph.models.spec import ModelSpec
from xtalgraph.nn.determinism import deterministic

_BATCH = 256
"""Crystals in a batch."""
TRAINING_FILE: Final = "training_set.safetensors"
"""What a run folder keeps of its training part."""
_OVERFLOWS: Final = (
    "the model has no finite number for it: it overflows on this crystal, which is far from what "
    "it was trained on"
)


@final
class Predictor:
    """Predicts crystals with a trained model.

    Args:
        members: Trained alike from different weights, in evaluation mode; their mean is predicted.
        spec: What each of them is.
        elements: Symbols of the elements in their training part.
        intervals: Of the targets that have some, by name.
        training_set: What is known of the training part.
        invariants: Whether of tensors the number that stands for each is predicted.
    """

    def __init__(
        self,
        members: Sequence[Model],
        spec: ModelSpec,
        elements: Sequence[str],
        *,
        intervals: Mapping[str, Intervals] | None = None,
        training_set: TrainingSet | None = None,
        invariants: bool = False,
    ) -> None:
        self.members = tuple(members)
        self.spec = spec
        self.elements = tuple(elements)
        self.intervals = dict(intervals or {})
        self.training_set = training_set
        self.invariants = invariants
        self.device = torch.device("cpu")

    @classmethod
    def load(cls, run: str | Path, *, without_target: bool = False) -> "Predictor":
        """Load a predictor from a run folder, with all its members.

        Args:
            run: The folder, or the name of a model, see `run_folder`.
            without_target: Whether a pre-trained model will do, which only embeds crystals.

        Raises:
            RunError: If something is missing or damaged, or not of this run; if the model has no
                target.
        """
        folder = run_folder(run)
        if check_manifest(folder, evidence=False) is None:
            log.warning(
                "%s is of an xtalgraph that wrote no manifest: whether its files are those of one "
                "run is not known",
                folder,
            )
        if not without_target:
            check_has_target(folder)
        first, spec, document = load_model(folder)
        elements, count = _elements_and_count(folder, document)
        members = [first]
        for number in range(1, count):
            inside = member_folder(folder, number)
            member, of_member, _ = load_model(inside)
            if of_member != spec:
                raise RunError(f"{inside} is another model than {folder}: it is of another run")
            members.append(member)
        for number, member in enumerate(members):
            check_finite(member, member_folder(folder, number))
        intervals, training = load_intervals(folder, spec.targets), folder / TRAINING_FILE
        known = TrainingSet.load(training) if training.is_file() else None
        return cls(members, spec, elements, intervals=intervals, training_set=known)

    def with_graphs(self, spec: ModelSpec) -> "Predictor":
        """Return all members with graphs that are built in another way, without intervals."""
        return Predictor(self.members, spec, self.elements, invariants=self.invariants)

    def of_invariants(self) -> "Predictor":
        """Return all members, which of tensors predict numbers, see `as_invariant`.

        The standard deviation is that of the numbers of the members. There are no intervals.

        Returns:
            The same predictor where no target is a tensor.
        """
        if not any(target.is_tensor for target in self.targets):
            return self
        known = self.training_set
        made = Predictor(
            self.members, self.spec, self.elements, training_set=known, invariants=True
        )
        return made.to(self.device.type)

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
        return tuple(map(as_invariant, self.spec.targets)) if self.invariants else self.spec.targets

    @property
    def has_std(self) -> bool:
        """Whether it says how far off each prediction may be."""
        return len(self.members) > 1 or self.spec.variance

    def __repr__(self) -> str:
        declared = [target.described for target in self.targets]
        count = f"{len(self.members)} × " if len(self.members) > 1 else ""
        return f"Predictor({count}{self.spec.encoder}: {', '.join(declared)})"

    def predict_crystals(
        self,
        crystals: Sequence[Crystal],
        conditions: ConditionValues | None = None,
        *,
        novelty: bool = False,
    ) -> PredictedCrystals:
        """Predict crystals, in batches.

        Args:
            crystals: What to predict; checked already.
            conditions: Of each, where the model reads some; see `ModelSpec.conditions`.
            novelty: Whether they are compared with the training part, where the run knows it.

        Raises:
            InputError: If the model reads conditions, and not every crystal has them.
        """
        self.spec.conditions.expect(conditions, len(crystals))
        graph_settings = self.spec.make_graph_settings()
        unsupported: dict[int, str] = {}
        places: list[int] = []
        parts, embeddings = [self._nothing], []
        for start in range(0, len(crystals), _BATCH):
            graph, refusals = build_supported(crystals[start : start + _BATCH], graph_settings)
            unsupported |= {start + skipped.index: skipped.reason for skipped in refusals}
            batch = range(start, min(start + _BATCH, len(crystals)))
            supported = [index for index in batch if index not in unsupported]
            if graph is None:
                continue
            if self.spec.conditions and conditions is not None:
                graph = conditions.select(np.array(supported)).attach(graph)
            part, embedding = self._computed(graph, [crystals[index] for index in supported])
            finite = _finite(part)
            unsupported |= {supported[n]: _OVERFLOWS for n in np.flatnonzero(~finite)}
            places += [supported[n] for n in np.flatnonzero(finite)]
            parts.append(part.select(np.flatnonzero(finite)))
            embeddings.append(embedding[finite])
        embedding = np.concatenate(embeddings) if embeddings else np.zeros((0, 0))
        compared: Sequence[Novelty | None] = [None] * len(places)
        served = [crystals[index] for index in places]
        if novelty and self.training_set is not None and served:
            compared = self.training_set.compare(embedding, served)
        predictions = Predictions.concatenated(parts[1:] or parts)
        return PredictedCrystals(
            predictions, embedding, compared, np.array(places, dtype=np.int64), unsupported
        )

    @deterministic()
    def _computed(
        self, graph: Graph, crystals: Sequence[Crystal]
    ) -> tuple[Predictions, Float[np.ndarray, "crystals embedding"]]:
        """Return the predictions for a batch, and the vectors that stand for the crystals."""
        (batch,) = infer(self.members, [graph], device=self.device)
        embedding = self.members[0].embedding(batch.outputs[0].features, batch.graph)
        sites = np.array([len(crystal) for crystal in crystals], dtype=np.int64)
        predictions = combine(batch.outputs, self.spec.targets, sites, invariants=self.invariants)
        return with_intervals(predictions, self.intervals, crystals), embedding.numpy(force=True)

    @property
    def _nothing(self) -> Predictions:
        """The predictions for no crystal."""
        arrays = {target.name: np.zeros((0, *target.tensor.shape)) for target in self.targets}
        return Predictions(Values(self.targets, arrays, np.zeros(0, dtype=np.int64)))

    def predict(self, source: Any, disorder: str | None = None) -> pd.DataFrame:
        """Predict everything in a source; a row that cannot be used has its reason in ``error``.

        Args:
            source: A path to a file, folder or table; a DataFrame; or a list of structures,
                atoms, crystals or paths.
            disorder: What to do with disordered crystals: ``refuse``, ``mix`` or ``order``; None
                does what was done in the training.

        Returns:
            The table that `xtalgraph.models.predictions.tabulate` makes: a line for each number of
            each target.

        Raises:
            InputError: If the source as a whole cannot be read.
            ConfigError: If the model cannot read mixtures, and is asked to.
        """
        rows = read_rows(source, self.spec.disorder_for(disorder))
        return tabulate(self.predict_rows(rows))

    def predict_rows(self, rows: Iterable[Row]) -> list[PredictedRow]:
        """Predict rows that have been read.

        Args:
            rows: With a crystal or with a reason.

        Returns:
            One for each row; a crystal that the neighbour strategy refuses, or that lacks a column
            which the model reads, has become its reason.
        """
        rows = [self._with_conditions(row) for row in rows]
        served = [row for row in rows if row.crystal is not None]
        conditions = self.spec.conditions.values_of([row.values for row in served])
        crystals = [row.crystal for row in served if row.crystal is not None]
        computed = self.predict_crystals(crystals, conditions, novelty=True)
        by_crystal, index = computed.by_crystal(), 0
        predicted = []
        for row in rows:
            prediction = None
            if row.crystal is not None:
                reason = computed.unsupported.get(index)
                if reason is None:
                    prediction = next(by_crystal)
                else:
                    row = replace(row, crystal=None, reason=reason)  # noqa: PLW2901
                index += 1
            predicted.append(PredictedRow(row, prediction))
        return predicted

    def _with_conditions(self, row: Row) -> Row:
        problem = None if row.crystal is None else self.spec.conditions.problem(row.values)
        problem = problem or why_not_ordered(row.values.get(ORDERED_CELLS), self.targets) or None
        return row if problem is None else replace(row, crystal=None, reason=problem)

    def copied_members(self) -> list[tuple[int, int]]:
        """Return the pairs of members that have the same weights, by their numbers from 0.

        Their predictions are the same, and the spread is too small.
        """
        weights = [parameters_to_vector(member.parameters()).detach() for member in self.members]
        return identical_members(np.stack([w.double().numpy(force=True) for w in weights]))

    def unseen_elements(self, crystal: Crystal) -> tuple[str, ...]:
        """Return the elements of a crystal that were not in the training part."""
        return tuple(sorted(held_by(crystal) - set(self.elements)))


def _finite(predictions: Predictions) -> Bool[np.ndarray, " crystals"]:
    """Return for which crystals all numbers are finite."""
    finite = np.ones(len(predictions), dtype=bool)
    for part in filter(None, (predictions.values, predictions.std)):
        arrays = {name: np.where(np.isfinite(part[name]), part[name], np.nan) for name in part}
        checked = replace(part, arrays=arrays)
        for name in checked:
            finite &= checked.known(name)
    return finite


def _elements_and_count(run: Path, document: Mapping[str, Any]) -> tuple[list[str], int]:
    """Return the elements of the training part and the number of members."""
    elements, count = document.get("elements"), document.get("members")
    known = {*ATOMIC_NUMBERS, VACANCY_NAME}
    if not isinstance(elements, list) or not all(
        isinstance(symbol, str) and symbol in known for symbol in elements
    ):
        raise RunError(f"{run / 'model.json'} is damaged: the elements are not symbols")
    if type(count) is not int or count < 1:
        raise RunError(f"{run / 'model.json'} is damaged: members is {count!r}")
    return elements, count
