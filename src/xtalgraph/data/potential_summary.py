"""What the labels of a potential are like: how many, how large, and whether they fit together."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.data.dataset import Dataset
from xtalgraph.data.potential_labels import (
    StressCheck,
    check_stress,
    isolated_atoms,
    role_of_target,
)
from xtalgraph.data.potential_targets import Role

WORST: Final = 3
"""Crystals with the largest forces that are named."""
FAR: Final = 20.0
"""Times the median of the largest forces of all crystals: such a force is told."""
DENSE: Final = 1.0
"""eV/Å³, 160 GPa: a pressure that the median crystal of no data set has."""


@dataclass(frozen=True)
class LabelSummary:
    """The labels of a potential in numbers."""

    crystals: int
    atoms: int
    """In all of them."""
    counts: dict[Role, int]
    """How many crystals have each label."""
    ranges: dict[Role, tuple[float, float]]
    """Smallest and largest: energies per atom, eV; lengths of forces, eV/Å; pressures, eV/Å³."""
    by_element: dict[str, tuple[int, float]]
    """How many atoms of each element have a force, and the largest force on one."""
    worst: tuple[tuple[str, float], ...]
    """The crystals with the largest forces, by id, eV/Å."""
    far: bool
    """Whether the largest force is far from those of the other crystals."""
    dense: bool
    """Whether pressures are larger than can be."""
    elements: tuple[str, ...]
    """What the crystals hold."""
    independent: int
    """How many energies of elements the compositions tell apart."""
    isolated: dict[str, float]
    """Energies of frames that hold a single atom far from its images, eV, by element."""
    stress: StressCheck | None
    """Stresses beside the energies of strained copies; None where there are none."""


def summarise_labels(dataset: Dataset) -> LabelSummary:
    """Count and compare the labels of a potential."""
    labels, crystals = dataset.labels, dataset.table.crystals
    names = {role_of_target(target): target.name for target in dataset.targets}
    counts = {role: int(labels.known(name).sum()) for role, name in names.items()}
    ranges: dict[Role, tuple[float, float]] = {}
    energies = labels[names["energy"]] / labels.num_atoms
    ranges["energy"] = float(np.nanmin(energies)), float(np.nanmax(energies))
    by_element: dict[str, tuple[int, float]] = {}
    worst: tuple[tuple[str, float], ...] = ()
    far, dense, check = False, False, None
    if "forces" in names:
        lengths = np.linalg.norm(labels[names["forces"]], axis=1)
        known = ~np.isnan(lengths)
        ranges["forces"] = float(lengths[known].min()), float(lengths[known].max())
        numbers = np.concatenate([crystal.site_numbers for crystal in crystals])
        for number in np.unique(numbers[known]).tolist():
            of_element = lengths[known & (numbers == number)]
            by_element[SYMBOLS[number]] = len(of_element), float(of_element.max())
        ends = np.cumsum(labels.num_atoms)
        largest = np.array([np.max(part, initial=0.0) for part in np.split(lengths, ends[:-1])])
        order = np.argsort(-np.nan_to_num(largest, nan=-1.0))[:WORST]
        worst = tuple((dataset.table.ids[n], float(largest[n])) for n in order)
        far = bool(np.nanmax(largest) > FAR * max(np.nanmedian(largest), 1e-3))
    if "stress" in names:
        stresses = labels[names["stress"]]
        pressures = -np.trace(stresses, axis1=1, axis2=2) / 3.0
        ranges["stress"] = float(np.nanmin(pressures)), float(np.nanmax(pressures))
        dense = bool(np.nanmedian(np.abs(pressures)) > DENSE)
        check = check_stress(crystals, labels[names["energy"]], stresses)
    amounts = np.stack([crystal.amounts for crystal in crystals])
    present = np.flatnonzero(amounts.any(axis=0)).tolist()
    return LabelSummary(
        len(dataset),
        int(labels.num_atoms.sum()),
        counts,
        ranges,
        by_element,
        worst,
        far,
        dense,
        tuple(SYMBOLS[z] for z in present),
        int(np.linalg.matrix_rank(amounts / labels.num_atoms[:, None])),
        {
            SYMBOLS[z]: energy
            for z, energy in isolated_atoms(crystals, labels[names["energy"]]).items()
        },
        check,
    )
