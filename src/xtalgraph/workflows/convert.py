"""Convert: a model of another package becomes a run folder."""

import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from safetensors import SafetensorError, safe_open

from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.conventions.files import file_errors, make_folder
from xtalgraph.conventions.settings import checks_arguments
from xtalgraph.models.checkpoint import check_finite, save_model
from xtalgraph.models.converted import mace_torch, nequip
from xtalgraph.models.manifest import write_manifest
from xtalgraph.models.model import Model
from xtalgraph.models.spec import ModelSpec
from xtalgraph.workflows.record import versions

_FORMATS: Final[Mapping[str, Callable[[Any, Any], tuple[ModelSpec, Model]]]] = {
    mace_torch.FORMAT: mace_torch.convert,
    nequip.FORMAT: nequip.convert,
}
"""What reads the weights and the settings of each package, by its format."""


@dataclass(frozen=True)
class Converted:
    """A run folder without a training."""

    folder: Path
    spec: ModelSpec
    elements: tuple[str, ...]
    """What it knows."""


@checks_arguments
def convert(archive: str | Path, *, out: str | Path) -> Converted:
    """Make a run folder of the exported weights of another package's potential.

    `predict`, `verify` on given crystals, the calculator and simulations take the folder; it has no
    data, so that nothing is known of its errors nor of what is new to it.

    Args:
        archive: What ``scripts/export_mace.py`` has written in the environment of mace-torch, or
            ``scripts/nequip_weights.py`` in that of nequip.
        out: The run folder to make.

    Raises:
        ConfigError: If the folder is there already.
        InputError: If the file is no such archive, or the model has something that ours has not.
    """
    path, folder = Path(archive), Path(out)
    if folder.exists():
        raise ConfigError(f"{folder} is there already: choose another folder with --out")
    name, weights, settings = _read(path)
    if name not in _FORMATS:
        raise InputError(
            f"{path} is no archive of weights that can be read: it must be of the format "
            f"{' or '.join(_FORMATS)}; docs/potentials.md tells how it is written"
        )
    try:
        spec, model = _FORMATS[name](weights, settings)
    except KeyError as error:
        raise InputError(f"{path} lacks {error}: write it anew with the same script") from error
    except InputError as error:
        raise InputError(f"{path} has no place here: {error}") from error
    check_finite(model, path)
    elements = tuple(spec.settings["elements"])
    make_folder(folder)
    record = {"elements": sorted(elements), "versions": versions(), "manifest": True, "members": 1}
    save_model(folder, model, spec, record | {"converted": name})
    write_manifest(folder)
    return Converted(folder, spec, elements)


def _read(path: Path) -> tuple[str, Mapping[str, Any], dict[str, Any]]:
    """Return the format of a file, its arrays and its settings; no format where it has none."""
    if path.suffix == ".safetensors":
        try:
            with file_errors(path), safe_open(path, "pt") as file:
                metadata = file.metadata() or {}
                weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return metadata.get("format", ""), weights, json.loads(metadata.get("settings", "{}"))
        except (SafetensorError, ValueError) as error:
            raise InputError(f"{path} is no safetensors file with settings: {error}") from error
    try:
        with file_errors(path), np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path} is no archive of plain weights, .npz: it is another kind of file, or damaged; "
            "docs/potentials.md tells how one is written"
        ) from error
    try:
        settings = json.loads(str(arrays["settings"]))
        return settings["format"], arrays, settings
    except (KeyError, TypeError, ValueError):
        return "", arrays, {}
