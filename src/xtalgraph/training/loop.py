"""The one training loop: any property model, repeatable and resumable to the bit."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from jaxtyping import Float
from lightning_fabric import Fabric
from torch import Tensor

from xtalgraph.conventions.documents import DAMAGE
from xtalgraph.conventions.errors import ConfigError, RunError
from xtalgraph.conventions.stopping import Stopped, StopRequest, postponed_stop
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.property_model import PropertyModel
from xtalgraph.training.averaging import average_of
from xtalgraph.training.captured import CapturedSteps
from xtalgraph.training.examples import (
    Examples,
    GraphSource,
    ordered_batches,
    shuffled_batches,
)
from xtalgraph.training.objective import Objective
from xtalgraph.training.reporting import Report, silent
from xtalgraph.training.schedule import learning_rate
from xtalgraph.training.selection import is_worse
from xtalgraph.training.settings import TrainingConfig
from xtalgraph.training.state import (
    damaged,
    load_state,
    pack_optimizer,
    prefixed,
    save_state,
    snapshot,
    under,
    unpack_optimizer,
)

_SECONDS_BETWEEN_STATES = 5.0
"""A state is saved after an epoch only if this long has passed; any epoch resumes to the same
bits, so when exactly it is saved does not matter."""
_EVALUATION_BATCH = 256


@dataclass
class Progress:
    """How far a training has come; plain values, saved with the state."""

    epoch: int = 0
    """Epochs done."""
    best_epoch: int = 0
    """Epoch of the best validation error, counted from 1."""
    best_error: float | None = None
    """Best validation error so far: the MAE in the target's unit, the log loss of classes,
    of several targets the mean over them, see `Objective`."""
    selected_epoch: int = 0
    """Epoch whose weights are kept, see `Trainer`."""
    selected_error: float | None = None
    """Validation error of the weights that are kept."""
    seconds: float = 0.0
    """Time spent training, over all sittings."""
    history: list[dict[str, Any]] = field(default_factory=list)
    """One row an epoch, as in log.csv."""
    key: str = ""
    """What the training was made from; a state is resumed only by the same."""

    @classmethod
    def restored(cls, values: Mapping[str, Any]) -> "Progress":
        """Return what was saved.

        Args:
            values: As `vars` has them.

        Raises:
            TypeError: If they are something else.
        """
        made = cls(**values)
        for one in fields(cls):
            value, usual = getattr(made, one.name), getattr(cls(), one.name)
            kinds = (int, float, type(None)) if usual is None else (type(usual), int)
            if not isinstance(value, kinds):
                raise TypeError(f"{one.name} is {value!r}")
        if not all(isinstance(row, dict) for row in made.history):
            raise TypeError("the history is no list of rows")
        return made


class Trainer:
    """Trains a property model and leaves averaged weights in it, those of the epoch that is kept.

    It is the latest whose validation error cannot be told from the best: it is larger by at most
    one standard error of the difference between the two, over the rows of the validation part.
    The learning rate falls to zero, so a later epoch is better unless the validation shows that it
    is not; of a hundred rows the smallest error is that of an epoch which chance has chosen.

    Args:
        model: Its scaler must have been fitted.
        train: What is learned from.
        validation: What the kept epoch is chosen by; empty keeps the last.
        config: Hyper-parameters.
        folder: Where the state is saved.
        key: A hash of data, split and configuration; a saved state of another is refused.

    Raises:
        ConfigError: If the loss needs the variance and the model says none, or the other way round.
    """

    def __init__(
        self,
        model: PropertyModel,
        train: Examples[GraphSource],
        validation: Examples[GraphSource],
        config: TrainingConfig,
        folder: Path,
        key: str,
    ) -> None:
        if config.variance != bool(model.deviations):
            raise ConfigError(
                f"training.loss is {config.loss} and the model "
                f"{'says' if model.deviations else 'does not say'} the variance of its error: the "
                "loss gaussian goes with a model that says it, ModelSpec(..., variance=True), and "
                "no other loss does"
            )
        self.config = config
        self.folder = folder
        self.progress = Progress(key=key)
        self._saved_epoch = 0
        self._stop = StopRequest()
        fabric = Fabric(accelerator=config.device, devices=1, precision=config.precision)
        self.fabric = fabric
        self.train = train.to(fabric.device)
        self.validation = validation.to(fabric.device)
        self.model = model
        optimizer = torch.optim.AdamW(
            _decayed(model, config.decay(model.encoder)), lr=config.learning_rate, fused=True
        )
        self.wrapped, self.optimizer = fabric.setup(model, optimizer)
        self.average = average_of(model, config.ema_decay)
        self.kept = snapshot(self.average.module)
        self.best_errors = torch.zeros(0, dtype=torch.float64)
        self.objective = Objective(model.targets, config.loss)
        self.scale = self._spread()
        self.steps, self.epochs, self.patience = config.length(len(train))
        self.gradients: Callable[[Examples[Graph]], Tensor] = self._fresh_gradients
        if config.capture:
            self.gradients = CapturedSteps(model, self._add_gradients)

    def fit(self, *, resume: bool = False, report: Report = silent) -> Progress:
        """Train to the end, or until the validation error has not fallen for `patience` epochs.

        Args:
            resume: Go on from the saved state, where there is one.
            report: Told after each epoch how far the training has come.

        Returns:
            The history; the model holds the averaged weights that are kept.

        Raises:
            Stopped: If the process was asked to stop; the last full epoch is saved before.
        """
        if resume:
            self._load()
        done = self.progress
        watched = f"validation {self.objective.measure}"
        saved = -math.inf
        with postponed_stop() as self._stop:
            while not self._finished():
                started = time.monotonic()
                loss = self._epoch(done.epoch)
                done.epoch += 1
                errors = self._validate()
                done.seconds += time.monotonic() - started
                self._record(loss, errors)
                known = (
                    "" if done.selected_error is None else f", {watched} {done.selected_error:.4g}"
                )
                report(done.epoch / self.epochs, f"epoch {done.epoch} of {self.epochs}{known}")
                due = time.monotonic() - saved > _SECONDS_BETWEEN_STATES
                if due or self._finished() or self._stop.signum is not None:
                    self._save()
                    saved = time.monotonic()
                self._stop_if_asked()
        self.model.load_state_dict(self.kept)
        return done

    def _finished(self) -> bool:
        done = self.progress
        waited = done.epoch - done.best_epoch
        return done.epoch >= self.epochs or waited >= self.patience

    def _stop_if_asked(self) -> None:
        """Stop where the last full epoch is saved; where it is not, the current one ends first.

        What is not saved is never older than `_SECONDS_BETWEEN_STATES`, so such epochs are short.
        """
        signum = self._stop.signum
        if signum is None or self._saved_epoch < self.progress.epoch:
            return
        if self._saved_epoch == 0:
            raise Stopped(signum, "no epoch of the training had ended, and nothing is saved")
        raise Stopped(
            signum,
            f"the training is saved in {self.folder} after epoch {self._saved_epoch} of "
            f"{self.epochs}: repeat the command to continue, `xtalgraph train` with --resume",
        )

    def _epoch(self, epoch: int) -> float:
        config = self.config
        torch.manual_seed(config.seed + epoch)  # dropout and the like, wherever a sitting begins
        self.wrapped.train()
        step, total = epoch * self.steps, self.epochs * self.steps
        losses = []
        batches = shuffled_batches(self.train, config.batch_size, seed=config.seed, epoch=epoch)
        for batch in batches:
            self._stop_if_asked()
            rate = learning_rate(step, total, config.learning_rate, config.warmup)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            losses.append(self.gradients(batch))
            self.fabric.clip_gradients(
                self.wrapped,
                self.optimizer,
                max_norm=config.clip_norm,
                error_if_nonfinite=False,  # the epoch's loss is looked at below, with advice
            )
            self.optimizer.step()
            self.average.update_parameters(self.model)
            step += 1
        mean = float(torch.stack(losses).mean())
        if not math.isfinite(mean):
            raise RunError(
                f"the training loss became not-a-number in epoch {epoch + 1}: lower "
                f"training.learning_rate (now {config.learning_rate}) or training.clip_norm"
            )
        return mean

    def _fresh_gradients(self, batch: Examples[Graph]) -> Tensor:
        self.optimizer.zero_grad(set_to_none=True)
        return self._add_gradients(batch)

    def _add_gradients(self, batch: Examples[Graph]) -> Tensor:
        """Return the loss, of as many crystals as there are values."""
        with self.fabric.autocast():  # not through the wrapper, which rewrites its inputs
            said = _outputs_of(self.model, batch)
        rows = len(batch.values)
        deviation = None if said.deviation is None else said.deviation[:rows]
        loss = self.objective.loss(said.values[:rows], batch.values, self.scale, deviation)
        self.fabric.backward(loss)
        return loss.detach()

    @torch.no_grad()
    def _validate(self) -> Float[Tensor, " rows"]:
        """Return the errors whose mean is the validation error; none without validation rows."""
        if len(self.validation) == 0:
            return self.best_errors
        said = _outputs(cast(PropertyModel, self.average.module), self.validation)
        return self.objective.errors(said.values, self.validation.values, self.scale).cpu()

    def _record(self, loss: float, errors: Float[Tensor, " rows"]) -> None:
        done, config = self.progress, self.config
        error = float(errors.mean()) if len(errors) else None
        if error is None or done.best_error is None or error < done.best_error:
            done.best_error, done.best_epoch = error, done.epoch
            self.best_errors = errors
        keep = not is_worse(errors, self.best_errors)
        if keep:
            done.selected_error, done.selected_epoch = error, done.epoch
            self.kept = snapshot(self.average.module)
        step = done.epoch * self.steps
        row = {
            "epoch": done.epoch,
            "step": step,
            "learning_rate": learning_rate(
                step - 1, self.epochs * self.steps, config.learning_rate, config.warmup
            ),
            "train_loss": loss,
            self.objective.column: error,
            "kept": int(keep),
            "seconds": round(done.seconds, 3),
        }
        done.history.append(row)

    def _spread(self) -> Tensor:
        """Return the units of the loss."""
        start = [
            self.model.start(part.graph) for part in ordered_batches(self.train, _EVALUATION_BATCH)
        ]
        return self.objective.scale(self.train.values, torch.cat(start))

    def _save(self) -> None:
        tensors = (
            prefixed("model", self.model.state_dict())
            | prefixed("average", self.average.state_dict())
            | prefixed("kept", self.kept)
            | {"best_errors": self.best_errors}
            | prefixed("optimizer", pack_optimizer(self.optimizer))
        )
        save_state(self.folder, tensors, vars(self.progress))
        self._saved_epoch = self.progress.epoch

    def _load(self) -> None:
        state = load_state(self.folder)
        if state is None:
            return
        tensors, progress = state
        if progress.get("key") != self.progress.key:
            raise RunError(
                f"the saved training state in {self.folder} was made from other data, another "
                "split or other settings: repeat the command it began with, or choose another "
                "--out"
            )
        try:
            self.progress = Progress.restored(progress)
            self.model.load_state_dict(under("model", tensors))
            self.average.load_state_dict(under("average", tensors))
            self.kept = under("kept", tensors)
            self.best_errors = tensors["best_errors"]
            unpack_optimizer(self.optimizer, under("optimizer", tensors))
        except (RuntimeError, *DAMAGE) as error:
            raise RunError(damaged(self.folder, str(error))) from error
        self._saved_epoch = self.progress.epoch


class Outputs(NamedTuple):
    """What a model says of examples."""

    values: Float[Tensor, "rows *columns"]
    """One value, or one for each target, for each row of their scope, in float64."""
    deviation: Float[Tensor, "rows *columns"] | None
    """The standard deviation of the error of each; None where no variance was learned."""


def predict(model: PropertyModel, examples: Examples[GraphSource]) -> Outputs:
    """Predict examples in order, in evaluation mode.

    Args:
        model: A property model.
        examples: What to predict.

    Returns:
        Predictions, of classes probabilities, and their deviations.
    """
    said = _outputs(model, examples)
    return Outputs(model.prediction(said.values), said.deviation)


@torch.no_grad()
def embeddings(model: PropertyModel, examples: Examples[GraphSource]) -> Tensor:
    """Return the vector of each crystal from which the readout starts, in evaluation mode.

    Args:
        model: A property model.
        examples: The crystals, in order.
    """
    was_training = model.training
    model.eval()
    parts = []
    for part in ordered_batches(examples, _EVALUATION_BATCH):
        parts.append(model.embedding(model.features(part.graph), part.graph))
    model.train(was_training)
    return torch.cat(parts)


@torch.no_grad()
def _outputs(model: PropertyModel, examples: Examples[GraphSource]) -> Outputs:
    was_training = model.training
    model.eval()
    parts = [_outputs_of(model, part) for part in ordered_batches(examples, _EVALUATION_BATCH)]
    model.train(was_training)
    deviations = [part.deviation for part in parts if part.deviation is not None]
    values = torch.cat([part.values for part in parts])
    return Outputs(values, torch.cat(deviations) if deviations else None)


def _outputs_of(model: PropertyModel, batch: Examples[Graph]) -> Outputs:
    """Return what `PropertyModel.forward` says, and the deviation, in the precision of the values.

    The features are made once for both.
    """
    features = model.features(batch.graph)
    values, deviation = model.read(features, batch.graph), model.deviation(features, batch.graph)
    dtype = batch.values.dtype
    return Outputs(values.to(dtype), None if deviation is None else deviation.to(dtype))


def _decayed(model: PropertyModel, weight_decay: float) -> list[dict[str, Any]]:
    """Decay matrices; leave biases and the scales of normalisations alone."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
