"""Fine-tune: a trained run learns from other data, beside the same model from fresh weights."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Unpack

from xtalgraph.conventions.declarations import Spelled
from xtalgraph.conventions.documents import read_document, write_json
from xtalgraph.conventions.settings import checks_arguments
from xtalgraph.conventions.voigt import name_of
from xtalgraph.data.potential_targets import potential_targets
from xtalgraph.data.targets import Target
from xtalgraph.evidence.run_files import TRANSFER
from xtalgraph.models.manifest import MANIFEST
from xtalgraph.models.named_models import run_folder
from xtalgraph.models.potential import Potential
from xtalgraph.models.predictor import Predictor
from xtalgraph.models.spec import ModelSpec
from xtalgraph.models.transfer import same_target
from xtalgraph.training.settings import FROM_SCRATCH, GAUSSIAN, Depth
from xtalgraph.workflows.config import CALIBRATION_FRACTION, RunConfig
from xtalgraph.workflows.executor import Session
from xtalgraph.workflows.prepared import Preparations
from xtalgraph.workflows.request import Request
from xtalgraph.workflows.run import Run
from xtalgraph.workflows.setting_names import SeededOptions, with_settings
from xtalgraph.workflows.starting_point import weights_sha256
from xtalgraph.workflows.train import finish, train_run
from xtalgraph.workflows.transfer_assessment import assess_transfer

SCRATCH: Final = "scratch"
"""In the folder of a fine-tuned run: the run of the same model from fresh weights."""
_OF_DATA: Final = ("state_width", "fidelities", "elements")
"""Settings of an encoder that follow from the data."""


@dataclass(frozen=True)
class Finetuned:
    """A fine-tuned run, and what the parent was worth."""

    run: Run
    """The run; whatever takes a run takes its folder."""

    @cached_property
    def transfer(self) -> dict[str, Any]:
        """The content of ``transfer.json``: leaks, the paired test against scratch, forgetting."""
        return read_document(self.run.folder / TRANSFER)

    @property
    def scratch(self) -> Run | None:
        """The same model from fresh weights, on the same split; None where it was left out."""
        folder = self.run.folder / SCRATCH
        return Run.open(folder) if Run.is_finished(folder) else None


@checks_arguments
@with_settings
def finetune(
    run: str | Path,
    data: Any,
    *,
    out: Annotated[str | Path, Spelled("DIR")],
    depth: Depth = "full",
    replay: Annotated[str | Path | None, Spelled("DATA")] = None,
    no_scratch: bool = False,
    intervals: bool = False,
    resume: bool = False,
    progress: bool = True,
    **options: Unpack[SeededOptions],
) -> Finetuned:
    """Start from a trained run, learn from other data, and test whether that helped.

    Architecture, its settings and the graph are those of the parent. A target that the parent has
    keeps its head, another has a fresh one; without ``target`` those of the parent are learned. The
    same model is trained from fresh weights on the same split, in ``scratch/``, and both are
    compared by a paired test.

    Args:
        run: The parent, a run folder.
        data: As `train` takes it.
        out: Folder to write.
        depth: What moves: the head, the layers in turn, or all. The last layer is released first,
            see ``finetuning.release``.
        replay: Mixed in against forgetting. These are crystals that the parent knows, with the
            labels that are learned; ``finetuning.replay_weight`` is the weight of their loss.
        no_scratch: Train no model from fresh weights. The test is left out with it.
        intervals: Calibrate 90 % intervals.
        resume: Go on with a killed run; same bits.
        progress: Show progress bars on standard error.
        **options: Settings.

    Raises:
        ConfigError: On settings that cannot be, or that are not those of the parent.
        InputError: If the data cannot be used.
        RunError: If the parent is no run, or the folder holds another run.
        Stopped: On SIGTERM or Ctrl-C; the state of the training is saved before.
    """
    parent = Predictor.load(run, without_target=True)
    begun = {
        "parent": str(run),
        "parent_sha256": weights_sha256(run_folder(run)),
        "release": depth,
        "replay": None if replay is None else str(replay),
    }
    request = _request(data, options, parent, begun)
    aside = intervals and not request.sections["data"].get("calibration_fraction")
    changes = {"data.calibration_fraction": CALIBRATION_FRACTION} if aside else {}
    config, folder = request.config(changes), Path(out)
    preparations = Preparations(request)
    session = Session(progress=progress, resume=resume)
    if resume:
        _discard_unlisted(folder)
    tuned = train_run(preparations, config, folder, session)
    if (folder / TRANSFER).is_file():
        return Finetuned(tuned)
    scratch = None
    if not no_scratch:
        fresh = replace(config, finetuning=FROM_SCRATCH)
        again = Session(progress=progress, resume=True)
        scratch = train_run(preparations, fresh, folder / SCRATCH, again)
    divided = preparations.prepared(config, progress=progress).divided
    document = assess_transfer(parent, tuned, scratch, divided, progress=progress)
    write_json(folder / TRANSFER, document)
    finish(folder)
    return Finetuned(Run.open(folder))


def _discard_unlisted(folder: Path) -> None:
    """Remove the document of a process that was killed before the manifest listed it."""
    path, manifest = folder / TRANSFER, folder / MANIFEST
    there = path.is_file() and manifest.is_file()
    if there and TRANSFER not in read_document(manifest).get("files", {}):
        path.unlink()


def _request(
    data: Any, options: Mapping[str, Any], parent: Predictor, begun: Mapping[str, Any]
) -> Request:
    """Return what was asked for, filled in with what the parent is."""
    asked = Request.of(data, options)
    given = {name: dict(section) for name, section in asked.sections.items()}
    spec, section = parent.spec, given["data"]
    given["data"] = _declared(section, spec)
    encoder = {k: v for k, v in spec.settings.items() if k not in _OF_DATA}
    if "neighbors" in encoder:
        encoder["neighbors"] = parent.members[0].encoder.neighbors
    of_model = {"name": spec.encoder, **encoder, **_of_potential(given["data"], parent)}
    of_graph = {"strategy": spec.strategy, **spec.strategy_settings}
    training: dict[str, Any] = {"members": len(parent.members)}
    if spec.variance and section.get("target") is None:
        training["loss"] = GAUSSIAN
    sections = {
        **given,
        "model": {**of_model, **given.get("model", {})},
        "graph": {**of_graph, **given.get("graph", {})},
        "training": {**training, **given.get("training", {})},
        "finetuning": {**begun, **given.get("finetuning", {})},
    }
    if "readout" not in sections["model"]:
        resolved = RunConfig.from_sections(sections)
        sections["model"]["readout"] = _readouts(resolved.spec, spec)
    return replace(asked, sections=sections)


def _declared(section: Mapping[str, Any], parent: ModelSpec) -> dict[str, Any]:
    """Return the section ``data`` with what the parent knows of its targets and conditions."""
    filled = dict(section)
    if filled.get("target") is None:
        filled["target"] = [target.name for target in parent.targets]
    names = filled["target"] if isinstance(filled["target"], list) else [filled["target"]]
    known = {target.name: target for target in parent.targets if target.name in names}
    if known and potential_targets(names) is None:
        ours = [known.get(name) for name in names]
        for key, (of, usual) in _FIELDS.items():
            values = [usual if target is None else of(target) for target in ours]
            if key not in filled and any(value != usual for value in values):
                filled[key] = values
        tensors = [f"{t.name}={name_of(t.tensor)}" for t in known.values() if t.is_tensor]
        if tensors:
            filled.setdefault("tensor", tensors)
        classes = [list(target.classes) for target in known.values() if target.classes]
        if classes:
            filled.setdefault("classes", classes[0])
    filled.setdefault("disorder", parent.disorder)
    conditions = parent.conditions
    if conditions.numbers:
        filled.setdefault("conditions", list(conditions.numbers))
    if conditions.fidelity:
        filled.setdefault("fidelity", conditions.fidelity)
        filled.setdefault("fidelities", list(conditions.fidelities))
    if conditions.delta and names == [target.name for target in parent.targets]:
        filled.setdefault("delta", conditions.delta)
    return filled


_FIELDS: Final = {
    "kind": (lambda target: str(target.kind), "intensive"),
    "task": (lambda target: str(target.task), "regression"),
    "unit": (lambda target: target.unit, ""),
    "best": (lambda target: target.best or "low", "low"),
    "size": (lambda target: target.tensor.copies if target.tensor.shape and not
             target.is_tensor else None, None),
}  # fmt: skip
"""Of a target, by the setting that declares it: what it is, and what it is by default."""


def _of_potential(section: Mapping[str, Any], parent: Predictor) -> dict[str, Any]:
    """Return terms and energies of isolated atoms of a parent, where both are potentials."""
    names = section["target"] if isinstance(section["target"], list) else [section["target"]]
    first = parent.members[0]
    if potential_targets(names) is None or not isinstance(first, Potential):
        return {}
    settings: dict[str, Any] = {"terms": {k: dict(v) for k, v in parent.spec.terms.items()} or None}
    if first.isolated is not None:
        settings["reference_energies"] = first.isolated.known()
    return {key: value for key, value in settings.items() if value}


def _readouts(spec: ModelSpec, parent: ModelSpec) -> str | list[str]:
    """Return the readout of the parent for each target that it has, and else what follows."""
    known = dict(zip(parent.read_out, parent.readouts, strict=True))

    def of(target: Target) -> str:
        return next((known[old] for old in known if same_target(target, old)), "auto")

    return of(spec.read_out[0]) if spec.is_potential else [of(target) for target in spec.targets]
