"""The labels of a potential in the columns of a table, by whatever names and in whatever form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from jaxtyping import Float

from xtalgraph.conventions.elements import ATOMIC_NUMBERS
from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.settings import nearest
from xtalgraph.conventions.units import GPA
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.extxyz import FROM_VOIGT
from xtalgraph.data.label_reading import is_missing
from xtalgraph.data.potential_targets import SPELLINGS, Role
from xtalgraph.data.targets import Target
from xtalgraph.graphs.neighbors import neighbors_within

_SAME: Final = 1e-8
"""Two columns with the same label agree to this, relative."""
_ROLES: Final[Mapping[str, Role]] = {"position": "forces", "strain": "stress"}
_FREE: Final = "free_energy"


@dataclass(frozen=True)
class LabelKeys:
    """The columns of the labels, where they are not among the usual names."""

    energy: str | None = None
    """Of the energy of the cell, eV."""
    forces: str | None = None
    """Of the forces, eV/Å."""
    stress: str | None = None
    """Of the stress, eV/Å³, positive in tension, or of the virial, eV, if its name says so."""
    pulay_stress: Mapping[str, float] | None = None
    """Virial of each element that is subtracted from stresses, over the volume, eV/atom."""


NO_KEYS: Final = LabelKeys()
"""The usual names, and nothing is subtracted."""


@dataclass(frozen=True)
class FoundLabels:
    """The labels of some targets, one for each crystal."""

    values: Mapping[str, Sequence[Any]]
    """By the name of the target; None where a crystal has none."""
    columns: Mapping[str, str]
    """The column of each target."""
    notes: tuple[str, ...]
    """What was decided on the way, in words."""


def find_labels(
    columns: pd.DataFrame,
    crystals: Sequence[Crystal],
    targets: Sequence[Target],
    keys: LabelKeys = LabelKeys(),
) -> FoundLabels:
    """Take the labels of a potential from a table.

    A stress may be a matrix, nine numbers, or six in the order xx, yy, zz, yz, xz, xy. A virial W
    becomes the stress −W/V.

    Args:
        columns: One row for each crystal.
        crystals: The same crystals.
        targets: An energy and derivatives of it.
        keys: Columns that are named by the user.

    Raises:
        InputError: If a column is not there or is empty, or there are two that differ.
    """
    values: dict[str, Sequence[Any]] = {}
    sources: dict[str, str] = {}
    notes: list[str] = []
    for target in targets:
        role = role_of_target(target)
        column, note = _column(columns, role, target.name, getattr(keys, role))
        raw = list(columns[column])
        if all(map(is_missing, raw)):
            raise InputError(
                f"no crystal has {role}: the column {column!r} is empty in all {len(raw)} rows"
            )
        if role == "stress":
            of_virial = "virial" in column.lower()
            raw = [_stress(*pair, of_virial) for pair in zip(raw, crystals, strict=True)]
            if of_virial:
                note = f"stresses are made of the virials {column!r}, as −virial/volume"
            if keys.pulay_stress:
                raw = [
                    _without_pulay_stress(stress, crystal, keys.pulay_stress)
                    for stress, crystal in zip(raw, crystals, strict=True)
                ]
                notes.append(subtracted_in_words(keys.pulay_stress))
        values[target.name], sources[target.name] = raw, column
        notes += [note] if note else []
    return FoundLabels(values, sources, tuple(notes))


def role_of_target(target: Target) -> Role:
    """Return what a target is to a potential."""
    return "energy" if target.derivative is None else _ROLES[target.derivative.by]


def _column(columns: pd.DataFrame, role: Role, name: str, key: str | None) -> tuple[str, str]:
    """Return the column of a label, and what there is to say of the choice."""
    names = [str(column) for column in columns.columns]
    if key is not None:
        if key not in names:
            raise InputError(f"there is no column {key!r} for the {role}{nearest(key, names)}")
        return key, ""
    known = SPELLINGS[role]
    there = [column for column in names if column.lower() in known]
    there.sort(key=lambda column: (column != name, known.index(column.lower())))
    if name in names and name not in there:
        there.insert(0, name)
    if not there:
        raise InputError(
            f"there is no column of {role}: none of {', '.join(names) or '(there are none)'} "
            f"has a name for it. Say which it is with --{role}-key"
        )
    free = [column for column in there if column.lower().endswith(_FREE)]
    others = [column for column in there if column not in free]
    if free and others and not _agree(columns[free[0]], columns[others[0]]):
        return free[0], (
            f"the energies {free[0]!r} are taken, of which forces are the derivatives, and not "
            f"{others[0]!r}: --energy-key takes others"
        )
    for other in others[1:]:
        if not _agree(columns[others[0]], columns[other]):
            raise InputError(
                f"the columns {others[0]!r} and {other!r} are both {role}, and differ: say which "
                f"with --{role}-key"
            )
    taken = there[0]
    return taken, f"the {role} are those of the column {taken!r}" if taken != name else ""


def _agree(first: pd.Series, second: pd.Series) -> bool:
    for label, other in zip(first, second, strict=True):
        if is_missing(label) or is_missing(other):
            continue
        try:
            a, b = np.asarray(label, dtype=float), np.asarray(other, dtype=float)
        except (TypeError, ValueError):
            return False
        if a.shape != b.shape or not np.allclose(a, b, rtol=_SAME, atol=_SAME, equal_nan=True):
            return False
    return True


def _stress(raw: Any, crystal: Crystal, of_virial: bool) -> Any:
    """Return a stress as a matrix; what is none stays as it is, and is refused later."""
    if is_missing(raw):
        return None
    try:
        values = np.asarray(raw, dtype=float)
    except (TypeError, ValueError):
        return raw
    if values.shape == (6,):
        values = values[FROM_VOIGT]
    elif values.shape == (9,):
        values = values.reshape(3, 3)
    if values.shape != (3, 3):
        return raw
    return -values / crystal.volume if of_virial else values


def subtracted_in_words(virials: Mapping[str, float]) -> str:
    """Say what is subtracted from stresses.

    Args:
        virials: By element, eV/atom.
    """
    parts = ", ".join(f"{virial:g} eV for each atom of {name}" for name, virial in virials.items())
    return f"stress labels are without a Pulay stress, over the volume, of {parts}"


def _without_pulay_stress(raw: Any, crystal: Crystal, virials: Mapping[str, float]) -> Any:
    """Subtract the virials of the elements over the volume from a stress that is one."""
    if not isinstance(raw, np.ndarray) or raw.shape != (3, 3):
        return raw
    virial = sum(virials[name] * crystal.amounts[ATOMIC_NUMBERS[name]] for name in virials)
    return raw - virial / crystal.volume * np.eye(3)


@dataclass(frozen=True)
class StressCheck:
    """How stresses compare with the energies of strained copies of the same crystal."""

    pairs: int
    """How many pairs of crystals differ by a strain alone."""
    ratio: float
    """Change of the energy over the work of the stress: 1 where sign and unit are right."""

    @property
    def factor(self) -> str:
        """What is wrong, in words; empty where nothing is."""
        for size, text in _FACTORS.items():
            if abs(self.ratio * size - 1.0) < 0.3:
                return text
            if abs(self.ratio * size + 1.0) < 0.3:
                return f"{text}, and of the other sign" if size != 1.0 else "of the other sign"
        return "" if abs(self.ratio - 1.0) < 0.3 else UNKNOWN_FACTOR


UNKNOWN_FACTOR: Final = "of another unit or sign"
"""What is said where no unit explains the ratio."""
_FACTORS: Final = {1.0: "", GPA: "in GPa", 10.0 * GPA: "in kbar"}
"""How many times too large stresses are in the units that people have."""
_STRAIN: Final = 0.08
"""The largest strain between two crystals whose energies are compared."""
_PLACES: Final = 1e-3
"""How equal fractional coordinates of strained copies are."""


def check_stress(
    crystals: Sequence[Crystal],
    energies: Float[np.ndarray, " crystals"],
    stresses: Float[np.ndarray, "crystals 3 3"],
) -> StressCheck | None:
    """Compare stresses with energies of crystals that are strained copies of each other.

    Between two of them the energy changes by V σ:ε to third order, with σ and V at the middle.

    Args:
        crystals: Labelled ones.
        energies: Of the cells, eV; NaN where there is none.
        stresses: NaN where there is none.

    Returns:
        None if no two crystals differ by a strain alone.
    """
    known = [
        n
        for n in range(len(crystals))
        if np.isfinite(energies[n]) and np.isfinite(stresses[n]).all()
    ]
    groups: dict[bytes, list[int]] = {}
    for n in known:
        groups.setdefault(crystals[n].site_numbers.tobytes(), []).append(n)
    changes: list[tuple[float, float]] = []
    for members in groups.values():
        for rank, first in enumerate(members):
            for second in members[rank + 1 : rank + 40]:
                strain = strain_between(crystals[first], crystals[second])
                if strain is None:
                    continue
                volume = (crystals[first].volume + crystals[second].volume) / 2
                middle = (stresses[first] + stresses[second]) / 2
                work = volume * float(np.sum(middle * strain))
                changes.append((float(energies[second] - energies[first]), work))
    if not changes:
        return None
    change, work = np.array(changes).T
    total = float(np.sum(work * work))
    if total == 0.0:
        return None
    return StressCheck(len(changes), float(np.sum(change * work) / total))


def strain_between(first: Crystal, second: Crystal) -> Float[np.ndarray, "3 3"] | None:
    """Return the strain that makes the second crystal of the first, None if it is not one alone."""
    deformation = np.linalg.solve(first.cell, second.cell)
    size = np.abs(deformation - np.eye(3)).max()
    if not 1e-6 < size < _STRAIN:
        return None
    shift = second.fractional - first.fractional
    if np.abs(shift - np.round(shift)).max() > _PLACES:
        return None
    strain: Float[np.ndarray, "3 3"] = (deformation + deformation.T) / 2 - np.eye(3)
    return strain


FAR: Final = 5.0
"""An atom without a neighbour within so many Å, or within a longer cutoff, is isolated."""


def isolated_atoms(
    crystals: Sequence[Crystal], energies: Float[np.ndarray, " crystals"], cutoff: float = FAR
) -> dict[int, float]:
    """Return the energy of the isolated atom of each element that has one.

    Of several the lowest is taken: the others are excited.

    Args:
        crystals: Any.
        energies: Of each, eV; NaN where it is not known.
        cutoff: Up to which a neighbour is looked for, Å; at least `FAR`.

    Returns:
        eV, by atomic number.
    """
    lowest: dict[int, float] = {}
    for crystal, energy in zip(crystals, energies.tolist(), strict=True):
        if len(crystal) > 1 or crystal.occupancies is not None or not np.isfinite(energy):
            continue
        if not len(neighbors_within(crystal, max(cutoff, FAR))):
            number = int(crystal.numbers[0])
            lowest[number] = min(energy, lowest.get(number, energy))
    return lowest
