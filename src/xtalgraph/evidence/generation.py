"""How good drawn crystals are, beside held-out ones with the same composition."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeGuard, final

import numpy as np
from jaxtyping import Float
from scipy.stats import wasserstein_distance
from tqdm import tqdm

from xtalgraph.conventions.element_table import property_of
from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.checks import find_problem
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.oxidation import can_be_neutral
from xtalgraph.evidence.numbers import defined
from xtalgraph.evidence.structure_matches import MATCH, SAME, SITE_TOLERANCE, StructureMatches
from xtalgraph.metrics.bootstrap import interval, paired_difference

UNIQUE_AMONG: Final = 5
"""Draws for one held-out crystal that are compared with each other."""
NOVEL_AMONG: Final = 100
"""Draws, at most, that are compared with the training crystals."""
_DENSITY: Final = 1.66053906892
"""Of one atomic mass unit in an Å³, g/cm³."""

Rows = Float[np.ndarray, " rows"]


@dataclass(frozen=True, eq=False)
class DrawnSet:
    """What a model or a baseline drew for held-out crystals."""

    name: str
    """Of the model or baseline."""
    crystals: Sequence[Sequence[Crystal | None]]
    """For each held-out crystal those that were drawn with its atoms, in the order of drawing; None
    where a drawing failed."""
    seconds: float
    """Time that the drawing took."""


@final
class HeldOut:
    """Held-out crystals that drawn ones are compared with, and training crystals.

    Args:
        crystals: Held out; without disordered sites, repeating in all directions.
        training: The same; those that were trained on.
        energy: Gives the energies per atom of crystals, eV, NaN where it cannot; None leaves
            energies out.

    Raises:
        InputError: If nothing is held out.
    """

    def __init__(
        self,
        crystals: Sequence[Crystal],
        training: Sequence[Crystal],
        energy: Callable[[Sequence[Crystal]], Rows] | None = None,
    ) -> None:
        if not crystals:
            raise InputError("drawn crystals are assessed by held-out crystals, and there are none")
        self.crystals, self.energy = tuple(crystals), energy
        self._matches, self._same = StructureMatches(MATCH), StructureMatches(SAME)
        firsts = self._same.representatives(self.crystals)
        self.different = [self.crystals[row] for row in np.unique(firsts).tolist()]
        """Of several held-out crystals that are the same the first."""
        self._training: dict[Hashable, list[Crystal]] = {}
        elements = {tuple(crystal.elements) for crystal in self.crystals}
        for crystal in training:
            if tuple(crystal.elements) in elements:
                self._training.setdefault(self._same.key(crystal), []).append(crystal)

    def assess(self, drawn: DrawnSet, *, progress: bool = False) -> dict[str, Any]:
        """Measure what was drawn, with 95 % bootstrap intervals over the held-out crystals.

        Args:
            drawn: One list of crystals for each held-out crystal.
            progress: Show a progress bar on standard error.

        Returns:
            ``name``, ``draws`` for each held-out crystal at most, ``seconds``; by the name of each
            measure its ``value`` and the ends ``low`` and ``high`` of the interval;
            ``match_rates`` with 1, 2, ... draws; and ``distances`` of the first draws. What is not
            defined is None.

            ``match_rate`` is the share of held-out crystals that some draw for them matches, and
            ``rmse`` the mean distance of the best match, over those that have one;
            ``match_rate_1`` and ``rmse_1`` are those of the first draw alone. ``metre`` is the
            share of the different held-out crystals that the first draw for any of them matches,
            and ``crmse`` the mean distance, where a crystal without match counts 0.5.

            ``valid`` is the share of draws without overlapping atoms and with an ordinary density,
            ``neutral`` that of valid first draws whose atoms can be ions with a total charge of
            zero, ``unique`` the share of the first five valid draws for a crystal that differ,
            ``novel`` that of valid first draws that are no training crystal. ``density`` (g/cm³),
            ``volume`` (Å³ per atom) and ``elements`` are Wasserstein distances between the valid
            first draws and the held-out crystals, without interval. ``energy`` is the median, over
            valid first draws, of the energy above that of the held-out crystal, eV per atom.

        Raises:
            InputError: If there is not one list for each held-out crystal.

        Source: settings of the match and validity: T. Xie et al., ICLR 2022, arXiv 2110.06197;
        METRe and cRMSE: M. Martirossyan et al., arXiv 2509.12178.
        """
        if len(drawn.crystals) != len(self.crystals):
            raise InputError(
                f"{drawn.name}: there are draws for {len(drawn.crystals)} crystals, and "
                f"{len(self.crystals)} held-out crystals"
            )
        draws = max(1, *map(len, drawn.crystals))
        distance = np.full((len(self.crystals), draws), SITE_TOLERANCE)
        pairs = list(zip(self.crystals, drawn.crystals, strict=True))
        for row, (held, crystals) in enumerate(
            tqdm(pairs, desc=f"comparing {drawn.name}", unit="crystal", disable=not progress)
        ):
            for draw, crystal in enumerate(crystals):
                distance[row, draw] = self._distance(crystal, held)
        best, first = distance.min(axis=1), distance[:, 0]
        valid = [[c for c in crystals if _is_valid(c)] for crystals in drawn.crystals]
        share = [len(v) / max(len(row), 1) for v, row in zip(valid, drawn.crystals, strict=True)]
        ordinary = [
            crystals[0] if len(crystals) and _is_valid(crystals[0]) else None
            for crystals in drawn.crystals
        ]
        covered = self._covered(ordinary)
        neutral = [can_be_neutral(crystal.numbers) for crystal in ordinary if crystal is not None]
        return {
            "name": drawn.name,
            "draws": draws,
            "seconds": drawn.seconds,
            "match_rate": _measured(_rate, best),
            "match_rate_1": _measured(_rate, first),
            "rmse": _measured(_mean_of_matches, best),
            "rmse_1": _measured(_mean_of_matches, first),
            "metre": _measured(_rate, covered),
            "crmse": _measured(_mean, covered),
            "valid": _measured(_mean, np.array(share)),
            "neutral": _measured(_mean, np.array(neutral, dtype=float)),
            "unique": _measured(_mean, np.array(list(self._unique(valid)))),
            "novel": _measured(_mean, np.array(list(self._novel(ordinary)))),
            **{name: self._distribution(of, ordinary) for name, of in _PROPERTIES.items()},
            **self._energies(ordinary),
            "match_rates": [_rate(line) for line in np.minimum.accumulate(distance, axis=1).T],
            "distances": [None if d == SITE_TOLERANCE else d for d in first.tolist()],
        }

    def _distance(self, crystal: Crystal | None, held: Crystal) -> float:
        if crystal is None:
            return SITE_TOLERANCE
        return min(self._matches.distance(crystal, held), SITE_TOLERANCE)

    def _covered(self, ordinary: Sequence[Crystal | None]) -> Rows:
        """Return the distance of each different held-out crystal to the best of all draws."""
        by_key: dict[Hashable, list[Crystal]] = {}
        for crystal in ordinary:
            if crystal is not None:
                by_key.setdefault(self._matches.key(crystal), []).append(crystal)
        best = []
        for held in self.different:
            others = by_key.get(self._matches.key(held), [])
            best.append(min((self._distance(c, held) for c in others), default=SITE_TOLERANCE))
        return np.array(best)

    def _unique(self, valid: Sequence[Sequence[Crystal]]) -> Iterator[float]:
        for crystals in valid:
            if crystals:
                some = crystals[:UNIQUE_AMONG]
                yield len(set(self._same.representatives(some).tolist())) / len(some)

    def _novel(self, ordinary: Sequence[Crystal | None]) -> Iterator[float]:
        drawn = [crystal for crystal in ordinary if crystal is not None]
        for row in np.random.default_rng(0).permutation(len(drawn))[:NOVEL_AMONG].tolist():
            known = self._training.get(self._same.key(drawn[row]), [])
            yield float(not any(self._same.same(other, drawn[row]) for other in known))

    def _distribution(
        self, of: Callable[[Crystal], float], ordinary: Sequence[Crystal | None]
    ) -> dict[str, float | None]:
        held = np.array([of(crystal) for crystal in self.crystals])
        drawn = np.array([_NOT_DRAWN if crystal is None else of(crystal) for crystal in ordinary])
        if not (drawn != _NOT_DRAWN).any():
            return dict.fromkeys(("value", "low", "high"))
        # Without interval: a resample is farther from another one than the samples are.
        distance = float(wasserstein_distance(held, drawn[drawn != _NOT_DRAWN]))
        return {"value": distance, "low": None, "high": None}

    def _energies(self, ordinary: Sequence[Crystal | None]) -> dict[str, Any]:
        if self.energy is None:
            return {}
        rows = [row for row, crystal in enumerate(ordinary) if crystal is not None]
        held = self.energy([self.crystals[row] for row in rows])
        above = self.energy([crystal for crystal in ordinary if crystal is not None]) - held
        return {"energy": _measured(_median, above[~np.isnan(above)])}


def compared(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, float | None]:
    """Compare the match rates of the first draws of two sources by a paired bootstrap.

    Args:
        first: What `HeldOut.assess` returned.
        second: The same of the other one, for the same held-out crystals.

    Returns:
        ``difference`` of the first less the second, its 95 % interval ``low`` to ``high``.
    """
    matched = [
        np.array([float(distance is not None) for distance in source["distances"]])
        for source in (first, second)
    ]
    paired = paired_difference(lambda _, rows: float(rows.mean()), matched[0], *matched)
    numbers = {"difference": paired.value, "low": paired.low, "high": paired.high}
    return {name: defined(value) for name, value in numbers.items()}


def _is_valid(crystal: Crystal | None) -> TypeGuard[Crystal]:
    return crystal is not None and find_problem(crystal, isolated=np.inf) is None


def _density(crystal: Crystal) -> float:
    masses = property_of("atomic_mass")[crystal.numbers]
    return _DENSITY * float(masses.sum()) / crystal.volume


_PROPERTIES: Final[Mapping[str, Callable[[Crystal], float]]] = {
    "density": _density,
    "volume": lambda crystal: crystal.volume / len(crystal),
    "elements": lambda crystal: float(len(crystal.elements)),
}
_NOT_DRAWN: Final = -1.0
"""In place of a property, which is positive."""


def _rate(distance: Rows) -> float:
    return float((distance < SITE_TOLERANCE).mean())


def _mean_of_matches(distance: Rows) -> float:
    matched = distance[distance < SITE_TOLERANCE]
    return float(matched.mean()) if len(matched) else np.nan


def _mean(values: Rows) -> float:
    return float(values.mean())


def _median(values: Rows) -> float:
    return float(np.median(values))


def _measured(
    metric: Callable[[np.ndarray], float], values: Float[np.ndarray, "rows *columns"]
) -> dict[str, float | None]:
    """Return a measure and its interval; None for what is not defined."""
    if not len(values):
        return dict.fromkeys(("value", "low", "high"))
    drawn = interval(lambda _, rows: metric(rows), values, values)
    ends = {"value": metric(values), "low": drawn.low, "high": drawn.high}
    return {name: defined(value) for name, value in ends.items()}
