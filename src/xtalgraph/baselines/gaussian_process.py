"""A Gaussian process on rows of features, whose cost is bounded."""

import warnings
from typing import Any, Final, final

import numpy as np
from jaxtyping import Float
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, WhiteKernel

MOST_ROWS: Final = 4000
"""From which a process learns; the cost grows as their third power."""
ROWS_OF_KERNEL: Final = 1000
"""On which the parameters of the kernel are fitted."""
_PART: Final = 1000
"""Rows that are predicted at a time."""


@final
class GaussianProcess(RegressorMixin, BaseEstimator):
    """A Gaussian process with the kernel σ² exp(−r²/2l²) + τ² x·x' + noise.

    σ, l, τ and the noise maximise the marginal likelihood of at most `ROWS_OF_KERNEL` training
    rows; with these the process learns from at most `MOST_ROWS` rows, drawn at random where there
    are more.

    Args:
        seed: Of what is drawn.

    Source: C. Rasmussen, C. Williams, Gaussian Processes for Machine Learning (2006), chapters 2
    and 5; scikit-learn.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(
        self, features: Float[np.ndarray, "rows features"], targets: np.ndarray
    ) -> "GaussianProcess":
        """Learn from rows of standardised features."""
        order = np.random.default_rng(self.seed).permutation(len(targets))[:MOST_ROWS]
        few = order[:ROWS_OF_KERNEL]
        kernel = (
            ConstantKernel(1.0, (1e-3, 1e6)) * RBF(np.sqrt(features.shape[1]), (1e-1, 1e4))
            + ConstantKernel(1e-2, (1e-6, 1e3)) * DotProduct(0.0, "fixed")
            + WhiteKernel(1e-2, (1e-8, 1e2))
        )
        fitted = GaussianProcessRegressor(kernel, normalize_y=True, random_state=self.seed)
        with warnings.catch_warnings():
            # Of a parameter at its bound: labels without noise, or a surface without a line.
            warnings.simplefilter("ignore", ConvergenceWarning)
            kernel = fitted.fit(features[few], targets[few]).kernel_
        process: Any = GaussianProcessRegressor(kernel, optimizer=None, normalize_y=True)
        self.process_ = process.fit(features[order], targets[order])
        return self

    def predict(self, features: Float[np.ndarray, "rows features"]) -> Float[np.ndarray, " rows"]:
        """Return the mean of the process at rows."""
        parts = [features[start : start + _PART] for start in range(0, len(features), _PART)]
        predicted = [self.process_.predict(part) for part in parts]
        return np.concatenate([np.zeros(0), *predicted])
