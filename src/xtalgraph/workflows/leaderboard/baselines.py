"""The entries that see no structure: the mean, and models of the composition."""

import time
from typing import Any, Literal

from xtalgraph.baselines.composition import CompositionNetwork
from xtalgraph.baselines.composition_features import count_elements
from xtalgraph.evidence.leaderboard import EntryResult
from xtalgraph.workflows.compare_baselines import fit_baselines, number_kind
from xtalgraph.workflows.leaderboard.entry import (
    Case,
    LeaderboardEntry,
    Level,
    why_not_a_number_of_crystals,
)
from xtalgraph.workflows.record import versions


class BaselineEntry(LeaderboardEntry):
    """The mean, or the trees on the composition: what every training is compared with."""

    def __init__(self, name: Literal["mean", "composition"]) -> None:
        super().__init__(name, Level.MEAN if name == "mean" else Level.COMPOSITION)

    def why_not(self, case: Case) -> str:
        """It serves every target."""
        return ""

    def settings(self, case: Case) -> dict[str, Any]:
        """Return the version of the library that grows the trees."""
        return {"scikit-learn": versions()["scikit-learn"]}

    def run(self, case: Case) -> EntryResult:
        """Fit, and predict the test part."""
        seed = case.config.training.seed
        (fitted,) = fit_baselines(case.divided, case.target, seed=seed, only=self.name)
        values = fitted.predictions.values.of(case.target.name, case.split.test)
        return EntryResult(values, fitted.seconds, None)


class CompositionNetworkEntry(LeaderboardEntry):
    """A perceptron on the composition."""

    def __init__(self) -> None:
        super().__init__(CompositionNetwork.name, Level.COMPOSITION)

    def why_not(self, case: Case) -> str:
        """It learns a number for each crystal."""
        return why_not_a_number_of_crystals(case.target, "this perceptron learns")

    def settings(self, case: Case) -> dict[str, Any]:
        """Return the version of the library that trains it."""
        return {"scikit-learn": versions()["scikit-learn"]}

    def run(self, case: Case) -> EntryResult:
        """Fit, and predict the test part."""
        began = time.monotonic()
        counts = count_elements(case.dataset.table.crystals)
        network = CompositionNetwork(number_kind(case.target), case.config.training.seed)
        network.fit(counts[case.split.train], case.labels(case.split.train))
        values = network.predict(counts[case.split.test])
        return EntryResult(values, time.monotonic() - began, network.parameters)
