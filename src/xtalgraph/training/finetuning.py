"""How a training that starts from a trained run differs from one that starts from fresh weights."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, islice
from typing import Final, final

from torch import nn

from xtalgraph.graphs.graph import Graph
from xtalgraph.training.examples import Examples, GraphSource, shuffled_batches
from xtalgraph.training.settings import FinetuningConfig

RELEASED_AFTER: Final = 0.5
"""Part of the epochs after which all layers move, where they are released in turn."""


@final
class Release:
    """Which layers of a model move in which epoch, and how fast.

    A level is a number of layers: 0 is the head, 1 the last layer of the encoder, and so on to what
    comes before its first layer. What does not move computes as in evaluation: its means over
    batches are those of the parent.

    Args:
        model: Its encoder has layers in module lists.
        config: What moves.

    Source: J. Howard, S. Ruder, ACL (2018), doi 10.18653/v1/P18-1031, for rates by layer and layers
    that are released in turn.
    """

    def __init__(self, model: nn.Module, config: FinetuningConfig) -> None:
        self.depth, self.factor = config.release, config.rate_factor
        level = _levels_below(model.get_submodule("encoder"))
        self._modules: list[tuple[nn.Module, int]] = [
            (module, level(name)) for name, module in model.get_submodule("encoder").named_modules()
        ]
        start = "encoder."
        self.levels = {
            name: level(name.removeprefix(start)) if name.startswith(start) else 0
            for name, _ in model.named_parameters()
        }
        """Of each weight, by its name."""
        self.lowest = max(self.levels.values())
        """The level that is released last."""

    def begin(self, model: nn.Module, epoch: int, epochs: int) -> int:
        """Let the layers move that have been released, and hold the others.

        Args:
            model: In training mode.
            epoch: That begins, from 0.
            epochs: Of the whole training.

        Returns:
            The lowest level that moves.
        """
        released = self.released(epoch, epochs)
        for name, weight in model.named_parameters():
            weight.requires_grad_(self.levels[name] <= released)
        for module, level in self._modules:
            module.training = level <= released
        return released

    def released(self, epoch: int, epochs: int) -> int:
        """Return the lowest level that moves in an epoch, from 0, of so many."""
        if self.depth == "full":
            return self.lowest
        if self.depth == "frozen":
            return 0
        return min(self.lowest, int(self.lowest * epoch / (RELEASED_AFTER * epochs)))


def _levels_below(encoder: nn.Module) -> Callable[[str], int]:
    """Return what gives the level of a weight or module of an encoder by its name."""
    children = dict(encoder.named_children())
    modules = {name: c for name, c in children.items() if isinstance(c, nn.ModuleList)}
    lists = {name: len(layers) for name, layers in modules.items() if len(layers)}
    depth, order = max(lists.values(), default=0), list(children)
    first = min((order.index(name) for name in lists), default=len(order))

    def level(name: str) -> int:
        child, _, rest = name.partition(".")
        if child in lists and rest:
            return depth - int(rest.partition(".")[0])
        is_after = child in children and order.index(child) >= first
        return 1 if is_after else depth + 1

    return level


@final
@dataclass(frozen=True, eq=False)
class Replay:
    """Crystals that are learned beside the new ones, so that they are not forgotten."""

    examples: Examples[GraphSource]
    """Their graphs and labels."""
    weight: float
    """Of their loss, where that of the new ones is 1."""

    def batches(
        self, steps: int, learned: int, *, seed: int, epoch: int
    ) -> Iterator[Examples[Graph]]:
        """Yield a batch for each step of an epoch, about as large as those of the new crystals."""
        known = len(self.examples)
        parts = max(1, min(known, round(steps * known / learned)))
        rounds = -(-steps // parts)

        def endless() -> Iterator[Examples[Graph]]:
            for number in count(epoch * rounds):
                yield from shuffled_batches(self.examples, parts, seed=seed, epoch=number)

        yield from islice(endless(), steps)
