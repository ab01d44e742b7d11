"""How far a training has come, and its states on disk: whole or not at all, checksummed."""

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, NamedTuple

import safetensors.torch
import torch
from jaxtyping import Float
from safetensors import SafetensorError
from torch import Tensor, nn

from xtalgraph.conventions.documents import DAMAGE, read_document
from xtalgraph.conventions.errors import FileError, RunError
from xtalgraph.conventions.files import file_errors, make_folder, write_atomically

STANDARD_ERRORS: Final = 1.0
"""By how many standard errors an epoch may be worse than the best, and still be selected."""
Report = Callable[[float, str], None]
"""Takes the part that is done, from 0 to 1, and what is to be shown beside it."""


def silent(part: float, text: str) -> None:
    """Report nothing."""


@dataclass
class Progress:
    """How far a training has come; plain values, saved with the state."""

    epoch: int = 0
    """Epochs done."""
    best_epoch: int = 0
    """Epoch of the best validation error, counted from 1."""
    best_error: float | None = None
    """Best validation error so far: the MAE in the target's unit, the log loss of classes,
    of several targets the mean over them, see `Objective`."""
    selected_epoch: int = 0
    """Epoch of the selected checkpoint, see `Trainer`."""
    selected_error: float | None = None
    """Validation error of the selected checkpoint."""
    seconds: float = 0.0
    """Time spent training, over all sittings."""
    history: list[dict[str, Any]] = field(default_factory=list)
    """One row an epoch, as in log.csv."""
    key: str = ""
    """What the training was made from; a state is resumed only by the same."""

    @property
    def selected(self) -> dict[str, Any]:
        """The row of the weights that the training leaves; empty before the first epoch."""
        return next((row for row in reversed(self.history) if row["selected"]), {})

    @classmethod
    def restored(cls, values: Mapping[str, Any]) -> "Progress":
        """Return what was saved, from what `vars` gave; a `TypeError` if it is not that."""
        made = cls(**values)
        for name in [declared.name for declared in fields(cls)]:
            value, usual = getattr(made, name), getattr(cls(), name)
            kinds = (int, float, type(None)) if usual is None else (type(usual), int)
            if not isinstance(value, kinds):
                raise TypeError(f"{name} is {value!r}")
        if not all(isinstance(row, dict) for row in made.history):
            raise TypeError("the history is no list of rows")
        return made


class Validation(NamedTuple):
    """What the validation part says of the averaged weights."""

    errors: Float[Tensor, " rows"]
    """Of each row; their mean is the validation error."""
    means: dict[str, float]
    """The error of each of several targets, by column in ``log.csv``."""


def is_worse(errors: Float[Tensor, " rows"], best: Float[Tensor, " rows"]) -> bool:
    """Return whether the mean of errors is larger by more than `STANDARD_ERRORS` standard errors.

    The standard error is that of the difference, row by row.

    Args:
        errors: Of rows.
        best: Of the same rows, with a mean that is not larger.

    >>> import torch
    >>> best = torch.tensor([1.0, 1.0, 1.0, 1.0])
    >>> is_worse(torch.tensor([3.0, 0.0, 2.0, 0.0]), best), is_worse(best + 0.1, best)
    (False, True)
    """
    if len(errors) < 2:
        return not bool((errors <= best).all())
    difference = errors - best
    standard_error = difference.std() / math.sqrt(len(difference))
    return not bool(difference.mean() <= STANDARD_ERRORS * standard_error)


POINTER = "state.json"
"""Names the newest complete state and its checksum; replacing it is what commits a state."""


def save_state(folder: Path, tensors: Mapping[str, Tensor], progress: Mapping[str, Any]) -> None:
    """Write a state beside the last one, then make it the newest, then remove the last one.

    At whatever moment the process dies, the folder holds one complete state.

    Args:
        folder: Where states are kept; made if it is not there.
        tensors: Weights and moments.
        progress: Plain values; ``progress["epoch"]`` names the file.

    Raises:
        FileError: If it cannot be written; the last state stays.
    """
    make_folder(folder)
    # Copies, since a network may hold one weight under two names, which safetensors refuses.
    apart = {k: v.detach().clone(memory_format=torch.contiguous_format) for k, v in tensors.items()}
    blob = safetensors.torch.save(apart)
    name = f"epoch-{progress['epoch']:06d}.safetensors"
    write_atomically(folder / name, blob)
    pointer = {"file": name, "sha256": hashlib.sha256(blob).hexdigest(), "progress": progress}
    pointer["pointer_sha256"] = _digest(pointer)
    write_atomically(folder / POINTER, json.dumps(pointer))
    for old in folder.glob("epoch-*.safetensors"):
        if old.name != name:
            old.unlink()


def load_state(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Read the newest state, None where there is none yet; a `RunError` if it is damaged."""
    pointer = folder / POINTER
    if not pointer.is_file():
        return None
    record = read_document(pointer)
    try:
        # States of before there was this checksum have none.
        if record.pop("pointer_sha256", None) not in (None, _digest(record)):
            raise RunError(damaged(folder, f"{POINTER} does not match its own checksum"))
        name, progress = record["file"], record["progress"]
        if not (isinstance(name, str) and re.fullmatch(r"epoch-\d{6,}\.safetensors", name)):
            raise RunError(damaged(folder, f"{name!r} is not the name of a state"))
        if not isinstance(progress, dict):
            raise RunError(damaged(folder, "it holds no progress"))
        with file_errors(folder / name):
            blob = (folder / name).read_bytes()
        if hashlib.sha256(blob).hexdigest() != record["sha256"]:
            raise RunError(damaged(folder, f"{name} does not match its checksum"))
        return safetensors.torch.load(blob), progress
    except (FileError, SafetensorError, *DAMAGE) as error:
        raise RunError(damaged(folder, str(error))) from error


def prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors with a prefix before each name."""
    return {f"{prefix}/{name}": value for name, value in tensors.items()}


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors under a prefix, without it."""
    start = f"{prefix}/"
    return {name[len(start) :]: value for name, value in tensors.items() if name.startswith(start)}


def snapshot(module: nn.Module) -> dict[str, Tensor]:
    """Return a copy of the state of a module."""
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def _digest(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def damaged(folder: Path, what: str) -> str:
    """Return the message about a state that cannot be used."""
    return (
        f"the saved training state in {folder} is damaged: {what}. "
        "Delete that folder and start again without --resume"
    )
