"""Assess generated crystals: draw for held-out crystals, and compare with them and baselines."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from xtalgraph.baselines.random_structures import RandomStructures
from xtalgraph.baselines.structure_source import StructureSource
from xtalgraph.baselines.templates import NearestTemplate, PrototypeTemplate
from xtalgraph.conventions.documents import write_json
from xtalgraph.conventions.errors import ConfigError, MissingExtraError
from xtalgraph.conventions.files import make_folder
from xtalgraph.conventions.logs import log
from xtalgraph.crystals.composition import composition_key
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.targets import Kind
from xtalgraph.evidence.generation import DrawnSet, HeldOut, compared
from xtalgraph.evidence.numbers import seconds
from xtalgraph.evidence.pages.generation import write_generation_page
from xtalgraph.workflows.run import Run

_MOST_RANDOM: Final = 10
"""Random structures at most, as a multiple of the draws of the model."""


@dataclass(frozen=True)
class GenerationAssessment:
    """How good generated crystals are."""

    page: Path
    """The page; ``generated.json`` beside it has the numbers."""
    document: dict[str, Any]
    """The numbers."""


def assess_generation(
    draw: Callable[[Sequence[Crystal]], Sequence[Sequence[Crystal | None]]],
    held_out: Sequence[Crystal],
    training: Sequence[Crystal],
    *,
    out: str | Path,
    name: str = "model",
    energy: str | Path | None = None,
    seed: int = 0,
    progress: bool = True,
) -> GenerationAssessment:
    """Draw crystals with the atoms of held-out ones; write ``generated.json`` and its page.

    The same is drawn by substitution in training crystals and, where PyXtal is installed, at random
    in as much time.

    Args:
        draw: Takes the held-out crystals, of which it may use the atomic numbers alone, and returns
            as many draws for each; None where one failed.
        held_out: What is drawn for.
        training: What was trained on.
        out: Folder to write.
        name: Of the model.
        energy: A run folder or the name of a model that predicts an energy, for the energy of what
            is drawn.
        seed: Of the baselines.
        progress: Show progress bars on standard error.

    Raises:
        InputError: If nothing is held out, or nothing was trained on.
        ConfigError: If the run for energies does not predict one energy for each crystal.
    """
    folder = Path(out)
    make_folder(folder)
    reference = HeldOut(held_out, training, None if energy is None else _energies(energy))
    began = time.monotonic()
    rows = [tuple(row) for row in draw(held_out)]
    model = DrawnSet(name, rows, time.monotonic() - began)
    draws = max(1, *map(len, rows))
    sources: list[tuple[StructureSource, int]] = [
        (NearestTemplate(training), draws),
        (PrototypeTemplate(training), draws),
    ]
    try:
        limit = model.seconds / len(held_out)
        sources.append((RandomStructures(limit), _MOST_RANDOM * draws))
    except MissingExtraError as error:
        log.warning("random search is left out: %s", error)
    drawn = [model, *(_drawn(source, held_out, count, seed) for source, count in sources)]
    measured = []
    for item in drawn:
        log.info("%s: drawn in %s", item.name, seconds(item.seconds))
        measured.append(reference.assess(item, progress=progress))
    known = {composition_key(crystal) for crystal in training}
    document = {
        "held_out": len(held_out),
        "different": len(reference.different),
        "training": len(training),
        "shared_compositions": sum(composition_key(crystal) in known for crystal in held_out),
        "sources": measured,
        "compared": {other["name"]: compared(measured[0], other) for other in measured[1:]},
    }
    write_json(folder / "generated.json", document)
    pairs = [
        (held, row[0], distance)
        for held, row, distance in zip(held_out, rows, measured[0]["distances"], strict=True)
        if row and row[0] is not None
    ]
    return GenerationAssessment(write_generation_page(folder, document, pairs), document)


def _drawn(source: StructureSource, held_out: Sequence[Crystal], count: int, seed: int) -> DrawnSet:
    began = time.monotonic()
    rows = [
        source.draw(crystal.numbers, count, np.random.default_rng([seed, row]))
        for row, crystal in enumerate(held_out)
    ]
    return DrawnSet(source.name, rows, time.monotonic() - began)


def _energies(run: str | Path) -> Callable[[Sequence[Crystal]], Float[np.ndarray, " crystals"]]:
    """Return what predicts the energy per atom, NaN for a crystal that the run cannot read."""
    predictor = Run.open(run).predictor
    target = next((t for t in predictor.targets if t.is_one_number and "eV" in t.unit), None)
    if target is None:
        raise ConfigError(f"{run} predicts no energy of a crystal in eV")

    def energies(crystals: Sequence[Crystal]) -> Float[np.ndarray, " crystals"]:
        done = predictor.predict_crystals(crystals)
        values = np.full(len(crystals), np.nan)
        values[done.places] = done.predictions.values[target.name]
        if target.kind is Kind.EXTENSIVE:
            values /= np.array([len(crystal) for crystal in crystals])
        return values

    return energies
