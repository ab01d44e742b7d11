"""Diagnose: what a run has learned, and what it has not."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
from tqdm import tqdm

from xtalgraph.conventions.choices import Device
from xtalgraph.conventions.declarations import Spelled
from xtalgraph.conventions.documents import read_document, reading, write_json
from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.conventions.files import write_atomically
from xtalgraph.conventions.logs import log
from xtalgraph.conventions.ranges import Count
from xtalgraph.conventions.settings import checks_arguments, nearest
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.catalogue import KnownDataset, resolve_source
from xtalgraph.data.dataset import Dataset, Divided
from xtalgraph.data.ionic.rigid_ion import rigid_ion_energy
from xtalgraph.data.label_reading import is_missing
from xtalgraph.data.potential_labels import role_of_target
from xtalgraph.data.targets import Kind, Target
from xtalgraph.evidence.diagnostics.evaluator import Evaluator
from xtalgraph.evidence.diagnostics.frames import FrameLabels
from xtalgraph.evidence.diagnostics.registry import DIAGNOSTICS
from xtalgraph.evidence.diagnostics.result import DiagnosticResult, Quantity, Verdict
from xtalgraph.evidence.pages.diagnosis import (
    Picture,
    keep_pictures,
    render_diagnosis,
    sentence_of,
)
from xtalgraph.evidence.text.report import called
from xtalgraph.graphs.graph import Scope
from xtalgraph.metrics.tensors import invariant_of
from xtalgraph.models.checkpoint import member_folder
from xtalgraph.models.named_models import check_not_shipped
from xtalgraph.models.predictions import as_invariant
from xtalgraph.workflows.retraining import train_halves
from xtalgraph.workflows.run import Run

_GROUPS: Final = ("group", "config_type")
"""Columns that are taken for the configuration groups of frames."""
FORMAT: Final = 4
"""Of ``diagnose.json``; counts up when a diagnostic would measure something else."""
NAMES: Final = (
    *("labels", "order", "duplicates", "size", "elements", "geometry", "retrained", "volume"),
    *("cutoff-path", "cutoff", "smoothing", "reach", "groups", "worst"),
    *("forces", "worst-frames", "force-path", "energy-volume", "committee"),
)
"""Every diagnostic, in the order of the page; `retrained` needs ``retrain=True``."""


@dataclass(frozen=True)
class Diagnosis:
    """The results of a run."""

    page: Path
    quantity: Quantity
    """What was compared."""
    results: tuple[DiagnosticResult, ...]
    """One for each diagnostic, in the order of the page."""

    @property
    def alarms(self) -> tuple[DiagnosticResult, ...]:
        """Those beyond their threshold."""
        return tuple(result for result in self.results if result.verdict is Verdict.ALARM)

    def says(self, result: DiagnosticResult) -> str:
        """Return what a result means."""
        return DIAGNOSTICS[result.name].says(result, self.quantity)


@checks_arguments
def diagnose(
    run: str | Path,
    data: Any = None,
    *,
    target: Annotated[str | None, Spelled("COL")] = None,
    group: Annotated[str | None, Spelled("COLUMN")] = None,
    sample: Count = 500,
    retrain: bool = False,
    only: Annotated[Sequence[str], Spelled("A,B,...", commas=True, choices=NAMES)] = (),
    device: Device = "cpu",
    progress: bool = True,
) -> Diagnosis:
    """Look for shortcuts, shifted labels, leaks, hard cutoffs and the causes of the largest errors.

    Writes ``diagnose.json``, ``diagnose.html`` and the figures in ``diagnose/`` into the run
    folder, one after the other; earlier results for the same model, data and sample are kept.

    Args:
        run: A run folder.
        data: Where its crystals are now, by default where they were.
        target: The target to examine; by default the first, or the energy of a potential. Of a
            tensor the number that stands for it is examined: mean eigenvalue, bulk modulus, norm.
        group: The column of the configuration groups of a potential's frames, by default
            group or config_type where there is one.
        sample: Largest number of test crystals to examine.
        retrain: Also train the architecture with all elements made equal.
        only: Names of diagnostics, by default all.
        device: Device to compute on; a GPU differs in the last digits.
        progress: Show progress bars on standard error.

    Raises:
        ConfigError: If there is no such diagnostic or target, or no such device here.
        InputError: If the crystals are not there, or have disordered sites, or the target is one of
            sites.
        RunError: If it is not a finished run.
    """
    opened = Run.open(run)
    check_not_shipped(opened.folder)
    wanted = _wanted(only, retrain, opened.predictor.spec.is_potential)
    chosen = _target(opened, target)
    opened.predictor.to(device)
    whole = opened.data(data, progress=progress)
    _expect_ordered(whole.dataset)
    divided = whole.only(chosen.name)
    source = data if data is not None else opened.config.data.path
    tested = _tested(opened, divided, sample, resolve_source(source)[1])
    tested = replace(tested, frames=_frame_labels(whole, chosen.name, group))
    if len(tested.test) == 0:
        raise InputError(f"no test crystal of {opened.folder} can be predicted")

    of = {
        "format": FORMAT,
        "weights_sha256": _weights(opened),
        "data_sha256": opened.division["data_sha256"],
        "target": chosen.name,
        "sample": sample,
        **({} if group is None else {"group": group}),
    }
    examined = tested.target
    quantity = Quantity(examined.name, tested.unit, examined.unit)
    with reading(opened.folder / "diagnose.json", "remove it, and everything is measured again"):
        measured = _before(opened.folder, of)
        pictures = {
            name: keep_pictures(result, quantity, opened.folder / "diagnose")
            for name, result in measured.items()
        }
        render_diagnosis(list(measured.values()), quantity, pictures, title="", kicker="")
    with tqdm(wanted, desc="diagnosing", unit="diagnostic", disable=not progress) as bar:
        for name in bar:
            bar.set_postfix_str(name)
            if name not in measured:
                result = measured[name] = DIAGNOSTICS[name].measure(tested)
                pictures[name] = keep_pictures(result, quantity, opened.folder / "diagnose")
                _log(result, quantity)
                _write(opened, examined, quantity, of, measured, pictures)
    _write(opened, examined, quantity, of, measured, pictures)
    results = tuple(measured[name] for name in NAMES if name in measured)
    return Diagnosis(opened.folder / "diagnose.html", quantity, results)


def _expect_ordered(dataset: Dataset) -> None:
    """Refuse mixtures: what is asked moves, exchanges and counts atoms of one element."""
    ids, crystals = dataset.table.ids, dataset.table.crystals
    mixed = [n for n, crystal in zip(ids, crystals, strict=True) if crystal.occupancies is not None]
    if mixed:
        raise InputError(
            f"diagnose reads one atom on each site, and {len(mixed)} crystals of the run have "
            f"disordered sites, the first of them {mixed[0]}: see docs/disorder.md"
        )


def _frame_labels(whole: Divided, energy: str, group: str | None) -> FrameLabels | None:
    """Return the forces of the crystals that have an energy, and their groups."""
    dataset = whole.dataset
    columns = dataset.table.columns
    if group is not None and group not in columns:
        names = [str(name) for name in columns]
        raise InputError(f"there is no column {group!r} for the groups{nearest(group, names)}")
    roles = {role_of_target(target): target.name for target in dataset.targets}
    forces = roles.get("forces")
    if forces is None:
        return None
    known = np.flatnonzero(dataset.labels.known(energy))
    named = group or next((name for name in _GROUPS if name in columns), None)
    groups = None
    if named is not None:
        groups = ["" if is_missing(value) else str(value) for value in columns[named].iloc[known]]
        groups = [name or "without a group" for name in groups]
    return FrameLabels(forces, dataset.labels.select(known), groups)


def _wanted(only: Sequence[str], retrain: bool, is_potential: bool) -> list[str]:
    for name in only:
        if name not in NAMES:
            raise ConfigError(f"there is no diagnostic {name!r}{nearest(name, NAMES)}")
        if DIAGNOSTICS[name].trains and not retrain:
            raise ConfigError(f"the diagnostic {name!r} trains a model: say --retrain")
        if DIAGNOSTICS[name].asked_of == "potential" and not is_potential:
            raise ConfigError(f"the diagnostic {name!r} is of a potential, and the run is none")
    kind = "potential" if is_potential else "property"
    return [
        name
        for name, diagnostic in DIAGNOSTICS.items()
        if (name in only or (not only and diagnostic.asked_of in (kind, "both")))
        and (retrain or not diagnostic.trains)
    ]


def _target(run: Run, name: str | None) -> Target:
    targets = {target.name: target for target in run.config.targets}
    first = next((target for target in targets.values() if target.derivative is None), None)
    chosen = first if name is None else targets.get(name)
    if chosen is None:
        raise ConfigError(f"{run.folder} has no target {name!r}{nearest(str(name), targets)}")
    if not as_invariant(chosen).is_one_number:
        has = "one number for each site" if chosen.scope is Scope.ATOM else "a list of numbers"
        raise InputError(
            f"{chosen.name!r} has {has}, and diagnose asks about targets with one number for each "
            "crystal, which is changed as a whole"
        )
    return chosen


def _tested(run: Run, divided: Divided, sample: int, known: KnownDataset | None) -> Evaluator:
    table, (target,) = divided.dataset.table, divided.dataset.targets
    labels = divided.dataset.labels[target.name]
    if target.is_tensor:
        labels = invariant_of(target.tensor, labels)[1]
    return Evaluator(
        predictor=run.predictor.of_invariants(),
        target=as_invariant(target),
        ids=table.ids,
        crystals=table.crystals,
        labels=labels,
        split=divided.split,
        sample=sample,
        seed=run.config.training.seed,
        energy=_energy(known, target),
        conditions=divided.dataset.condition_values,
        train_halves=partial(train_halves, run, divided),
    )


def _energy(known: KnownDataset | None, target: Target) -> Callable[[Crystal], float] | None:
    """The truth of any crystal, up to a constant of its composition."""
    if known is None or known.name != "ionic_perovskites":
        return None
    if target.name == "energy_per_atom":
        return lambda crystal: rigid_ion_energy(crystal) / len(crystal)
    return rigid_ion_energy if target.name in ("energy", "excess_energy") else None


def _weights(run: Run) -> list[str]:
    """Return the SHA-256 of the weights of each member."""
    folders = [member_folder(run.folder, n) for n in range(len(run.predictor.members))]
    documents = [
        json.loads((member / "model.json").read_text(encoding="utf-8")) for member in folders
    ]
    return [str(document["weights_sha256"]) for document in documents]


def _before(folder: Path, of: dict[str, Any]) -> dict[str, DiagnosticResult]:
    """Return earlier results of the same."""
    path = folder / "diagnose.json"
    if not path.is_file():
        return {}
    document = read_document(path)
    if document["of"] != of:
        return {}
    return {
        result["name"]: DiagnosticResult.from_dict(result, DIAGNOSTICS[result["name"]].numbers)
        for result in document["results"]
    }


def _log(result: DiagnosticResult, quantity: Quantity) -> None:
    if result.verdict is Verdict.ALARM:
        log.warning("%s", sentence_of(result, quantity))
    else:
        log.info("%s: %s", DIAGNOSTICS[result.name].title, result.verdict)


def _write(
    run: Run,
    target: Target,
    quantity: Quantity,
    of: dict[str, Any],
    measured: dict[str, DiagnosticResult],
    pictures: dict[str, list[Picture]],
) -> None:
    results = [measured[name] for name in NAMES if name in measured]
    document = {"of": of, "results": [result.as_dict() for result in results]}
    write_json(run.folder / "diagnose.json", document)
    model = called(run.config.spec.encoder)
    unit = f" ({target.unit})" if target.unit else ""
    if target.kind is Kind.EXTENSIVE and target.unit:
        unit += f", compared per atom ({target.unit_per_atom})"
    page = render_diagnosis(
        results,
        quantity,
        pictures,
        title=f"{model} on {target.name}: diagnosis",
        kicker=f"{target.name}{unit}, {target.kind} · {model} · {run.folder.name}",
    )
    write_atomically(run.folder / "diagnose.html", page)
