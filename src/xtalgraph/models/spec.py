"""Everything but the weights: what a model is, as plain values, and how to make it again."""

from dataclasses import asdict, dataclass
from typing import Any

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.settings import nearest, settings_from
from xtalgraph.data.targets import Target
from xtalgraph.graphs.strategies import STRATEGIES, Strategy
from xtalgraph.models.property_model import PropertyModel
from xtalgraph.models.readouts import make_readout
from xtalgraph.models.registry import ENCODERS


@dataclass(frozen=True)
class ModelSpec:
    """A model without its weights, in plain values that go to JSON and back.

    Args:
        encoder: A name in the registry.
        settings: Hyper-parameters of the encoder; keys left out keep their default.
        readout: A name, or ``auto``.
        strategy: Name of the neighbour strategy.
        strategy_settings: Its settings; keys left out keep their default.
        target: What is predicted.

    Raises:
        ConfigError: On a name or key that is not known.
    """

    encoder: str
    settings: dict[str, Any]
    readout: str
    strategy: str
    strategy_settings: dict[str, Any]
    target: Target

    def __post_init__(self) -> None:
        if self.encoder not in ENCODERS:
            raise ConfigError(f"unknown model {self.encoder!r}{nearest(self.encoder, ENCODERS)}")
        if self.strategy not in STRATEGIES:
            raise ConfigError(
                f"unknown graph.strategy {self.strategy!r}{nearest(self.strategy, STRATEGIES)}"
            )
        # With every default written out, the record stays true when a default changes.
        config = settings_from(ENCODERS[self.encoder].Config, self.settings, "model")
        object.__setattr__(self, "settings", asdict(config))
        object.__setattr__(self, "strategy_settings", asdict(self.make_strategy()))  # type: ignore[call-overload]

    def make_strategy(self) -> Strategy:
        """Return the neighbour strategy."""
        return settings_from(STRATEGIES[self.strategy], self.strategy_settings, "graph")

    def make_model(self) -> PropertyModel:
        """Make the model, with weights drawn from torch's global generator."""
        encoder_class = ENCODERS[self.encoder]
        config = settings_from(encoder_class.Config, self.settings, "model")
        encoder = encoder_class(config, self.make_strategy().cutoff)
        return PropertyModel(
            encoder, make_readout(self.readout, self.target, encoder.width), self.target
        )

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self) | {"target": self.target.as_dict()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ModelSpec":
        """Make a spec from what `as_dict` returned."""
        return cls(**values | {"target": Target.from_dict(values["target"])})
