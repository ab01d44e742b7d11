"""The entries of our own architectures: each a run of its own, with its report."""

from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from xtalgraph.conventions.errors import RunError, XtalgraphError
from xtalgraph.conventions.files import make_folder
from xtalgraph.conventions.voigt import from_subscripts, subscripts
from xtalgraph.data.targets import Target
from xtalgraph.evidence.leaderboard import EntryResult
from xtalgraph.evidence.run_files import read_predictions
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.leaderboard.entry import Case, LeaderboardEntry, Level
from xtalgraph.workflows.leaderboard.running import key_of
from xtalgraph.workflows.record import versions
from xtalgraph.workflows.train import train_run


class OwnModelEntry(LeaderboardEntry):
    """An architecture of xtalgraph.

    The assessed one has all the settings; another has those of data, graph and training, and its
    own defaults of the section ``model``.
    """

    def __init__(self, name: str, members: int) -> None:
        super().__init__(name, Level.OWN, members=members)
        self.members = members

    def why_not(self, case: Case) -> str:
        """Its settings must serve the target."""
        try:
            self._config(case)
        except XtalgraphError as error:
            return str(error)
        return ""

    def settings(self, case: Case) -> dict[str, Any]:
        """Return the settings of its run, and the versions its weights depend on."""
        known = versions()
        return {**self._config(case).deciding(), "torch": known["torch"]}

    def run(self, case: Case) -> EntryResult:
        """Train in a run folder, and take the predictions from there."""
        config = self._config(case)
        folder = case.folder / "runs" / f"{self.name}-{case.where}-{key_of(self, case)[:12]}"
        make_folder(folder.parent)
        run = train_run(case.preparations, config, folder, case.session)
        targets = case.config.targets
        tables = read_predictions(folder, [target.name for target in targets])
        values = np.concatenate([_tested(tables[target.name], target) for target in targets])
        if run.division["test"] != case.test_ids:
            raise RunError(
                f"{folder} tested {len(run.division['test'])} crystals that are not the "
                f"{len(case.test_ids)} of this comparison: its neighbour strategy refuses others "
                "than that of the assessed model does"
            )
        record = run.record
        seconds = float(record["Time"][f"{self.name}, s"])
        return EntryResult(values, seconds, int(record["Model"]["parameters"]))

    def _config(self, case: Case) -> RunConfig:
        """Return the settings of this architecture for the fold of a case."""
        if self.name == case.config.spec.encoder:
            return case.config
        sections = case.config.sections()
        graph = {k: v for k, v in sections["graph"].items() if k != "reduction_tolerance"}
        model = {"name": self.name, "readout": "auto"}
        training = sections["training"] | {"members": self.members}
        return RunConfig.from_sections(
            {**sections, "graph": graph, "model": model, "training": training}
        )


def _tested(table: pd.DataFrame, target: Target) -> Float[np.ndarray, "rows *shape"]:
    """Return what a table of predictions holds for the test part: numbers, or full tensors."""
    numbers = table.loc[table["split"] == "test", "prediction"].to_numpy()
    if not target.is_tensor:
        return numbers
    return from_subscripts(target.tensor, numbers.reshape(-1, len(subscripts(target.tensor))))
