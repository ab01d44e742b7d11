"""Assess a trained generator on the crystals that it has not learned."""

from collections.abc import Sequence
from itertools import compress
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from xtalgraph.conventions.choices import Device
from xtalgraph.conventions.declarations import Spelled
from xtalgraph.conventions.ranges import Count, Range
from xtalgraph.conventions.settings import checks_arguments
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.models.generation.sampling import STEPS
from xtalgraph.workflows.assess_generation import GenerationAssessment, assess_generation
from xtalgraph.workflows.generate import ANNEAL, Anneal, Steps, draw, parts_of_generator


@checks_arguments
def assess_generator(
    run: str | Path,
    *,
    out: Annotated[str | Path, Spelled("DIR")],
    crystals: Annotated[Count, Spelled("N")] = 200,
    copies: Annotated[Count, Spelled("K")] = 5,
    energy: Annotated[str | Path | None, Spelled("RUN")] = None,
    data: Any = None,
    steps: Steps = STEPS,
    anneal: Anneal = ANNEAL,
    seed: Annotated[int, Range(0, 2**32 - 1)] = 0,
    device: Device = "cpu",
    progress: bool = True,
) -> GenerationAssessment:
    """Compare what a generator draws with held-out crystals; write ``generated.html`` and JSON.

    For each of some crystals of the test part the generator draws crystals of the same atoms. So do
    substitution in training crystals and, where PyXtal is installed, random search in as much time.
    A crystal with an element that was not learned is not drawn, and counts as without a match.

    Args:
        run: A run folder of `train_generator`.
        out: Folder to write.
        crystals: Held-out crystals at most, drawn at random.
        copies: Crystals that are drawn for each.
        energy: A run folder or the name of a model that predicts an energy: that of what was drawn.
        data: Where the crystals of the run are now; by default where they were.
        steps: Steps from noise to a crystal.
        anneal: By how much faster sites move at the end than at the beginning.
        seed: Of the noise, of the baselines, and of the choice of held-out crystals.
        device: Device to compute on; a GPU differs in the last digits.
        progress: Show progress bars on standard error.

    Raises:
        RunError: If the run is no generator.
        InputError: If its crystals are not there, or are others.
        ConfigError: If the run for energies does not predict one energy for each crystal.
    """
    parts = parts_of_generator(run, data, progress=progress)
    rows = np.random.default_rng(seed).permutation(len(parts["test"]))[:crystals]

    learned = {z for crystal in parts["train"] for z in crystal.elements}

    def drawn(held_out: Sequence[Crystal]) -> list[list[Crystal | None]]:
        can = [learned.issuperset(crystal.elements) for crystal in held_out]
        done = draw(
            run,
            [crystal.numbers for crystal in compress(held_out, can)],
            copies=copies,
            seed=seed,
            steps=steps,
            anneal=anneal,
            device=device,
            progress=progress,
        )
        return [
            [made.crystal for made in next(done)] if known else [None] * copies for known in can
        ]

    held_out = [parts["test"][row] for row in rows.tolist()]
    return assess_generation(
        drawn, held_out, parts["train"], out=out, energy=energy, seed=seed, progress=progress
    )
