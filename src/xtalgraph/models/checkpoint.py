"""A model on disk: weights in safetensors, everything else in JSON, no pickle."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import safetensors.torch
import torch

from xtalgraph.conventions.errors import RunError
from xtalgraph.conventions.files import write_atomically
from xtalgraph.models.property_model import PropertyModel
from xtalgraph.models.spec import ModelSpec

FORMAT: Final[int] = 4
"""Version of the files; a reader refuses what is newer than itself. 2 knows classes
and several targets, 3 the state of a crystal and several members, 4 a learned variance."""


def save_model(folder: Path, model: PropertyModel, spec: ModelSpec, record: dict[str, Any]) -> None:
    """Write ``model.safetensors`` and ``model.json``.

    Args:
        folder: The run.
        model: Its weights.
        spec: What it is.
        record: What else is to be known of it: elements seen, versions, hash of the data, the
            number of members if there are several.
    """
    state = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    weights = safetensors.torch.save(state)
    write_atomically(folder / "model.safetensors", weights)
    document = {
        "format": _format_of(spec, record),
        "model": spec.as_dict(),
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
    }
    text = json.dumps(document | record, indent=2, ensure_ascii=False)
    write_atomically(folder / "model.json", text + "\n")


def _format_of(spec: ModelSpec, record: Mapping[str, Any]) -> int:
    """Return the oldest format that says it all: a reader of 1 would take log-odds for values."""
    if spec.variance:
        return 4
    if spec.conditions or record.get("members", 1) > 1:
        return 3
    return 2 if spec.beside or spec.target.is_class else 1


def member_folder(run: Path, number: int) -> Path:
    """Return where a member of a run is kept; the first, number 0, in the run folder itself.

    Args:
        run: The run.
        number: Of the member, from 0.
    """
    return run if number == 0 else run / "members" / str(number)


def check_is_run(folder: Path) -> None:
    """Refuse a folder in which there is no model.

    Args:
        folder: Of a run, or of a member.

    Raises:
        RunError: If a file is missing; the message names it.
    """
    for name in ("model.json", "model.safetensors"):
        if not (folder / name).is_file():
            raise RunError(
                f"{folder} holds no {name}: it is not a run folder, or its training has not "
                "ended; repeat its `xtalgraph train` command with --resume"
            )


def load_model(folder: Path) -> tuple[PropertyModel, ModelSpec, dict[str, Any]]:
    """Read a model back, on the CPU and in evaluation mode.

    Args:
        folder: The run.

    Returns:
        The model, what it is, and the whole of ``model.json``.

    Raises:
        RunError: If the files are missing, damaged, or of a newer format.
    """
    check_is_run(folder)
    try:
        document = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        if document["format"] > FORMAT:
            raise RunError(
                f"{folder / 'model.json'} has format {document['format']}, this xtalgraph reads "
                f"up to {FORMAT}: install a newer xtalgraph"
            )
        spec = ModelSpec.from_dict(document["model"])
        expected = document["weights_sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f"{folder / 'model.json'} is damaged: {error}") from error
    weights = (folder / "model.safetensors").read_bytes()
    if hashlib.sha256(weights).hexdigest() != expected:
        raise RunError(
            f"{folder / 'model.safetensors'} does not match the checksum in model.json: "
            "the file is damaged or belongs to another run"
        )
    state = safetensors.torch.load(weights)
    model = spec.make_model()
    if all(state[name].dtype == torch.float64 for name, _ in model.named_parameters()):
        model.double()
    model.load_state_dict(state)
    return model.eval(), spec, document
