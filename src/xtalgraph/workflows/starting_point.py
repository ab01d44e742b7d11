"""The trained run from which a training starts: its weights, its scales, and what it knows."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from xtalgraph.conventions.elements import ATOMIC_NUMBERS, SYMBOLS
from xtalgraph.conventions.errors import ConfigError, InputError, RunError
from xtalgraph.conventions.logs import log
from xtalgraph.crystals.composition import elements_of
from xtalgraph.data.catalogue import resolve_source
from xtalgraph.data.dataset import Dataset, Divided
from xtalgraph.data.leaks import written_key
from xtalgraph.data.splits import Split
from xtalgraph.models.checkpoint import member_folder, read_description
from xtalgraph.models.head import Head
from xtalgraph.models.inference import concatenated, infer
from xtalgraph.models.model import Model, PropertyModel
from xtalgraph.models.named_models import run_folder
from xtalgraph.models.potential import Potential
from xtalgraph.models.predictor import Predictor
from xtalgraph.models.registry import ENCODERS
from xtalgraph.models.spec import ModelSpec
from xtalgraph.models.transfer import (
    Taken,
    check_fitted_terms,
    kept_heads,
    renamed_heads,
    take_weights,
)
from xtalgraph.training.examples import ordered_graphs
from xtalgraph.training.settings import FinetuningConfig
from xtalgraph.training.state import snapshot
from xtalgraph.workflows.config import RunConfig, read_labelled
from xtalgraph.workflows.graph_source import make_graphs
from xtalgraph.workflows.prepared import Prepared
from xtalgraph.workflows.run import Run

_FIT: Final = "the weights of an encoder fit its own settings alone"


def weights_sha256(run: Path) -> str:
    """Return the checksum of the weights of all members of a run; a `RunError` if it is none."""
    first = read_description(run)
    members = [read_description(member_folder(run, n)) for n in range(1, int(first["members"]))]
    digests = [str(member["weights_sha256"]) for member in (first, *members)]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class StartingPoint:
    """What a training starts from."""

    config: FinetuningConfig
    """Where it is, and which layers move."""
    spec: ModelSpec
    """What is trained."""
    parent: ModelSpec
    """What the training starts from."""
    elements: tuple[str, ...]
    """Symbols of the elements that the parent was trained on."""
    states: tuple[Mapping[str, Tensor], ...]
    """Weights of the members of the parent."""
    kept: tuple[str, ...]
    """Targets that keep their head."""
    rows: tuple[int, ...] | None = None
    """Atomic numbers of the rows of tables of elements in the parent; None where it has none."""
    replay: Prepared | None = None
    """What is learned beside the new crystals; all of it is the training part."""

    @classmethod
    def of(cls, config: RunConfig) -> "StartingPoint | None":
        """Read the parent of a training; None where it starts from fresh weights.

        A `ConfigError` if the parent does not fit, a `RunError` if it is no run, or has changed.
        """
        asked = config.finetuning
        if asked.parent is None:
            return None
        folder = run_folder(asked.parent)
        predictor = Predictor.load(folder, without_target=True)
        known = weights_sha256(folder)
        if asked.parent_sha256 not in (None, known):
            raise RunError(
                f"{folder} has other weights than the run that finetuning.parent_sha256 names: "
                "put that run back, or begin again with another --out"
            )
        check_fits(config, predictor.spec, folder)
        kept = kept_heads(config.spec, predictor.spec) if asked.head == "kept" else ()
        if config.spec.conditions.delta != predictor.spec.conditions.delta:
            kept = ()  # they would learn another quantity
        if kept:
            check_fitted_terms(config.spec, predictor.spec)
        states = tuple(snapshot(member) for member in predictor.members)
        table = predictor.members[0].encoder.element_rows
        rows = None if table is None else tuple(table.numbers)
        return cls(asked, config.spec, predictor.spec, predictor.elements, states, kept, rows)

    def begin(self, model: Model, number: int) -> Taken:
        """Give a model the weights of the parent.

        Args:
            model: With fresh weights; those that the parent has not stay.
            number: Of the member, from 0; it starts from the member of the parent of that number,
                or from the first ones again where there are fewer.

        Returns:
            What was taken.
        """
        state = self.states[number % len(self.states)]
        renamed = renamed_heads(state, self.parent, self.spec, self.kept)
        rows = model.encoder.element_rows
        if rows is None or self.rows is None:
            return take_weights(model, renamed)
        return take_weights(model, renamed, (rows.numbers, self.rows))

    def fit_scales(self, model: Model, prepared: Prepared) -> None:
        """Fit the scales of fresh heads, and move those of kept ones by what the parent misses.

        The scale of a kept head stays, and with it the forces of a potential; its shift, which of
        a total is the reference energy of each element, gains the least-squares fit to the labels
        less the predictions. What the encoder reads of a crystal is scaled as in the parent.

        Args:
            model: With the weights of the parent.
            prepared: What is learned from.
        """
        dataset, train = prepared.dataset, prepared.split.train
        crystals = [dataset.table.crystals[i] for i in train]
        labels = dataset.labels.select(train)
        heads = {name: head for name, head in _heads(model).items() if name in self.kept}
        kept = {name: snapshot(head) for name, head in heads.items()}
        conditions = model.condition_scaler and snapshot(model.condition_scaler)
        model.fit_scales(labels, crystals, dataset.conditions_of(train))
        for name, head in heads.items():
            head.load_state_dict(kept[name])
        if model.condition_scaler is not None and conditions:
            model.condition_scaler.load_state_dict(conditions)
        if not any(isinstance(head, Head) for head in heads.values()):
            return
        source = prepared.graphs.part(torch.from_numpy(train))
        batches = infer([model], ordered_graphs(source, model.atoms_at_once))
        values, _ = concatenated(batch.outputs[0] for batch in batches)
        numbers = [elements_of(crystal) for crystal in crystals]
        for name, head in heads.items():
            if isinstance(head, Head):
                predicted = values[name].double().numpy(force=True)
                head.move(labels.arrays[name] - predicted, numbers)

    def with_data(self, config: RunConfig, divided: Divided, *, progress: bool) -> "StartingPoint":
        """Return the same with the elements of the data, and what is learned beside it.

        The model has weights of the elements of the parent and of those of the data. Crystals of
        the replay that are in the validation or the test part, or in the test part of the
        parent, are left out.

        Args:
            config: The resolved settings.
            divided: The new crystals.
            progress: Show progress bars on standard error.

        Raises:
            InputError: If they cannot be used.
        """
        begun = replace(self, spec=self._with_elements(divided.dataset))
        return begun._with_replay(config, divided, progress)

    def _with_elements(self, dataset: Dataset) -> ModelSpec:
        if "elements" not in self.spec.settings:
            return self.spec
        known = self.parent.settings["elements"] or self.elements
        numbers = {ATOMIC_NUMBERS[symbol] for symbol in known if symbol in ATOMIC_NUMBERS}
        numbers = numbers.union(*(crystal.elements for crystal in dataset.table.crystals))
        elements = [SYMBOLS[number] for number in sorted(map(int, numbers))]
        return replace(self.spec, settings={**self.spec.settings, "elements": elements})

    def _with_replay(self, config: RunConfig, divided: Divided, progress: bool) -> "StartingPoint":
        path = self.config.replay
        if path is None:
            return self
        source, _ = resolve_source(path)
        if isinstance(source, Path) and not source.exists():
            raise InputError(f"finetuning.replay names {source}, which is not there")
        try:
            dataset = read_labelled(source, config, progress=progress)
        except InputError as error:
            raise InputError(f"finetuning.replay {path}: {error}") from error
        held = _keys(divided.dataset, divided.split.val, divided.split.test)
        held |= self._tested_by_parent(progress)
        crystals = dataset.table.crystals
        dataset = _without(dataset, {n for n, c in enumerate(crystals) if written_key(c) in held})
        settings = config.spec.make_graph_settings()
        graphs = make_graphs(dataset.table.crystals, settings, config.data, progress=progress)
        dataset = dataset.reject({crystal.index: crystal.reason for crystal in graphs.unsupported})
        everything, nothing = np.arange(len(dataset)), np.zeros(0, dtype=np.int64)
        split = Split(everything, nothing, nothing, {"kind": "replay"})
        graphs = graphs.with_conditions(dataset.condition_values)
        return replace(self, replay=Prepared(Divided(dataset, split), graphs))

    def _tested_by_parent(self, progress: bool) -> set[bytes]:
        """Return the test crystals of the parent; none where its data is not there."""
        try:
            before = Run.open(str(self.config.parent)).data(progress=progress)
        except (InputError, RunError):
            return set()
        return _keys(before.dataset, before.split.test)

    def record(self, learned: Sequence[str]) -> dict[str, Any]:
        """Return what the record of a run says of its start; `learned` are elements in training."""
        spec = self.spec
        taken = self.begin(spec.make_model(), 0)
        parent, config = self.parent, self.config
        return {
            "parent": config.parent,
            "parent sha256": config.parent_sha256,
            "parent targets": [target.name for target in parent.targets],
            "parent members": len(self.states),
            "depth": config.release,
            "rate factor": config.rate_factor,
            "heads kept": list(self.kept),
            "heads fresh": [t.name for t in spec.read_out if t.name not in self.kept],
            "weights taken": len(taken.taken),
            "weights taken by element": list(taken.by_element),
            "weights fresh": list(taken.fresh),
            "weights of the parent not taken": [
                name.removeprefix("parent.") for name in taken.left
            ],
            "elements the parent had not": sorted(set(learned) - set(self.elements)),
            "replay": config.replay,
            "replay crystals": 0 if self.replay is None else len(self.replay.dataset),
            "replay weight": config.replay_weight,
        }  # fmt: skip


def check_fits(config: RunConfig, parent: ModelSpec, folder: Path) -> None:
    """Refuse settings with which the encoder is not the parent's: a `ConfigError` says where."""
    spec = config.spec
    pairs = {
        "model.name": (spec.encoder, parent.encoder),
        "graph.strategy": (spec.strategy, parent.strategy),
        # An encoder does not read the column of another calculation.
        "data.conditions": tuple(replace(s.conditions, delta="") for s in (spec, parent)),
    }
    for section, mine, its in (
        ("model", spec.settings, parent.settings),
        ("graph", spec.strategy_settings, parent.strategy_settings),
    ):
        pairs |= {f"{section}.{key}": (mine.get(key), its.get(key)) for key in {**its, **mine}}
    of_data = {f"model.{key}" for key in ENCODERS[parent.encoder].measured}
    for name, (asked, known) in pairs.items():
        if asked != known and not (name in of_data and None in (asked, known)):
            raise ConfigError(
                f"{name} is {asked!r} and that of {folder} is {known!r}: {_FIT}. Leave it out, or "
                "train from scratch by `xtalgraph train`"
            )
    if config.training.snapshots or config.training.capture:
        name = "snapshots" if config.training.snapshots else "capture"
        raise ConfigError(f"training.{name} is for a training from fresh weights: leave it out")
    if config.training.compile and config.finetuning.release != "full":
        raise ConfigError(
            "training.compile is for a training that moves all layers: leave it out, or set "
            "finetuning.release=full"
        )


def _heads(model: Model) -> dict[str, torch.nn.Module]:
    if isinstance(model, Potential):
        return {model.energy.name: model.head}
    return dict(model.head_of) if isinstance(model, PropertyModel) else {}


def _keys(dataset: Dataset, *parts: Int[np.ndarray, " rows"]) -> set[bytes]:
    crystals = dataset.table.crystals
    return {written_key(crystals[i]) for part in parts for i in part.tolist()}


def _without(dataset: Dataset, rows: set[int]) -> Dataset:
    if not rows:
        return dataset
    log.info("%d crystals of the replay are held out of the training, and left out", len(rows))
    if len(rows) == len(dataset):
        raise InputError("all crystals of finetuning.replay are held out of the training")
    return dataset.reject(dict.fromkeys(rows, "held out of the training"))
