"""Whether the stresses among labels are the derivatives of the energies beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import t as student

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.potential_labels import role_of_target
from xtalgraph.data.potential_targets import Role
from xtalgraph.data.values import Values
from xtalgraph.nn.linear_potential.ace_basis import AceBasis, number_of_products
from xtalgraph.nn.linear_potential.basis import Basis
from xtalgraph.nn.linear_potential.moments import reference_energies
from xtalgraph.nn.linear_potential.pair_basis import PairBasis

FEWEST: Final = 20
"""Frames; fewer are not compared."""
_ATOMS: Final = 3000
"""Frames are drawn until they have so many atoms."""
_LARGEST: Final = 500
"""Atoms of a frame; larger ones are not drawn."""
_EMPTY: Final = 4.0
"""Times the median volume of an atom; frames with more are mostly vacuum and say little."""
_LIMITS: Final = ((8, 6), (6, 4), (5, 3), (4, 2), (3, 1), (2, 0))
"""Of the basis, the first with at most `_COLUMNS` functions."""
_COLUMNS: Final = 600
_FOLDS: Final = 5
_GROUPS: Final = 10
"""Of frames, each left out in turn for the intervals."""
_RIDGE: Final = 1e-8
"""Added to a normal matrix whose diagonal is 1."""
_ALIKE: Final = 1e-2
"""The same for how the virial of an element differs from that of all atoms."""
_GAIN: Final = 0.1
"""Part of the squared error of frames left out that a Pulay stress must remove."""


@dataclass(frozen=True)
class PulayStress:
    """What stresses have beside the derivative of the energies: a virial for each atom.

    A plane-wave calculation keeps its basis while it strains the cell, so its stress differs from
    the slope of energies with a fixed cutoff energy, by about n c / V on the diagonal for n atoms
    in the volume V, with c of the element.

    Source: S. Froyen, M. L. Cohen, J. Phys. C 19, 2623 (1986), doi 10.1088/0022-3719/19/15/001.
    """

    frames: int
    """That were compared."""
    virials: Mapping[str, float]
    """By element, eV/atom, positive where the label is too tensile."""
    ends: Mapping[str, tuple[float, float]]
    """Of 95 % intervals over the frames."""
    stress: float
    """The mean over frames, on the diagonal, eV/Å³."""
    stress_ends: tuple[float, float]
    """Of its interval."""
    gain: float
    """Part of the squared error of frames left out that it removes from a linear potential."""

    @property
    def is_there(self) -> bool:
        """Whether it is there beyond chance, and matters."""
        low, high = self.stress_ends
        return (low > 0 or high < 0) and self.gain > _GAIN


def pulay_stress(
    crystals: Sequence[Crystal], labels: Values, rows: Int[np.ndarray, " chosen"], seed: int = 0
) -> PulayStress | None:
    """Fit a linear potential and a virial of each element to energies, forces and stresses.

    Args:
        crystals: Frames.
        labels: Of a potential, with forces and stresses.
        rows: The training part.
        seed: Draws frames, of which those with about 3,000 atoms are taken.

    Returns:
        None where fewer than 20 frames have all labels, at most 500 atoms and are not mostly empty,
        or these hold too many elements for a small basis.
    """
    roles: dict[Role, str] = {role_of_target(target): target.name for target in labels.targets}
    if len(roles) < 3:
        return None
    known = np.all([labels.known(name)[rows] for name in roles.values()], axis=0)
    rng = np.random.default_rng(seed)
    order = _of_use(crystals, rng.permutation(rows[known]))
    before = np.cumsum([len(crystals[row]) for row in order.tolist()])
    chosen = order[: max(FEWEST, int(np.searchsorted(before, _ATOMS)))]
    if len(chosen) < FEWEST:
        return None
    drawn = [crystals[row] for row in chosen.tolist()]
    elements = sorted(set[int]().union(*(crystal.elements for crystal in drawn)))
    basis = _basis(elements)
    if basis is None:
        return None
    frames = _Frames(elements, basis, drawn, labels.select(chosen), roles)
    everything = np.arange(len(chosen))
    virials, density = frames.virials(everything), frames.density.mean(axis=0)
    groups = np.array_split(rng.permutation(everything), _GROUPS)
    without = np.stack([frames.virials(np.setdiff1d(everything, group)) for group in groups])
    ends = _interval(virials, without)
    return PulayStress(
        len(chosen),
        {SYMBOLS[number]: float(virial) for number, virial in zip(elements, virials, strict=True)},
        {SYMBOLS[number]: (low, high) for number, (low, high) in zip(elements, ends, strict=True)},
        float(density @ virials),
        _interval((density @ virials)[None], without @ density[:, None])[0],
        frames.gain(rng.permutation(everything)),
    )


def _of_use(
    crystals: Sequence[Crystal], rows: Int[np.ndarray, " rows"]
) -> Int[np.ndarray, " chosen"]:
    """Return the frames that are neither large nor mostly empty, in the given order."""
    if not len(rows):
        return rows
    sizes = np.array([len(crystals[row]) for row in rows.tolist()])
    volumes = np.array([crystals[row].volume for row in rows.tolist()]) / sizes
    return rows[(sizes <= _LARGEST) & (volumes <= _EMPTY * np.median(volumes))]


def _interval(
    estimate: Float[np.ndarray, " values"], without: Float[np.ndarray, "groups values"]
) -> list[tuple[float, float]]:
    """Return the 95 % interval of each value by the jackknife over groups."""
    groups = len(without)
    error = np.sqrt((groups - 1) * without.var(axis=0))
    reach = float(student.ppf(0.975, groups - 1)) * error
    return list(zip((estimate - reach).tolist(), (estimate + reach).tolist(), strict=True))


@final
class _Frames:
    """Moments of each frame: columns of the basis, energies of elements, virials, the label."""

    def __init__(
        self,
        elements: Sequence[int],
        basis: Basis,
        crystals: Sequence[Crystal],
        labels: Values,
        roles: Mapping[Role, str],
    ) -> None:
        self.elements = elements
        counts = np.stack([crystal.amounts[self.elements] for crystal in crystals])
        sizes = counts.sum(axis=1)
        energies = labels[roles["energy"]] / sizes
        reference = reference_energies(counts, labels[roles["energy"]])
        self.density = counts / np.array([crystal.volume for crystal in crystals])[:, None]
        """Atoms of each element in a volume, 1/Å³."""
        of_volume = np.column_stack([self.density, self.density.sum(axis=1)])
        none = np.zeros_like(of_volume[0])
        rows: dict[Role, list[Float[np.ndarray, "rows columns"]]] = {role: [] for role in roles}
        for n, (crystal, content) in enumerate(zip(crystals, counts / sizes[:, None], strict=True)):
            design = basis.design(crystal)
            energy = energies[n] - content @ reference
            rows["energy"].append(np.r_[design.energy / sizes[n], content, none, energy][None])
            forces = labels.of(roles["forces"], [n]).reshape(-1, 1)
            no_force = np.zeros((len(forces), len(content) + len(none)))
            rows["forces"].append(
                np.hstack([design.forces.reshape(len(forces), -1), no_force, forces])
            )
            stress = labels.of(roles["stress"], [n]).reshape(-1, 1)
            added = np.hstack([np.zeros((9, len(content))), np.outer(np.eye(3), of_volume[n])])
            rows["stress"].append(np.hstack([design.stress.reshape(9, -1), added, stress]))
        self.moments = np.zeros((len(crystals), *[rows["energy"][0].shape[1]] * 2))
        """Sums of products over the rows of a frame, each target in units of its mean square."""
        for of_role in rows.values():
            square = np.sum([part[:, -1] @ part[:, -1] for part in of_role])
            for frame, part in enumerate(of_role):
                self.moments[frame] += part.T @ part / max(square, np.finfo(float).tiny)

    def virials(self, frames: Int[np.ndarray, " chosen"]) -> Float[np.ndarray, " elements"]:
        """Return the virial of each element that is fitted to some frames, eV/atom."""
        *differences, of_all = self._solved(frames)[-len(self.elements) - 1 :]
        return np.array(differences) + of_all

    def gain(self, order: Int[np.ndarray, " frames"]) -> float:
        """Return the part of the squared error of frames left out that virials remove.

        Args:
            order: All frames, as they are divided.
        """
        errors = dict.fromkeys((True, False), 0.0)
        for out in np.array_split(order, _FOLDS):
            for with_virials in errors:
                fitted = self._solved(np.setdiff1d(order, out), with_virials)
                vector = np.append(fitted, -1.0)
                errors[with_virials] += float(vector @ self.moments[out].sum(axis=0) @ vector)
        return 1.0 - errors[True] / errors[False]

    def _solved(
        self, frames: Int[np.ndarray, " chosen"], with_virials: bool = True
    ) -> Float[np.ndarray, " columns"]:
        moments = self.moments[frames].sum(axis=0)
        gram, right = moments[:-1, :-1].copy(), moments[:-1, -1]
        size = np.sqrt(np.diag(gram))
        ridge, virials = np.full(len(gram), _RIDGE), slice(-len(self.elements) - 1, None)
        ridge[virials][:-1] = _ALIKE
        if not with_virials:
            size[virials] = 0.0
        unit = np.where(size > 0, 1.0 / np.where(size > 0, size, 1.0), 0.0)
        gram = unit[:, None] * gram * unit + np.diag(ridge)
        solved: Float[np.ndarray, " columns"] = unit * np.linalg.solve(gram, unit * right)
        return solved


def _basis(elements: Sequence[int]) -> Basis | None:
    """Return the largest cluster expansion that has few functions; None if all have many."""
    pairs, count = PairBasis(elements).columns, len(elements)
    for limits in _LIMITS:
        if pairs + count * number_of_products(count, limits, most=_COLUMNS) <= _COLUMNS:
            return AceBasis(elements, limits=limits)
    return None
