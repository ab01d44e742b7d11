"""What is added to the energy of a potential before its derivatives are taken."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.elements import ATOMIC_NUMBERS, MAX_ATOMIC_NUMBER
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.models.encoder import Features


class EnergyTerm(nn.Module, ABC):
    """Base of every term.

    A subclass has a frozen dataclass ``Config`` with its settings, takes
    ``(config, width, cutoff)``, and writes ``forward``. Everything else follows from its line in
    `xtalgraph.models.registry.TERMS`. A term without weights is not learned: it is subtracted from
    the labels before the reference energies are fitted, and costs no second derivative in training.

    Args:
        config: Its settings.
        width: Length of an atom's vector of features.
        cutoff: Longest edge of the graph, Å.
    """

    Config: ClassVar[type[Any]]
    """Settings, a frozen dataclass with a default for each."""
    long_ranged: ClassVar[bool] = False
    """Whether it acts at any distance, so that far fragments do not add up."""
    is_fitted: ClassVar[bool] = False
    """Whether `fit` fits it to labels before a training."""
    of_data: ClassVar[tuple[str, ...]] = ()
    """Settings that follow from the data where they are null."""

    def __init__(self, config: Any, width: int, cutoff: float) -> None:
        super().__init__()
        self.config, self.width, self.cutoff = config, width, cutoff

    @classmethod
    def open_settings(cls, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the settings that are to be taken from the data: null."""
        return tuple(name for name in cls.of_data if settings.get(name) is None)

    @property
    def is_learned(self) -> bool:
        """Whether it has weights, and then may read the features."""
        return next(self.parameters(), None) is not None

    @property
    def is_open(self) -> bool:
        """Whether `fit` is still to be called, and until then it gives nothing."""
        return False

    def fit(
        self, crystals: Sequence[Crystal], labels: Mapping[str, Float[np.ndarray, "rows ..."]]
    ) -> None:
        """Fit what is no weight of the training to labels; most terms have nothing of the kind.

        Args:
            crystals: The training part.
            labels: ``energy`` of each, eV; and ``forces`` of each atom, eV/Å, ``stress`` of each,
                eV/Å³, where these are learned; NaN where one is missing.
        """

    @abstractmethod
    def forward(self, features: Features | None, graph: CrystalGraph) -> Float[Tensor, " atoms"]:
        """Return the contribution of each atom, in eV and float64.

        Args:
            features: Of the graph; None may be given to a term that is not learned.
            graph: Full, all of its sites ordered; its positions and cells carry the derivatives.

        Raises:
            GraphError: If a crystal cannot have this energy.
        """


def by_atomic_number(values: Mapping[str, float], where: str) -> Float[Tensor, "119"]:
    """Return numbers by atomic number, in float64, from those by symbol; NaN where there is none.

    Args:
        values: By symbol.
        where: The setting, for messages.

    Raises:
        ConfigError: If a symbol is not that of an element.
    """
    table = torch.full((MAX_ATOMIC_NUMBER + 1,), torch.nan, dtype=torch.float64)
    for symbol, value in values.items():
        if symbol not in ATOMIC_NUMBERS:
            raise ConfigError(f"{where} names {symbol!r}, which is no symbol of an element")
        table[ATOMIC_NUMBERS[symbol]] = value
    return table
