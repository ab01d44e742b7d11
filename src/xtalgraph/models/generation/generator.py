"""A trained generator: its network, and the compositions that it has learned from."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xtalgraph.conventions.documents import read_document, reading
from xtalgraph.conventions.errors import RunError
from xtalgraph.conventions.settings import settings_from
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.models.checkpoint import GENERATOR, check_finite, read_weights, save_weights
from xtalgraph.models.generation.generator_settings import GeneratorConfig
from xtalgraph.models.generation.network import FlowNetwork
from xtalgraph.models.upgrades import FORMAT


@dataclass(frozen=True, eq=False)
class Generator:
    """Draws crystals of given compositions."""

    network: FlowNetwork
    """In evaluation mode."""
    compositions: Mapping[str, int]
    """Formulas of the cells in the training part, not reduced, each with how often it is there."""
    elements: tuple[int, ...]
    """Atomic numbers that the training part holds, ascending."""

    @classmethod
    def load(cls, folder: Path) -> "Generator":
        """Read what `save_generator` wrote.

        Args:
            folder: The run.

        Raises:
            RunError: If it holds no generator, or a file is damaged.
        """
        path = folder / "model.json"
        if not path.is_file():
            raise RunError(
                f"{folder} holds no model.json: it is no run folder, or its training has not "
                "ended; repeat its `xtalgraph train-generator` command with --resume"
            )
        document = read_document(path)
        if GENERATOR not in document:
            raise RunError(
                f"{folder} holds a model that draws no crystals: give a run of "
                "`xtalgraph train-generator`"
            )
        with reading(path):
            if document["format"] > FORMAT:
                raise RunError(f"{path} is of a newer xtalgraph: install that")
            config = settings_from(GeneratorConfig, document[GENERATOR], GENERATOR)
            weights = read_weights(folder / "model.safetensors", document["weights_sha256"])
            compositions = {str(k): int(v) for k, v in document["compositions"].items()}
            numbers = tuple(int(number) for number in document["elements"])
        network = FlowNetwork(config)
        try:
            network.load_state_dict(weights)
        except RuntimeError as error:
            raise RunError(f"{folder} holds the weights of another network: {error}") from error
        return cls(network.eval(), compositions, numbers)


def is_generator(folder: Path) -> bool:
    """Return whether a folder holds a generator, and no model that predicts."""
    path = folder / "model.json"
    return path.is_file() and GENERATOR in read_document(path)


def save_generator(
    folder: Path, network: FlowNetwork, learned: Sequence[Crystal], record: Mapping[str, Any]
) -> None:
    """Write ``model.safetensors`` and ``model.json``.

    Args:
        folder: The run.
        network: What has learned.
        learned: The training part.
        record: What else is to be known of it.

    Raises:
        RunError: If a weight is no finite number.
    """
    check_finite(network, folder)
    names, counts = np.unique([crystal.formula for crystal in learned], return_counts=True)
    known = {
        GENERATOR: asdict(network.config),
        "elements": sorted({z for crystal in learned for z in crystal.elements}),
        "compositions": dict(zip(names.tolist(), counts.tolist(), strict=True)),
    }
    save_weights(folder, network, known | dict(record))
