"""The one training loop: any model, repeatable and resumable to the bit."""

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from xtalgraph.conventions.documents import DAMAGE
from xtalgraph.conventions.errors import ConfigError, RunError
from xtalgraph.conventions.stopping import Stopped, StopRequest, postponed_stop
from xtalgraph.graphs.graph import Graph, Scope
from xtalgraph.models.inference import check_device, concatenated, infer
from xtalgraph.models.model import Model, Output
from xtalgraph.training.captured import CapturedSteps
from xtalgraph.training.compiled_steps import CompiledSteps
from xtalgraph.training.examples import (
    Examples,
    GraphSource,
    less,
    ordered_graphs,
    shuffled_batches,
)
from xtalgraph.training.finetuning import Release, Replay
from xtalgraph.training.objective import Objective, atoms_of
from xtalgraph.training.optimizer import Average, FlatAdamW
from xtalgraph.training.precision import DOUBLE, computing_in
from xtalgraph.training.refit import LastLayer, refit
from xtalgraph.training.schedule import learning_rate
from xtalgraph.training.settings import TrainingConfig
from xtalgraph.training.state import (
    Progress,
    Report,
    Validation,
    damaged,
    is_worse,
    load_state,
    prefixed,
    save_state,
    silent,
    snapshot,
    under,
)

_SECONDS_BETWEEN_STATES = 5.0
"""A state is saved after an epoch only if this long has passed; any epoch resumes to the same
bits, so when exactly it is saved does not matter."""


class Trainer:
    """Trains a model and leaves the averaged weights of the selected checkpoint in it.

    It is that of the latest epoch whose validation error cannot be told from the best: it is larger
    by at most one standard error of the difference between the two, over the rows of the validation
    part.
    The learning rate falls to zero, so a later epoch is better unless the validation shows that it
    is not; of a hundred rows the smallest error is that of an epoch selected by chance.

    Args:
        model: Its scales must have been fitted.
        train: What is learned from.
        validation: Selects the checkpoint; where it is empty, the last epoch is selected.
        config: Hyper-parameters.
        folder: Where the state is saved.
        key: A hash of data, split and configuration; a saved state of another is refused.
        release: Which layers move; None moves all alike.
        replay: What is learned beside, where something is.

    Raises:
        ConfigError: If the loss needs the variance and the model predicts none, or the reverse.
    """

    def __init__(
        self,
        model: Model,
        train: Examples[GraphSource],
        validation: Examples[GraphSource],
        config: TrainingConfig,
        folder: Path,
        key: str,
        release: Release | None = None,
        replay: Replay | None = None,
    ) -> None:
        if config.variance != model.learns_variance:
            raise ConfigError(
                f"training.loss is {config.loss} and the model predicts "
                f"{'the' if model.learns_variance else 'no'} variance of its error: the loss "
                "gaussian goes with a model that predicts it, ModelSpec(..., variance=True), and "
                "no other loss does"
            )
        self.config = config
        self.folder = folder
        self.progress = Progress(key=key)
        self._saved_epoch = 0
        self._stop = StopRequest()
        self.device = check_device(config.device)
        self.train = train.to(self.device)
        self.validation = validation.to(self.device)
        dtype = torch.float64 if config.precision == DOUBLE else None
        self.model = model.to(device=self.device, dtype=dtype)
        decay = config.decay(model.encoder.recommended.weight_decay)
        by_level = () if release is None else (release.levels, release.factor)
        self.optimizer = FlatAdamW(model, decay, *by_level)
        self.release = release
        self.for_weights = self._for_weights(self.train)
        self.replay = replay and Replay(
            self._for_weights(replay.examples.to(self.device)), replay.weight
        )
        self.average = Average(model, self.optimizer, config.ema_decay)
        self.selected = snapshot(self.average.module)
        self.best_errors = torch.zeros(0, dtype=torch.float64)
        self.objective = Objective.of(model.targets, config)
        self.scales = self._scales()
        self.sizes = train.sizes(config.batch_by)
        size = None if self.sizes is None else int(self.sizes.sum())
        self.steps, self.epochs, self.patience = config.length(len(train), size)
        self.learned = Objective.of(model.targets, config, final=False)
        self.gradients = self._gradients()

    def _gradients(self) -> Callable[[Examples[Graph]], Tensor]:
        if self.config.capture:
            return CapturedSteps(self.model, self._add_gradients)
        if self.config.compile:
            of_loss = self.learned, self.scales
            return CompiledSteps(self.model, self._output, *of_loss, self.train.graph, self._first)
        return self._fresh_gradients

    def _for_weights(self, examples: Examples[GraphSource]) -> Examples[GraphSource]:
        """Return the same with labels less what no weight changes."""
        return less(examples, self.model.given, self.model.atoms_at_once)

    def _first(self) -> Examples[Graph]:
        return next(self._batches(0))

    def _batches(self, epoch: int) -> Iterator[Examples[Graph]]:
        seed = self.config.seed
        return shuffled_batches(
            self.for_weights, self.steps, seed=seed, epoch=epoch, sizes=self.sizes
        )

    def _weigh(self, epoch: int) -> None:
        """Take the weights of the loss in an epoch; a recorded step has those of its own."""
        final = epoch >= (1 - self.config.final_part) * self.epochs
        learned = Objective.of(self.model.targets, self.config, final)
        if learned != self.learned:
            self.learned = learned
            if isinstance(self.gradients, CompiledSteps):
                self.gradients.objective = learned
            else:
                self.gradients = self._gradients()

    def fit(self, *, resume: bool = False, report: Report = silent) -> Progress:
        """Train to the end, or until the validation error has not fallen for `patience` epochs.

        Args:
            resume: Go on from the saved state, where there is one.
            report: Told after each epoch how far the training has come.

        Returns:
            The history; the model holds the weights of the selected checkpoint.

        Raises:
            Stopped: If the process was asked to stop; the last full epoch is saved before.
        """
        if resume:
            self._load()
        done = self.progress
        saved = -math.inf
        with postponed_stop() as self._stop:
            while not self._finished():
                started = time.monotonic()
                loss = self._epoch(done.epoch)
                done.epoch += 1
                validation = self._validate(cast(Model, self.average.module))
                done.seconds += time.monotonic() - started
                self._record(loss, validation)
                known = self.objective.shown(done.selected)
                report(done.epoch / self.epochs, f"epoch {done.epoch} of {self.epochs}{known}")
                due = time.monotonic() - saved > _SECONDS_BETWEEN_STATES
                if due or self._finished() or self._stop.signum is not None:
                    self._save()
                    saved = time.monotonic()
                self._stop_if_asked()
            self.model.load_state_dict(self.selected)
            if self.config.refit:
                of_loss, seed = (self.objective, self.scales), self.config.seed
                layer = LastLayer(self.model, self.train, *of_loss, seed)
                refit(layer, done, self._validate, self._stop_if_asked, report)
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
        self._weigh(epoch)
        torch.manual_seed(config.seed + epoch)  # dropout and the like, wherever a sitting begins
        self.model.train()
        released = self.release and self.release.begin(self.model, epoch, self.epochs)
        step, total = epoch * self.steps, self.epochs * self.steps
        losses = []
        replayed = self._replayed(epoch)
        for batch in self._batches(epoch):
            self._stop_if_asked()
            rate = learning_rate(step, total, config.learning_rate, config.warmup)
            losses.append(self.gradients(batch))
            if self.replay is not None:
                self._add_gradients(next(replayed), self.replay.weight)
            # Where it is not finite, the loss of the epoch says so below, with advice.
            self.optimizer.step(rate, config.clip_norm, released)
            self.average.update()
            step += 1
        mean = float(torch.stack(losses).mean())
        if not math.isfinite(mean):
            raise RunError(
                f"the training loss became not-a-number in epoch {epoch + 1}: lower "
                f"training.learning_rate (now {config.learning_rate}) or training.clip_norm"
            )
        return mean

    def _replayed(self, epoch: int) -> Iterator[Examples[Graph]]:
        """Return a batch of what is learned beside for each step; nothing where nothing is."""
        if self.replay is None:
            return iter(())
        seed = self.config.seed
        return self.replay.batches(self.steps, len(self.train), seed=seed, epoch=epoch)

    def _fresh_gradients(self, batch: Examples[Graph]) -> Tensor:
        self.optimizer.zero_grad()
        return self._add_gradients(batch)

    def _add_gradients(self, batch: Examples[Graph], weight: float = 1.0) -> Tensor:
        """Return the loss; the graph may have more crystals than there are labels."""
        output = self._output(batch.graph)
        loss = self.learned.mean(self.learned.sums(output, batch, self.scales))
        (weight * loss if weight != 1 else loss).backward()
        return loss.detach()

    def _output(self, graph: Graph) -> Output:
        with computing_in(self.config.precision, self.device):
            return self.model.learned(graph)

    @torch.no_grad()
    def _validate(self, model: Model) -> Validation:
        """Return the errors whose mean is the validation error; none without validation rows."""
        if len(self.validation) == 0:
            return Validation(self.best_errors, {})
        graphs = ordered_graphs(self.validation.graph, self.model.atoms_at_once)
        batches = infer([model], graphs)
        values, _ = concatenated(batch.outputs[0] for batch in batches)
        labels = self.validation.labels
        values = {name: value.to(labels[name].values.dtype) for name, value in values.items()}
        counts = self.validation.graph.counts(Scope.ATOM)
        crystal_of_atom = torch.arange(len(counts), device=counts.device).repeat_interleave(counts)
        errors = self.objective.errors(values, labels, self.scales, crystal_of_atom)
        return Validation(errors.cpu(), self.objective.means(values, labels, crystal_of_atom))

    def _record(self, loss: float, validation: Validation) -> None:
        done, config, errors = self.progress, self.config, validation.errors
        error = float(errors.mean()) if len(errors) else None
        if error is None or done.best_error is None or error < done.best_error:
            done.best_error, done.best_epoch = error, done.epoch
            self.best_errors = errors
        selected = not is_worse(errors, self.best_errors)
        if selected:
            done.selected_error, done.selected_epoch = error, done.epoch
            self.selected = snapshot(self.average.module)
        step = done.epoch * self.steps
        row = {
            "epoch": done.epoch,
            "step": step,
            "learning_rate": learning_rate(
                step - 1, self.epochs * self.steps, config.learning_rate, config.warmup
            ),
            "train_loss": loss,
            self.objective.column: error,
            **validation.means,
            "selected": int(selected),
            "seconds": round(done.seconds, 3),
        }
        done.history.append(row)

    def _scales(self) -> dict[str, Tensor]:
        """Return the units of the loss."""
        starts, atoms = [], []
        for graph in ordered_graphs(self.train.graph, self.model.atoms_at_once):
            starts.append(self.model.start(graph))
            atoms.append(atoms_of(graph))
        start = {name: torch.cat([part[name] for part in starts]) for name in starts[0]}
        return self.objective.scales(self.train.labels, start, torch.cat(atoms))

    def _save(self) -> None:
        tensors = (
            prefixed("model", self.model.state_dict())
            | prefixed("average", self.average.state_dict())
            | prefixed("selected", self.selected)
            | {"best_errors": self.best_errors}
            | prefixed("optimizer", self.optimizer.state())
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
            self.selected = under("selected", tensors)
            self.best_errors = tensors["best_errors"]
            self.optimizer.load(under("optimizer", tensors))
        except (RuntimeError, *DAMAGE) as error:
            raise RunError(damaged(self.folder, str(error))) from error
        self._saved_epoch = self.progress.epoch
