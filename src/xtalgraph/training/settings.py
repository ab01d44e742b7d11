"""Hyper-parameters of the training loop, and where it starts."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal, NamedTuple

from xtalgraph.conventions.choices import Device
from xtalgraph.conventions.declarations import Spelled
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.ranges import Fraction, Range, check_ranges
from xtalgraph.training.schedule import num_batches, usual_epochs

GAUSSIAN: Final = "gaussian"
"""The loss with which a model learns its variance, too."""


class Length(NamedTuple):
    """How long a training is."""

    steps: int
    """Of an epoch."""
    epochs: int
    """At most."""
    patience: int
    """Epochs without a better validation error after which it stops."""


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained."""

    epochs: Annotated[
        Annotated[int, Range(0, 1_000_000)] | None, Spelled(default="60 to 225, by size")
    ] = None
    """Passes over the training part. The learning rate falls to zero over them; null takes as many
    as make 4,500 steps, but at least 60 and at most 225. 0 is for a potential with a term that is
    fitted, and leaves it without a network."""
    batch_size: Annotated[int, Range(1, 1_000_000)] = 64
    """Largest number of crystals in a step; an epoch is cut into steps of equal size."""
    batch_by: Literal["crystals", "atoms", "edges"] = "crystals"
    """What ``batch_size`` counts. Steps of as many atoms, or edges, need about the same memory
    whatever the sizes of the cells; of a reduced graph its rows count."""
    learning_rate: Annotated[float, Range(0, 100, above=True)] = 3e-3
    """Peak of the schedule."""
    warmup: Fraction = 0.05
    """Part of the steps over which the learning rate rises from zero."""
    weight_decay: Annotated[float, Range(0, 1000)] | None = None
    """Decoupled decay of AdamW, per unit of learning rate; null takes what is recommended
    for the architecture."""
    loss: Literal["l1", "huber", "mse", "gaussian"] = "l1"
    """Loss of the error, in units of the standard deviation of the training targets; with
    ``gaussian`` the model learns the standard deviation of its error, too."""
    weights: dict[str, Annotated[float, Range(0, 1e6, above=True)]] | None = None
    """Weight of each target in the loss, by its name, as in ``{energy: 1, gap: 0.1}``; 1 for the
    others."""
    final_weights: dict[str, Annotated[float, Range(0, 1e6, above=True)]] | None = None
    """Weights of targets at the end of the training, for ``final_part`` of its epochs; the
    checkpoint is selected by them. Others keep theirs; null keeps all."""
    final_part: Fraction = 0.3
    """Part of the epochs, the last ones, for which ``final_weights`` hold."""
    per_atom: bool = False
    """Whether the loss compares totals per atom, so that large cells count as much as small ones;
    errors are reported in the unit of the target in any case."""
    relative: bool = False
    """Whether the loss compares the error of a tensor with the norm of its label, so that crystals
    with small tensors count as much as those with large ones."""
    clip_norm: Annotated[float, Range(0, 1e12, above=True)] = 5.0
    """Largest norm of the gradient; larger ones are scaled down."""
    ema_decay: Fraction = 0.999
    """Decay of the exponential moving average of the weights, which is validated and saved."""
    patience: Annotated[int, Range(1, 1_000_000)] | None = None
    """Epochs without a better validation error after which training stops; null never stops it,
    since the error falls most at the end, with the learning rate."""
    seed: Annotated[int, Range(0, 2**32 - 1)] = 0
    """Seed of the split, the initial weights and the order."""
    members: Annotated[int, Range(1, 1000), Spelled(default="recommended")] = 1
    """Models trained from different weights. Their mean is predicted; by default `train` takes as
    many as are recommended for the architecture."""
    snapshots: bool = False
    """Whether each further member starts from the weights of the one before instead of fresh ones,
    with the schedule begun anew: snapshots of one long training."""
    members_with_terms: Literal["all", "half"] = "all"
    """Which members of a potential have the terms that are fitted; of ``half`` every second, and
    the last of several, learn alone. Those with terms then take a tenth of the learning rate."""
    threads: Annotated[int, Range(1, 1024)] | None = None
    """CPU threads of each model that is trained; null takes one. More pay for wide models and
    large cells on a machine that does nothing else."""
    jobs: Annotated[int, Range(1, 1024)] | None = None
    """Models to train at the same time. Each has a process of its own; null takes the cores
    that this process may use. The numbers do not depend on it."""
    device: Device = "cpu"
    """Device to train on. Bits repeat on one kind of device."""
    refit: bool = False
    """Fit the last linear layer of a potential and a shift of each element to the training part in
    closed form when the training has ended; kept unless the validation error rises."""
    capture: bool = False
    """Record each size of step as a CUDA graph and replay it; for reduced graphs and targets of
    crystals. On a CPU it saves nothing."""
    compile: bool = False
    """Compile forward and backward of the loss of a potential, once for batches of any size; this
    takes some minutes and a C++ compiler, and each step is then faster. On a CPU."""
    precision: Literal["32-true", "64-true", "bf16-mixed"] = "32-true"
    """Precision of weights and activations."""

    @property
    def variance(self) -> bool:
        """Whether the loss needs a model that says the variance of its error."""
        return self.loss == GAUSSIAN

    def length(self, crystals: int, size: int | None = None) -> Length:
        """Return how long a training is, with what null stands for.

        Args:
            crystals: To learn from.
            size: All that ``batch_size`` counts; None where that is crystals.

        >>> TrainingConfig().length(911)
        Length(steps=15, epochs=225, patience=225)
        """
        steps = min(crystals, num_batches(crystals if size is None else size, self.batch_size))
        epochs = usual_epochs(steps) if self.epochs is None else self.epochs
        return Length(steps, epochs, self.patience or epochs)

    def weights_of(self, final: bool) -> dict[str, float]:
        """Return the weights of the targets that have other than 1.

        Args:
            final: At the end of the training, and to select a checkpoint.

        >>> config = TrainingConfig(weights={"gap": 2.0, "e": 1.0}, final_weights={"e": 3.0})
        >>> config.weights_of(final=False), config.weights_of(final=True)
        ({'gap': 2.0, 'e': 1.0}, {'gap': 2.0, 'e': 3.0})
        """
        return {**(self.weights or {}), **((final and self.final_weights) or {})}

    def decay(self, recommended: float) -> float:
        """Return the weight decay; null stands for that recommended for the architecture."""
        return recommended if self.weight_decay is None else self.weight_decay

    def __post_init__(self) -> None:
        check_ranges(self, "training")
        if self.compile and (self.capture or self.device != "cpu" or "bf16" in self.precision):
            raise ConfigError(
                "training.compile is for a CPU, in 32-true or 64-true, and without "
                "training.capture: leave it out"
            )
        if self.snapshots and self.members == 1:
            raise ConfigError(
                "training.snapshots needs training.members of 2 or more: how many there are"
            )


Depth = Literal["frozen", "gradual", "full"]
"""Which layers move."""


@dataclass(frozen=True)
class FinetuningConfig:
    """Where a training starts, and which layers it moves; `xtalgraph finetune` fills it in."""

    parent: str | None = None
    """Run folder whose encoder the training starts from; null starts from fresh weights."""
    parent_sha256: str | None = None
    """Checksum of the weights of that run; another run in its place is an error."""
    release: Depth = "full"
    """The encoder stays as it is and the head alone learns (frozen), its layers are released in
    turn over the first half of the epochs, the last one first (gradual), or all move from the start
    (full)."""
    rate_factor: Annotated[float, Range(0, 1, above=True)] = 1.0
    """Learning rate of a layer as a multiple of that of the layer above it; the head has
    ``training.learning_rate``."""
    head: Literal["kept", "fresh"] = "kept"
    """Whether a target that the parent has already keeps its head. Another target, unit, kind or
    readout has a fresh head in any case."""
    replay: str | None = None
    """Crystals with the labels of the run that are mixed into the training, so that what the parent
    knew of them is not forgotten: usually what it was trained on."""
    replay_weight: Annotated[float, Range(0, 1000, above=True)] = 1.0
    """Weight of the loss on these crystals, where that of the new ones is 1."""

    def __post_init__(self) -> None:
        check_ranges(self, "finetuning")
        if self.parent is None and self.replay is not None:
            raise ConfigError(
                "finetuning.replay goes with finetuning.parent: without a parent there is nothing "
                "to forget"
            )


FROM_SCRATCH: Final = FinetuningConfig()
"""A training from fresh weights."""


def check_epochs(training: TrainingConfig, *, fitted: bool) -> None:
    """Refuse a training without epochs, or members that differ in nothing: a `ConfigError`.

    Args:
        training: Its settings.
        fitted: Whether a term is fitted before it, which then is all there is.
    """
    if training.epochs == 0 and not fitted:
        raise ConfigError(
            "training.epochs must be at least 1, got 0; 0 is for a potential with a term that is "
            "fitted before its network is trained, as model.terms=ace"
        )
    if training.members_with_terms != "all" and (training.epochs == 0 or not fitted):
        raise ConfigError(
            "training.members_with_terms is for networks beside and without a term that is fitted, "
            "as model.terms=ace: leave it out"
        )
