"""What is the same for every training on one split of the same data, and done for it once."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

from xtalgraph.data.splits import Split
from xtalgraph.data.targets import Target
from xtalgraph.workflows.compare_baselines import fit_baselines
from xtalgraph.workflows.dataset import Dataset
from xtalgraph.workflows.examine_split import examine_split
from xtalgraph.workflows.outcome import Outcome
from xtalgraph.workflows.view import TargetView


@final
class SplitWork:
    """Counts leaks and fits baselines, for each split of the same data once.

    One is shared by the trainings of a comparison or an ablation; both take seconds on ten thousand
    crystals. It remembers in memory, as long as it lives.
    """

    def __init__(self) -> None:
        self._divisions: dict[str, dict[str, Any]] = {}
        self._baselines: dict[str, list[Outcome]] = {}

    def division(
        self,
        folder: Path,
        dataset: Dataset,
        split: Split,
        targets: Sequence[Target],
        data_hash: str,
    ) -> dict[str, Any]:
        """Return what `examine_split` says of a split.

        Args:
            folder: The run.
            dataset: Crystals and targets.
            split: The parts.
            targets: What is predicted.
            data_hash: SHA-256 of crystals and targets.
        """
        key = _key(data_hash, split, [*targets], dataset.table.ids)
        if key not in self._divisions:
            self._divisions[key] = examine_split(folder, dataset, split, targets, data_hash)
        return self._divisions[key]

    def baselines(self, view: TargetView, data_hash: str, seed: int) -> list[Outcome]:
        """Return what `fit_baselines` finds for a target.

        Args:
            view: The target, with the crystals that have its label and their parts.
            data_hash: SHA-256 of all crystals and targets.
            seed: Of the baselines that draw.
        """
        key = _key(data_hash, view.split, view.target, seed)
        if key not in self._baselines:
            found = fit_baselines(view.dataset, view.split, view.target, seed=seed)
            self._baselines[key] = found
        return self._baselines[key]


def _key(data_hash: str, split: Split, *others: Any) -> str:
    digest = hashlib.sha256(f"{data_hash} {split.how} {others!r}".encode())
    for name, rows in split.parts().items():
        digest.update(name.encode() + rows.astype("<i8").tobytes())
    return digest.hexdigest()
