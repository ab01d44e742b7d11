"""The last layer of a potential, fitted in closed form when its training has ended."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final, cast, final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.logs import log
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.graph import Graph, Scope
from xtalgraph.models.derivatives import displaced, sensitivities
from xtalgraph.models.inference import evaluated
from xtalgraph.models.model import Model
from xtalgraph.models.potential import Potential
from xtalgraph.training.examples import Examples, GraphSource, ordered_batches
from xtalgraph.training.least_squares import Minimum, Rows, least_loss_of_folds
from xtalgraph.training.objective import Objective, atoms_of
from xtalgraph.training.state import Progress, Report, Validation, snapshot

MOST_BYTES: Final = 2**30
"""Memory for what the forces change with the parameters; where all frames need more, some are
drawn."""
FOLDS: Final = 5
"""Of the frames, to choose the penalty of large changes."""
_NO_POTENTIAL: Final = (
    "training.refit is for potentials, an energy with forces or stress: leave it out"
)


def check_refit(*, of_potential: bool, replays: bool) -> None:
    """Raise a `ConfigError` where ``training.refit`` cannot be.

    Args:
        of_potential: Whether the model is a potential.
        replays: Whether something is learned beside the training part.
    """
    if not of_potential:
        raise ConfigError(_NO_POTENTIAL)
    if replays:
        raise ConfigError(
            "training.refit fits to the training part alone, and would unlearn what "
            "finetuning.replay keeps: leave one of them out"
        )


@final
class LastLayer:
    """What the energy of a potential is linear in: its last weights, and a shift of each element.

    Terms and energies of isolated atoms stay as they are.

    Args:
        model: A potential, on the device where it is trained.
        train: What is learned.
        objective: The loss, with the weights of the end of the training.
        scales: The units of the loss.
        seed: Draws frames where `MOST_BYTES` do not hold all.

    Raises:
        ConfigError: If the model is no potential.
    """

    def __init__(
        self,
        model: Model,
        train: Examples[GraphSource],
        objective: Objective,
        scales: Mapping[str, Tensor],
        seed: int,
    ) -> None:
        if not isinstance(model, Potential):
            raise ConfigError(_NO_POTENTIAL)
        self.model, self.train, self.seed = model, train, seed
        self.objective, self.scales = objective, scales
        self.parameters = model.head.linear
        """Weights, then the shifts."""
        *sizes, _ = (parameter.numel() for parameter in self.parameters)
        numbers = [batch.graph.number.unique() for batch in self._batches(torch.arange(len(train)))]
        shifts = sum(sizes) + torch.cat(numbers).unique()
        self.chosen = torch.cat([torch.arange(sum(sizes)).to(shifts), shifts])
        """Places of the parameters that are fitted, where all stand in one row."""

    def fit(self, report: Report) -> Minimum:
        """Find the change of the parameters with which the loss of the training part is least.

        Args:
            report: Told how far it has come.
        """
        folds: list[list[Rows]] = []
        chosen, done = self.frames(), 0
        order = torch.from_numpy(np.random.default_rng(self.seed).permutation(len(chosen)))
        for frames in chosen[order].tensor_split(min(FOLDS, len(chosen))):
            folds.append([])
            for batch in self._batches(frames):
                folds[-1] += self._rows(batch)
                done += len(batch)
                report(1.0, f"last layer: {done} of {len(chosen)} frames")
        return least_loss_of_folds(
            self.objective, folds, lambda text: report(1.0, f"last layer: {text}")
        )

    @torch.no_grad()
    def move(self, change: Float[Tensor, " columns"]) -> None:
        """Change the parameters."""
        sizes = [parameter.numel() for parameter in self.parameters]
        moved = change.new_zeros(sum(sizes)).index_copy(0, self.chosen, change).split(sizes)
        for parameter, part in zip(self.parameters, moved, strict=True):
            parameter.add_(part.reshape(parameter.shape))

    def frames(self) -> Int[Tensor, " chosen"]:
        """Return the frames that are fitted to: all, or as many as `MOST_BYTES` hold."""
        number = self.train.graph.counts(Scope.ATOM).cpu()
        size = 3 * number * len(self.chosen) * self.parameters[0].element_size()
        order = torch.from_numpy(np.random.default_rng(self.seed).permutation(len(number)))
        return order[size[order].cumsum(0) <= max(MOST_BYTES, int(size[order[0]]))].sort().values

    def _batches(self, frames: Int[Tensor, " chosen"]) -> Iterator[Examples[Graph]]:
        return ordered_batches(self.train, frames, self.model.atoms_at_once)

    def _rows(self, batch: Examples[Graph]) -> list[Rows]:
        values = evaluated(self.model, batch.graph).values
        columns = self._columns(cast(CrystalGraph, batch.graph))
        num_atoms = atoms_of(batch.graph)
        rows = []
        for term in self.objective.terms:
            name, derivative = term.target.name, term.target.derivative
            rows.append(
                Rows(
                    term,
                    values[name].double(),
                    columns["energy" if derivative is None else derivative.by],
                    batch.labels[name].values,
                    self.scales[name] * num_atoms if term.per_atom else self.scales[name],
                )
            )
        return rows

    def _columns(self, graph: CrystalGraph) -> dict[str, Tensor]:
        """Return what energy, forces and stress change with the parameters."""
        by = [t.derivative.by for t in self.model.targets if t.derivative is not None]
        shift = self.parameters[-1].requires_grad_()
        try:
            at = displaced(graph, *by)
            energy = self.model.of_head(self.model.encoded(at.graph), at.graph)
            return sensitivities(energy, at, self.parameters, self.chosen)
        finally:
            shift.requires_grad_(False)


def refit(
    layer: LastLayer,
    progress: Progress,
    validate: Callable[[Model], Validation],
    stop_if_asked: Callable[[], None],
    report: Report,
) -> None:
    """Fit the last layer, and keep that unless the validation error is larger than before.

    Args:
        layer: Of the selected checkpoint.
        progress: Takes one more row of the history, of the same epoch.
        validate: Returns the errors of a model in the validation part.
        stop_if_asked: Called again and again; a refit that it stops begins anew.
        report: Told how far it has come.
    """

    def told(part: float, text: str) -> None:
        report(part, text)
        stop_if_asked()

    started, model, shown = time.monotonic(), layer.model, layer.objective.shown
    before, selected = snapshot(model), progress.selected
    model.eval()
    minimum = layer.fit(told)
    layer.move(minimum.change)
    validation = validate(model)
    error = float(validation.errors.mean()) if len(validation.errors) else None
    kept = error is None or progress.selected_error is None or error <= progress.selected_error
    row = {
        **progress.history[-1],
        "learning_rate": 0.0,
        "train_loss": minimum.after,
        layer.objective.column: error,
        **validation.means,
        "selected": int(kept),
    }
    if kept:
        progress.selected_error = error
    else:
        model.load_state_dict(before)
    progress.seconds += time.monotonic() - started
    progress.history.append({**row, "seconds": round(progress.seconds, 3)})
    log.info(
        "last layer before: training loss %.4g%s; fitted in closed form: %.4g%s; %s",
        *(minimum.before, shown(selected), minimum.after, shown(row)),
        "kept" if kept else "not kept, since the validation error is larger",
    )
