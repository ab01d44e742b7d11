"""How new a crystal is to a model: its distance to what the model was trained on."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, final

import numpy as np
import safetensors
import safetensors.numpy
from jaxtyping import Bool, Float, Int
from safetensors import SafetensorError
from scipy.spatial.distance import cdist

from xtalgraph.conventions.documents import DAMAGE
from xtalgraph.conventions.element_table import property_of
from xtalgraph.conventions.elements import MAX_ATOMIC_NUMBER, SYMBOLS
from xtalgraph.conventions.errors import RunError
from xtalgraph.conventions.files import write_atomically
from xtalgraph.crystals.composition import VACANCY_NAME, held_by
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.models.environments import Environments
from xtalgraph.models.upgrades import upgrade_training_set

_ROWS: Final = 256
"""Crystals compared with all others at a time."""


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest of some crystals, the nearest first."""

    places: Int[np.ndarray, "rows k"]
    """Where they stand among those that were compared with."""
    distance: Float[np.ndarray, "rows k"]
    """How far they are."""


def nearest_embeddings(
    rows: Float[np.ndarray, "rows width"],
    among: Float[np.ndarray, "crystals width"],
    k: int,
    *,
    itself: Int[np.ndarray, " rows"] | None = None,
) -> Nearest:
    """Find the nearest embeddings, by the Euclidean distance.

    Args:
        rows: One embedding for each crystal.
        among: Those that are searched.
        k: How many are wanted; fewer are returned where there are not as many.
        itself: Where each row stands among those that are searched, if it does; it is left out.

    >>> found = nearest_embeddings(np.array([[0.0]]), np.array([[3.0], [1.0], [-2.0]]), 2)
    >>> found.places, found.distance
    (array([[1, 2]]), array([[1., 2.]]))
    """
    return _nearest(rows, among, k, itself, "euclidean")


def nearest_compositions(
    rows: Float[np.ndarray, "rows 118"],
    among: Float[np.ndarray, "crystals 118"],
    k: int,
    *,
    itself: Int[np.ndarray, " rows"] | None = None,
) -> Nearest:
    """Find the nearest compositions, by the element mover's distance.

    It is the work to make one composition of the other, Σ |F − F'|: by how many places in the row
    of the elements an atom must be moved, on average.

    Args:
        rows: The cumulative composition of each crystal, see `cumulative_compositions`.
        among: Those that are searched.
        k: How many are wanted; fewer are returned where there are not as many.
        itself: Where each row stands among those that are searched, if it does; it is left out.

    Source: C. J. Hargreaves et al., Chem. Mater. 32, 10610 (2020), doi
    10.1021/acs.chemmater.0c03381.
    """
    differ: Bool[np.ndarray, " 118"] = (rows != rows[:1]).any(0) | (among != rows[:1]).any(0)
    # Places where all are equal add nothing.
    return _nearest(rows[:, differ], among[:, differ], k, itself, "cityblock")


def cumulative_compositions(crystals: Sequence[Crystal]) -> Float[np.ndarray, "crystals 118"]:
    """Return the share of atoms up to each place of the elements in Mendeleev order.

    The order is Li, Na, K, ... to the noble gases.
    """
    number = property_of("mendeleev_number")
    order = np.concatenate([[0], number[1:].astype(np.int64) - 1])  # index 0 is no element
    counts = np.zeros((len(crystals), MAX_ATOMIC_NUMBER))
    for row, crystal in enumerate(crystals):
        counts[row] = np.bincount(order, weights=crystal.amounts, minlength=MAX_ATOMIC_NUMBER)
    shares = np.cumsum(counts, axis=1) / counts.sum(axis=1, keepdims=True)
    return shares.astype(np.float32)


def _nearest(
    rows: Float[np.ndarray, "rows width"],
    among: Float[np.ndarray, "crystals width"],
    k: int,
    itself: Int[np.ndarray, " rows"] | None,
    metric: Literal["euclidean", "cityblock"],
) -> Nearest:
    k = min(k, len(among) - (itself is not None))
    places = np.empty((len(rows), k), dtype=np.int64)
    distances = np.empty((len(rows), k))
    for start in range(0, len(rows) if k > 0 else 0, _ROWS):
        part = slice(start, start + _ROWS)
        distance = cdist(rows[part], among, metric=metric)
        if itself is not None:
            distance[np.arange(len(distance)), itself[part]] = np.inf
        near = np.sort(np.argpartition(distance, k - 1, axis=1)[:, :k], axis=1)
        order = np.argsort(np.take_along_axis(distance, near, axis=1), axis=1, kind="stable")
        places[part] = np.take_along_axis(near, order, axis=1)
        distances[part] = np.take_along_axis(distance, places[part], axis=1)
    return Nearest(places, distances)


NEIGHBORS: Final = 5
"""Training crystals whose mean distance counts in embedding space: one alone may be an outlier."""
USUAL: Final = 0.99
"""Share of the training crystals that lie nearer to the others than the threshold."""
_SAMPLE: Final = 2000
"""Training crystals, at most, that the thresholds are taken from; 20 of them lie beyond."""


@dataclass(frozen=True)
class Novelty:
    """How far one crystal is from the training part."""

    embedding_distance: float
    """Mean distance to the nearest training crystals in embedding space, in units of the threshold:
    only one in a hundred training crystals is farther than 1 from the others."""
    composition_distance: float
    """Distance to the nearest composition in training: by how many places in the row of the
    elements an atom must be moved, on average, to make one of the other."""
    unseen: tuple[str, ...]
    """Its elements that no training crystal holds."""
    words: str
    """What of this is out of the ordinary, empty where nothing is."""

    @property
    def is_new(self) -> bool:
        """Whether anything is out of the ordinary."""
        return bool(self.words)


@final
@dataclass(frozen=True, eq=False)
class TrainingSet:
    """What is kept of the training part to compare with.

    Compositions are compared by the element mover's distance: each crystal is a histogram of atoms
    along the elements in Mendeleev order (Li, Na, K, ... to the noble gases), and the distance is
    the work to make one histogram of the other, Σ |F − F'| over the places, where F is the share of
    atoms up to that place.

    Source: C. J. Hargreaves et al., Chem. Mater. 32, 10610 (2020), doi
    10.1021/acs.chemmater.0c03381; thresholds from nearest neighbours as in J. P. Janet et al.,
    Chem. Sci. 10, 7913 (2019), doi 10.1039/c9sc02298h.
    """

    embedding: Float[np.ndarray, "crystals embedding"]
    """One vector for each training crystal."""
    compositions: Float[np.ndarray, "compositions 118"]
    """F of each different composition."""
    elements: tuple[str, ...]
    """Symbols of all elements in the training part."""
    embedding_threshold: float
    """Distance in embedding space within which the usual share of training crystals lies."""
    composition_threshold: float
    """The same of compositions, in places."""
    environments: Environments | None = None
    """Of the atoms; a potential has them."""
    largest_force: float | None = None
    """On an atom in the training part, eV/Å; of a potential."""

    @classmethod
    def of(
        cls,
        embedding: Float[np.ndarray, "crystals embedding"],
        crystals: Sequence[Crystal],
        environments: Environments | None = None,
        largest_force: float | None = None,
    ) -> "TrainingSet":
        """Take what is needed from the training part, and its own distances for thresholds.

        Each of up to 2000 crystals, drawn with a fixed seed, is compared with all the others. A
        crystal whose composition is there twice has the distance 0: if nearly all have, any other
        composition is out of the ordinary.

        Args:
            embedding: One vector for each crystal.
            crystals: As many.
            environments: Of the atoms, for a potential.
            largest_force: On an atom, eV/Å, for a potential.
        """
        embedding = embedding.astype(np.float32)
        every = cumulative_compositions(crystals)
        compositions, inverse, count = np.unique(
            every, axis=0, return_inverse=True, return_counts=True
        )
        sample = np.random.default_rng(0).permutation(len(embedding))[:_SAMPLE]
        far = _mean_distance(
            nearest_embeddings(embedding[sample], embedding, NEIGHBORS, itself=sample)
        )
        group = inverse.reshape(-1)[sample]
        alone = count[group] == 1
        apart = np.zeros(len(sample))
        if alone.any() and len(compositions) > 1:
            kinds = group[alone]
            apart[alone] = _mean_distance(
                nearest_compositions(compositions[kinds], compositions, 1, itself=kinds)
            )
        symbols = set[str]().union(*map(held_by, crystals))
        return cls(
            embedding,
            compositions,
            tuple(sorted(symbols)),
            float(np.quantile(far, USUAL)),
            float(np.quantile(apart, USUAL)),
            environments,
            largest_force,
        )

    def compare(
        self, embedding: Float[np.ndarray, "rows embedding"], crystals: Sequence[Crystal]
    ) -> list[Novelty]:
        """Say how far crystals are from training; a `RunError` if vectors are of another model."""
        if len(crystals) == 0:
            return []
        width = self.embedding.shape[1]
        if embedding.shape[1] < width:
            raise RunError(
                f"the vectors of the training part have {width} numbers and "
                f"those of the model {embedding.shape[1]}: training_set.safetensors is of "
                "another run"
            )
        # Older runs kept the vector of the first target alone, which stands first.
        embedding = embedding[:, :width].astype(np.float32)
        far = _mean_distance(nearest_embeddings(embedding, self.embedding, NEIGHBORS))
        apart = _mean_distance(
            nearest_compositions(cumulative_compositions(crystals), self.compositions, 1)
        )
        scale = self.embedding_threshold if self.embedding_threshold > 0 else 1.0
        return [
            self._assessed(float(f) / scale, float(a), crystal)
            for f, a, crystal in zip(far, apart, crystals, strict=True)
        ]

    def _assessed(self, far: float, apart: float, crystal: Crystal) -> Novelty:
        unseen = tuple(sorted(held_by(crystal) - set(self.elements)))
        reasons = [f"contains {', '.join(unseen)}, in no training crystal"] if unseen else []
        if apart > self.composition_threshold * (1 + 1e-6):
            reasons.append("its composition is far from any in training")
        if far > (1 if self.embedding_threshold > 0 else 0):
            reasons.append("its embedding is far from any in training")
        return Novelty(far, apart, unseen, "; ".join(reasons))

    def save(self, path: Path) -> None:
        """Write a safetensors file."""
        known = {
            "elements": self.elements,
            "embedding_threshold": self.embedding_threshold,
            "composition_threshold": self.composition_threshold,
            "largest_force": self.largest_force,
        }
        tensors = {"embedding": self.embedding, "compositions": self.compositions}
        if self.environments is not None:
            tensors |= self.environments.tensors()
        metadata = {"training_set": json.dumps(known)}
        write_atomically(path, safetensors.numpy.save(tensors, metadata=metadata))

    @classmethod
    def load(cls, path: Path) -> "TrainingSet":
        """Read what `save` wrote; a `RunError` if it is damaged."""
        try:
            with safetensors.safe_open(path, framework="np") as file:
                known = upgrade_training_set(json.loads(file.metadata()["training_set"]))
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            tensors = upgrade_training_set(tensors)
            embedding, compositions = tensors["embedding"], tensors["compositions"]
            thresholds = float(known["embedding_threshold"]), float(known["composition_threshold"])
            elements = tuple(known["elements"])
            environments = Environments.from_tensors(tensors)
            force = known.get("largest_force")
            _check_training_set(embedding, compositions, elements, thresholds)
        except FileNotFoundError as error:
            raise RunError(f"{path} is missing") from error
        except (SafetensorError, OSError, *DAMAGE) as error:
            raise RunError(f"{path} is damaged: {error}") from error
        return cls(embedding, compositions, elements, *thresholds, environments, force)


def _check_training_set(
    embedding: np.ndarray,
    compositions: np.ndarray,
    elements: Sequence[str],
    thresholds: tuple[float, float],
) -> None:
    """Raise a ValueError where something is not what `TrainingSet.save` writes."""
    for name, array, columns in (
        ("embedding", embedding, None),
        ("compositions", compositions, MAX_ATOMIC_NUMBER),
    ):
        if array.dtype != np.float32 or array.ndim != 2 or array.size == 0:
            raise ValueError(f"{name} is not a table of 32-bit numbers")
        if columns is not None and array.shape[1] != columns:
            raise ValueError(f"{name} must have {columns} columns, got {array.shape[1]}")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds something else than finite numbers")
    if not set(elements) <= {*SYMBOLS[1:], VACANCY_NAME}:
        raise ValueError("the elements are not symbols of elements")
    if not all(math.isfinite(threshold) and threshold >= 0 for threshold in thresholds):
        raise ValueError(f"the thresholds must be at least 0, got {thresholds}")


def _mean_distance(nearest: Nearest) -> Float[np.ndarray, " rows"]:
    """Return the mean distance to the nearest; 0 where there is nothing to compare with."""
    return nearest.distance.sum(axis=1) / max(nearest.distance.shape[1], 1)
