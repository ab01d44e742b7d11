"""The surroundings of atoms that a potential has learned, and how far others are from them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int

_SHRINK: Final = 1e-3
"""Share of the mean variance that is added in all directions, so that none has nearly none."""
NEW: Final = 1.5
"""Times as far as the farthest atom that was learned: such an atom is new."""


@dataclass(frozen=True, eq=False)
class Environments:
    """The vectors of the atoms in the training part, element by element, as one Gaussian each.

    The distance of an atom is that of Mahalanobis, √((x − μ)ᵀ Σ⁻¹ (x − μ)), over that of the
    farthest atom of its element which was learned. It costs one product of a vector with a matrix.

    Source: K. Lee et al., NeurIPS 31 (2018), arXiv 1807.03888.
    """

    numbers: Int[np.ndarray, " elements"]
    """Atomic numbers, ascending."""
    means: Float[np.ndarray, "elements width"]
    """μ of each element."""
    whitening: Float[np.ndarray, "elements width width"]
    """W of each element, with W Wᵀ = Σ⁻¹ over the square of the distance of the farthest atom."""

    @classmethod
    def of(
        cls,
        vectors: Float[np.ndarray, "atoms width"],
        numbers: Int[np.ndarray, " atoms"],
        further: Iterable[tuple[np.ndarray, np.ndarray]] = (),
    ) -> "Environments":
        """Take the Gaussians of atoms.

        Args:
            vectors: Of the atoms in the training part, by the encoder.
            numbers: Their elements.
            further: Vectors and elements of others that are not new, such as those of the
                validation part, which tell how far an atom may be.
        """
        known = np.unique(numbers)
        means, whitening = [], []
        for number in known:
            same = vectors[numbers == number].astype(np.float64)
            mean = same.mean(axis=0)
            centred = same - mean
            covariance = centred.T @ centred / len(same)
            ridge = _SHRINK * np.trace(covariance) / len(covariance) + 1e-10 * (mean @ mean + 1e-10)
            values, axes = np.linalg.eigh(covariance)
            white = axes / np.sqrt(np.maximum(values, 0.0) + ridge)
            others = [part[elements == number] for part, elements in further]
            reach = [
                np.linalg.norm((part - mean) @ white, axis=1).max(initial=0.0) for part in others
            ]
            farthest = max(np.linalg.norm(centred @ white, axis=1).max(), *reach, 1.0)
            means.append(mean)
            whitening.append(white / farthest)
        return cls(
            known, np.stack(means).astype(np.float32), np.stack(whitening).astype(np.float32)
        )

    def distance(
        self, vectors: Float[np.ndarray, "atoms width"], numbers: Int[np.ndarray, " atoms"]
    ) -> Float[np.ndarray, " atoms"]:
        """Return how far atoms are: 1 is as far as the farthest that was learned.

        Args:
            vectors: Of the atoms, by the same encoder.
            numbers: Their elements; one that was not learned is infinitely far.
        """
        far = np.full(len(vectors), np.inf)
        for index, number in enumerate(self.numbers):
            same = numbers == number
            far[same] = np.linalg.norm(
                (vectors[same] - self.means[index]) @ self.whitening[index], axis=1
            )
        return far

    def tensors(self) -> dict[str, np.ndarray]:
        """Return the arrays that are written."""
        return {
            "environment_numbers": self.numbers.astype(np.int64),
            "environment_means": self.means,
            "environment_whitening": self.whitening,
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray]) -> "Environments | None":
        """Return what `tensors` gave, None for an older run; a `ValueError` if they do not fit."""
        if "environment_means" not in tensors:
            return None
        numbers, means, whitening = (
            tensors[f"environment_{name}"] for name in ("numbers", "means", "whitening")
        )
        elements, width = means.shape
        if numbers.shape != (elements,) or whitening.shape != (elements, width, width):
            raise ValueError("the environments of the atoms do not fit together")
        return cls(numbers, means, whitening)
