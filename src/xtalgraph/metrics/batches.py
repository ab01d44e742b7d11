"""Which crystals to compute next: batches that are promising and not alike, and what they save."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, final

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial.distance import cdist

from xtalgraph.metrics.acquisition import Aim, expected_improvement, optimistic

Worth = Literal["upper-bound", "expected-improvement", "prediction", "uncertainty"]
"""What makes a calculation worth it: the first three look for better crystals, the last makes the
model better."""
BEST: Final = 0.05
"""Share of the crystals that a simulated search wants."""
UNTIL: Final = 0.8
"""Share of those that must be there at the end."""
OF_ITS_OWN: Final = 0.1
"""Share of the variance of an error that no other crystal tells anything of."""


def error_covariance(
    std: Float[np.ndarray, " rows"], embedding: Float[np.ndarray, "rows width"]
) -> Float[np.ndarray, "rows rows"]:
    """Return the covariance of the errors of predictions, σᵢ σⱼ (0.9 exp(−d²/2) + 0.1 δᵢⱼ).

    Args:
        std: Expected size of each error.
        embedding: Of each crystal, in units of the distance beyond which two are not alike.
    """
    squared = cdist(embedding, embedding, "sqeuclidean")
    alike = (1.0 - OF_ITS_OWN) * np.exp(-0.5 * squared) + OF_ITS_OWN * np.eye(len(std))
    return alike * np.outer(std, std)


@dataclass(frozen=True, eq=False)
class Batch:
    """Crystals to compute together."""

    places: Int[np.ndarray, " batch"]
    """In the order in which they were chosen."""
    worth: Float[np.ndarray, " batch"]
    """Of each when it was chosen, for its cost."""
    std: Float[np.ndarray, " batch"]
    """Of each when it was chosen: what those before it leave open."""


def choose_batch(
    aim: Aim,
    prediction: Float[np.ndarray, " rows"],
    covariance: Float[np.ndarray, "rows rows"],
    known: float,
    size: int,
    *,
    worth: Worth = "upper-bound",
    cost: Float[np.ndarray, " rows"] | None = None,
) -> Batch:
    """Choose crystals one after the other, as if what is predicted of the earlier ones were true.

    After each choice the variance that it explains is taken from all others, so that a near copy
    becomes worth less; its prediction counts as known. With ``uncertainty`` this is the greedy
    choice of the largest remaining variance. Worth is divided by cost. Equal ones stand in the
    order of their predictions.

    Args:
        aim: What is wanted.
        prediction: Of each crystal.
        covariance: Of the errors of the predictions.
        known: The best value there is.
        size: How many are wanted; fewer are returned where there are not as many.
        worth: Of a calculation.
        cost: Of each calculation, positive; equal costs by default.

    Source: kriging believer, D. Ginsbourger, R. Le Riche, L. Carraro, in Computational Intelligence
    in Expensive Optimization Problems (2010), doi 10.1007/978-3-642-10701-6_6; greedy variance, A.
    Krause, A. Singh, C. Guestrin, J. Mach. Learn. Res. 9, 235 (2008); cost, J. Snoek, H.
    Larochelle, R. Adams, NeurIPS (2012), doi 10.48550/arXiv.1206.2944.
    """
    left, price = covariance.copy(), np.ones(len(prediction)) if cost is None else cost
    free, gains = np.ones(len(prediction), dtype=bool), aim.gain(prediction)
    best, places, worths, open_std = known, [], [], []
    for _ in range(min(size, len(prediction))):
        std = np.sqrt(np.maximum(np.diag(left), 0.0))
        value = np.where(free, _worth(worth, aim, prediction, std, best) / price, -np.inf)
        row = int(np.lexsort((-gains, -value))[0])
        places.append(row)
        worths.append(value[row])
        open_std.append(std[row])
        free[row] = False
        left = _without(left, row)
        if _gain(aim, float(prediction[row])) > _gain(aim, best):
            best = float(prediction[row])
    return Batch(np.array(places, dtype=np.int64), np.array(worths), np.array(open_std))


def _worth(
    worth: Worth,
    aim: Aim,
    prediction: Float[np.ndarray, " rows"],
    std: Float[np.ndarray, " rows"],
    best: float,
) -> Float[np.ndarray, " rows"]:
    if worth == "uncertainty":
        return std
    if worth == "prediction":
        return aim.gain(prediction)
    if worth == "upper-bound":
        return optimistic(aim, prediction, std)
    return expected_improvement(aim, prediction, std, best)


def _without(
    covariance: Float[np.ndarray, "rows rows"], row: int
) -> Float[np.ndarray, "rows rows"]:
    """Return the covariance when the error of one crystal is known."""
    column, variance = covariance[:, row], covariance[row, row]
    return covariance if variance <= 0 else covariance - np.outer(column, column) / variance


def _gain(aim: Aim, value: float) -> float:
    return float(aim.gain(np.array([value]))[0])


Strategy = Literal["upper-bound", "expected-improvement", "prediction", "random"]
"""How a simulated search goes on: by what a calculation is worth, or at random."""
STRATEGIES: Final[tuple[Strategy, ...]] = (
    *("upper-bound", "expected-improvement", "prediction", "random"),
)


@final
@dataclass(frozen=True, eq=False)
class Pool:
    """Crystals whose labels are known and that the model has not learned, to search among."""

    labels: Float[np.ndarray, " rows"]
    """What a calculation would give."""
    prediction: Float[np.ndarray, " rows"]
    """Of the model, which is not trained again."""
    covariance: Float[np.ndarray, "rows rows"]
    """Of its errors."""

    def wanted(self, aim: Aim, share: float) -> Bool[np.ndarray, " rows"]:
        """Return which are the best share of all, at least one."""
        gains = aim.gain(self.labels)
        count = max(round(share * len(gains)), 1)
        return gains >= np.sort(gains)[-count]

    def search(
        self, aim: Aim, strategy: Strategy, size: int, start: Int[np.ndarray, " first"], seed: int
    ) -> Int[np.ndarray, " rows"]:
        """Return all crystals in the order in which a search computes them.

        Args:
            aim: What is wanted.
            strategy: How it goes on.
            size: Of a batch.
            start: Crystals that are computed first.
            seed: Of the order at random.
        """
        order = list(start)
        rest = np.setdiff1d(np.arange(len(self.labels)), start)
        if strategy == "random":
            return np.array([*order, *np.random.default_rng(seed).permutation(rest)])
        while len(rest):
            prediction, covariance = self._updated(np.array(order), rest)
            gains = aim.gain(self.labels[order])
            known = float(self.labels[order][np.argmax(gains)])
            batch = choose_batch(aim, prediction, covariance, known, size, worth=strategy)
            chosen = batch.places
            order += rest[chosen].tolist()
            rest = np.delete(rest, chosen)
        return np.array(order)

    def _updated(
        self, seen: Int[np.ndarray, " seen"], rest: Int[np.ndarray, " rest"]
    ) -> tuple[Float[np.ndarray, " rest"], Float[np.ndarray, "rest rest"]]:
        """Return prediction and covariance of the rest, given the errors of those that were seen.

        Source: C. Rasmussen, C. Williams, Gaussian Processes for Machine Learning (2006), eq. 2.19.
        """
        between = self.covariance[np.ix_(rest, seen)]
        weights = np.linalg.solve(self.covariance[np.ix_(seen, seen)], between.T).T
        errors = self.labels[seen] - self.prediction[seen]
        left = self.covariance[np.ix_(rest, rest)] - weights @ between.T
        return self.prediction[rest] + weights @ errors, left


@dataclass(frozen=True, eq=False)
class SearchRecord:
    """How simulated searches went."""

    calculations: Mapping[Strategy, Int[np.ndarray, " repetitions"]]
    """Until the wanted share of the best was there, first ones included."""
    curves: Mapping[Strategy, Float[np.ndarray, " rows"]]
    """Mean share of the best that is there after so many calculations, from 1."""
    rows: int
    """Crystals that were searched."""
    wanted: int
    """How many of them are the best."""

    def saved(self, strategy: Strategy) -> tuple[float, float, float]:
        """Return the mean calculations saved against random, with a 95 % interval of the mean.

        The interval is over the repetitions, which differ in their first batch and in the random
        order; they search the same crystals.

        Source: percentile bootstrap, B. Efron, R. Tibshirani, Statist. Sci. 1, 54 (1986).
        """
        saved = self.calculations["random"] - self.calculations[strategy]
        drawn = np.random.default_rng(0).integers(len(saved), size=(2000, len(saved)))
        low, high = np.quantile(saved[drawn].mean(axis=1), [0.025, 0.975])
        return float(saved.mean()), float(low), float(high)


def simulate_search(pool: Pool, aim: Aim, size: int, *, repetitions: int = 20) -> SearchRecord:
    """Search among crystals whose labels are known, again and again from other first ones.

    Args:
        pool: The crystals.
        aim: What is wanted.
        size: Of a batch; the first one is drawn at random.
        repetitions: Searches of each strategy; all strategies start from the same batches.
    """
    wanted, rows = pool.wanted(aim, BEST), len(pool.labels)
    needed = int(np.ceil(UNTIL * wanted.sum()))
    calculations: dict[Strategy, list[int]] = {strategy: [] for strategy in STRATEGIES}
    curves: dict[Strategy, Float[np.ndarray, " rows"]] = {s: np.zeros(rows) for s in STRATEGIES}
    for repetition in range(repetitions):
        start = np.random.default_rng(repetition).permutation(rows)[:size]
        for strategy in STRATEGIES:
            order = pool.search(aim, strategy, size, start, repetition)
            there = np.cumsum(wanted[order])
            calculations[strategy].append(int(np.searchsorted(there, needed)) + 1)
            curves[strategy] += there / (wanted.sum() * repetitions)
    counted = {strategy: np.array(counts) for strategy, counts in calculations.items()}
    return SearchRecord(counted, curves, rows, int(wanted.sum()))
