"""A model on disk: weights in safetensors, everything else in JSON, no pickle."""

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from xtalgraph.conventions.documents import DAMAGE, read_document
from xtalgraph.conventions.errors import ConfigError, RunError, TargetError
from xtalgraph.conventions.files import file_errors, write_atomically
from xtalgraph.models.model import Model
from xtalgraph.models.spec import ModelSpec
from xtalgraph.models.upgrades import FORMAT, upgrade_model, upgrade_weights

GENERATOR: Final = "generator"
"""Key of ``model.json`` under which a generator has its settings, in place of ``model``."""


def save_model(folder: Path, model: Model, spec: ModelSpec, record: dict[str, Any]) -> None:
    """Write ``model.safetensors`` and ``model.json``, with a record of what else is to be known."""
    save_weights(folder, model, {"model": spec.as_dict()} | record)


def save_weights(folder: Path, model: nn.Module, record: Mapping[str, Any]) -> None:
    """Write ``model.safetensors``, and ``model.json`` with its checksum and what else is known."""
    state = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    weights = safetensors.torch.save(state)
    write_atomically(folder / "model.safetensors", weights)
    document = {"format": FORMAT, "weights_sha256": hashlib.sha256(weights).hexdigest()}
    text = json.dumps(document | dict(record), indent=2, ensure_ascii=False)
    write_atomically(folder / "model.json", text + "\n")


def member_folder(run: Path, number: int) -> Path:
    """Return where a member of a run is kept; the first, number 0, in the run folder itself."""
    return run if number == 0 else run / "members" / str(number)


def check_is_run(folder: Path) -> None:
    """Refuse a folder, of a run or a member, without a model: a `RunError` names the file."""
    for name in ("model.json", "model.safetensors"):
        if not (folder / name).is_file():
            raise RunError(
                f"{folder} holds no {name}: it is not a run folder, or its training has not "
                "ended; repeat its `xtalgraph train` command with --resume"
            )


def read_description(folder: Path) -> dict[str, Any]:
    """Read ``model.json`` of any format as the current one; a `RunError` if damaged or newer."""
    path = folder / "model.json"
    return _upgraded(path, _checked(path, read_document(path)), ())


def check_has_target(folder: Path) -> None:
    """Raise a `RunError` for a model that was pre-trained without labels and cannot predict."""
    if not read_description(folder)["model"]["targets"]:
        raise RunError(
            f"{folder} holds a model that was pre-trained without labels and has no target: it "
            "predicts nothing. Start from it by `xtalgraph finetune`, or write its vectors by "
            "`xtalgraph embed`"
        )


def load_model(folder: Path) -> tuple[Model, ModelSpec, dict[str, Any]]:
    """Read a model back, on the CPU and in evaluation mode.

    Args:
        folder: The run.

    Returns:
        The model, what it is, and the whole of ``model.json`` as the current format has it.

    Raises:
        RunError: If the files are missing, damaged, or of a newer format.
    """
    check_is_run(folder)
    description, path = folder / "model.json", folder / "model.safetensors"
    document = _checked(description, read_document(description))
    saved = read_weights(path, document["weights_sha256"])
    try:
        state = upgrade_weights(saved, document)
    except DAMAGE as error:
        raise RunError(f"{path} is damaged: {error}") from error
    document = _upgraded(description, document, saved)
    spec = _spec_of(description, document)
    _check_shapes(path, spec, state)
    model = spec.make_model()
    if all(state[name].dtype == torch.float64 for name, _ in model.named_parameters()):
        model.double()
    model.load_state_dict(state)
    return model.eval(), spec, document


def read_weights(path: Path, checksum: str) -> dict[str, Tensor]:
    """Read a file of weights, which must have a SHA-256."""
    with file_errors(path):
        weights = path.read_bytes()
    if hashlib.sha256(weights).hexdigest() != checksum:
        raise RunError(
            f"{path} does not match the checksum in model.json: the file is damaged or belongs to "
            "another run"
        )
    try:
        return safetensors.torch.load(weights)
    except (SafetensorError, *DAMAGE) as error:
        raise RunError(f"{path} is damaged: {error}") from error


def check_finite(model: nn.Module, where: Path | str) -> None:
    """Raise a `RunError` if a weight is no finite number; `where` is the model in the message."""
    for name, value in model.state_dict().items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise RunError(
                f"{where}: the weights {name} are not all finite, and nothing can be predicted "
                "with them. Train again, with a lower training.learning_rate or training.clip_norm"
            )


def _checked(path: Path, document: dict[str, Any]) -> dict[str, Any]:
    """Return a description that has a format, one that is read, and a checksum of the weights."""
    version, checksum = document.get("format"), document.get("weights_sha256")
    if type(version) is not int or version < 1 or not isinstance(checksum, str):
        raise RunError(
            f"{path} is damaged: its format is {version!r}, and the checksum of the weights "
            f"{checksum!r}"
        )
    if GENERATOR in document:
        raise RunError(
            f"{path.parent} holds a generator, which draws crystals by `xtalgraph generate` and "
            "predicts nothing"
        )
    if version > FORMAT:
        raise RunError(
            f"{path} has format {version}, this xtalgraph reads up to {FORMAT}: install a newer "
            "xtalgraph"
        )
    return document


def _upgraded(path: Path, document: dict[str, Any], weights: Collection[str]) -> dict[str, Any]:
    try:
        return upgrade_model(document, weights)
    except DAMAGE as error:
        raise RunError(f"{path} is damaged: {error!r}") from error


def _spec_of(path: Path, document: Mapping[str, Any]) -> ModelSpec:
    """Return what the model is, from a document that may hold anything."""
    try:
        return ModelSpec.from_dict(document["model"])
    except (ConfigError, TargetError) as error:
        raise RunError(f"{path} describes no model: {error}") from error
    except DAMAGE as error:
        raise RunError(f"{path} is damaged: {error!r}") from error


def _check_shapes(path: Path, spec: ModelSpec, state: Mapping[str, torch.Tensor]) -> None:
    """Compare the weights in a file with those of the model, before memory is taken for it."""
    if spec.settings.get("depth", 0) > len(state):
        raise RunError(
            f"{path} holds {len(state)} arrays, too few for a model of depth "
            f"{spec.settings['depth']}: model.json is of another run, or damaged"
        )
    with torch.device("meta"):  # shapes alone
        wanted = {name: value.shape for name, value in spec.make_model().state_dict().items()}
    saved = {name: value.shape for name, value in state.items()}
    wrong = sorted(name for name in {*wanted, *saved} if wanted.get(name) != saved.get(name))
    if wrong:
        name = wrong[0]
        raise RunError(
            f"{path} does not hold the weights of the model in model.json: {name} must be "
            f"{_shape(wanted.get(name))} and is {_shape(saved.get(name))}: a file is of another "
            "run, or damaged"
        )


def _shape(shape: torch.Size | None) -> str:
    return "missing" if shape is None else f"of shape {tuple(shape)}"
