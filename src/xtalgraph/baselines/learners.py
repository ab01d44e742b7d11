"""Regressors of scikit-learn that learn numbers from rows of features."""

import warnings
from typing import Final, Literal, final, get_args

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_array
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import TruncatedSVD
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import RidgeCV
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from threadpoolctl import threadpool_limits

from xtalgraph.baselines.gaussian_process import GaussianProcess
from xtalgraph.conventions.errors import InputError, TargetError

LearnerName = Literal["ridge", "gp", "forest", "mlp"]
COMPONENTS: Final = 256
"""Most principal components that are kept of sparse features."""
LEARNERS: Final[tuple[LearnerName, ...]] = get_args(LearnerName)


@final
class FeatureRegressor:
    """Learns numbers from features that do not grow with the cell.

    An extensive target y is learned as y/N and predicted as N times that, where N is the number of
    atoms. Sparse features are first reduced to their leading principal components (without
    centring), found on the training rows.

    Everything but the trees of the forest runs on one thread, and these do not depend on each
    other, so that the same rows and seed give the same bits on any number of cores.

    Args:
        kind: Whether the target is a total of the cell.
        learner: A name in `LEARNERS`.
        seed: Of what is drawn.
        jobs: Threads on which trees grow.

    Raises:
        TargetError: The kind is neither of the two.
    """

    def __init__(
        self,
        kind: Literal["extensive", "intensive"],
        learner: LearnerName,
        seed: int = 0,
        jobs: int = 1,
    ) -> None:
        if kind not in ("extensive", "intensive"):
            raise TargetError(f"kind must be 'extensive' or 'intensive', got {kind!r}")
        self.kind = kind
        self.learner = learner
        self.seed = seed
        self.jobs = jobs
        self._pipeline: Pipeline | None = None

    def fit(
        self,
        features: Float[np.ndarray, "crystals features"] | csr_array,
        num_atoms: np.ndarray,
        targets: Float[np.ndarray, " crystals"],
    ) -> "FeatureRegressor":
        """Learn from the training crystals.

        Args:
            features: A row for each crystal, the same for a supercell.
            num_atoms: Number of atoms of each.
            targets: One value for each; of an extensive target the total.

        Raises:
            InputError: Fewer than two crystals, or a target that is not finite.
        """
        if len(targets) < 2 or not np.isfinite(targets).all():
            raise InputError(
                f"features are learned from at least two finite targets, got {len(targets)} with "
                f"{int((~np.isfinite(targets)).sum())} that are not finite"
            )
        values = np.asarray(targets, dtype=np.float64) / self._size(num_atoms)
        pipeline = self._make(isinstance(features, csr_array), *features.shape)
        with threadpool_limits(limits=1), warnings.catch_warnings():
            # The number of passes is fixed, and chosen inside training parts.
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._pipeline = pipeline.fit(features, values)
        return self

    def predict(
        self, features: Float[np.ndarray, "crystals features"] | csr_array, num_atoms: np.ndarray
    ) -> Float[np.ndarray, " crystals"]:
        """Predict crystals, in the unit of the training targets.

        Args:
            features: A row for each crystal.
            num_atoms: Number of atoms of each.

        Returns:
            One value for each; of an extensive target the total.

        Raises:
            InputError: There has been no :meth:`fit`.
        """
        if self._pipeline is None:
            raise InputError("the regressor has learned nothing yet; call fit first")
        # Trees that are added up by several threads are added in any order.
        if self.learner == "forest":
            self._pipeline[-1].set_params(n_jobs=1)
        with threadpool_limits(limits=1):
            predicted = self._pipeline.predict(features)
        return self._size(num_atoms) * np.asarray(predicted, dtype=np.float64)

    @property
    def parameters(self) -> int | None:
        """Numbers that were fitted; None for trees and a Gaussian process."""
        if self._pipeline is None or self.learner in ("forest", "gp"):
            return None
        last = self._pipeline[-1]
        if self.learner == "ridge":
            return int(last.coef_.size) + 1
        network = last.regressor_
        return sum(weights.size for weights in (*network.coefs_, *network.intercepts_))

    def _size(self, num_atoms: np.ndarray) -> Float[np.ndarray, " crystals"]:
        """What the learned value is multiplied with: the number of atoms, or 1."""
        return np.asarray(num_atoms if self.kind == "extensive" else np.ones(len(num_atoms)), float)

    def _make(self, sparse: bool, rows: int, columns: int) -> Pipeline:
        """Return the learner behind what its features need: reduced, filled, scaled, bounded."""
        steps = []
        if sparse:
            kept = min(COMPONENTS, columns - 1, rows - 1)
            steps.append(("reduce", TruncatedSVD(kept, random_state=self.seed)))
        if self.learner == "forest":
            forest = RandomForestRegressor(
                n_estimators=100, max_features=1 / 3, n_jobs=self.jobs, random_state=self.seed
            )
            return Pipeline([*steps, ("forest", forest)])
        steps.append(("scale", StandardScaler()))
        if self.learner == "ridge":
            return Pipeline([*steps, ("ridge", RidgeCV(np.logspace(-6, 6, 25)))])
        if self.learner == "gp":
            return Pipeline([*steps, ("process", GaussianProcess(self.seed))])
        network = MLPRegressor(
            hidden_layer_sizes=(128, 64),
            alpha=0.1,
            learning_rate_init=1e-3,
            batch_size=min(64, rows),
            max_iter=150,
            n_iter_no_change=150,
            random_state=self.seed,
        )
        # A rare element stands thirty deviations from its mean, where the network has seen nothing.
        near = FunctionTransformer(np.clip, kw_args={"a_min": -4.0, "a_max": 4.0})
        filled = [("fill", SimpleImputer(keep_empty_features=True)), *steps, ("near", near)]
        scaled = TransformedTargetRegressor(network, transformer=StandardScaler())
        return Pipeline([*filled, ("network", scaled)])
