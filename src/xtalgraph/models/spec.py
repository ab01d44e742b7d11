"""Everything but the weights: what a model is, as plain values, and how to make it again."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import torch

from xtalgraph.conventions.errors import ConfigError, TargetError
from xtalgraph.conventions.ranges import TOLERANCE
from xtalgraph.conventions.settings import nearest, settings_from
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.disorder import check_disorder
from xtalgraph.data.conditions import ATOMS_ALONE, Conditions
from xtalgraph.data.targets import Target, first_atomic
from xtalgraph.graphs.angles import Angles
from xtalgraph.graphs.build import GraphSettings
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.reduction import DEFAULT_TOLERANCE
from xtalgraph.graphs.strategies import STRATEGIES, Strategy
from xtalgraph.models.encoder import AngleSettings
from xtalgraph.models.head import Head
from xtalgraph.models.model import Model, ModelParts
from xtalgraph.models.potential import energy_of
from xtalgraph.models.readouts import Readout, SumReadout
from xtalgraph.models.registry import ENCODERS, MODELS, TERMS
from xtalgraph.models.requirements import (
    check_tensor,
    check_variance,
    readout_named,
    why_not_mixtures,
    why_not_potential,
    why_not_reduced,
)
from xtalgraph.models.target_head import TargetHead
from xtalgraph.models.tensor_head import TensorHead
from xtalgraph.models.terms.energy_term import EnergyTerm


def default_reduction_tolerance(encoder: str, targets: Sequence[Target]) -> float:
    """Return the tolerance of symmetry reduction in Å where none is given; 0 if it cannot be read.

    Args:
        encoder: A name; one that is not in the registry gets 0.
        targets: What is predicted.
    """
    known = ENCODERS.get(encoder)
    return 0.0 if known is None or why_not_reduced(known, *targets) else DEFAULT_TOLERANCE


@dataclass(frozen=True)
class ModelSpec:
    """A model without its weights, in plain values that go to JSON and back.

    Args:
        encoder: A name in the registry.
        settings: Hyper-parameters of the encoder; keys left out keep their default.
        readout: A name, ``auto``, or a name for each target.
        strategy: Name of the neighbour strategy.
        strategy_settings: Its settings; keys left out keep their default.
        targets: What is predicted, each with a readout of its own on the same encoder.
        reduction_tolerance: The graph is reduced by symmetry, with distances this close merged, Å;
            0 leaves it as it is.
        conditions: Which columns are conditions of a crystal.
        variance: Whether the standard deviation of the error is predicted, too.
        disorder: What is done with crystals whose sites hold several species or are empty in part:
            ``refuse``, ``mix`` or ``order``.
        terms: What is added to the energy of a potential, by name in the registry, with its
            settings; those left out keep their default.
        reference_energies: Of isolated atoms by element, eV; or ``isolated``, see `Potential`.
        pretraining: What was learned without labels; such a model has no target, see `Pretrained`.

    Raises:
        ConfigError: On a name or key that is not known, or if the model cannot read a
            reduced graph, conditions of a crystal or its disorder.
        TargetError: If the readout does not serve the target, or a class is to have a variance.
    """

    encoder: str
    settings: dict[str, Any]
    readout: str | tuple[str, ...] = field(compare=False)
    strategy: str
    strategy_settings: dict[str, Any]
    targets: tuple[Target, ...]
    reduction_tolerance: float = 0.0
    conditions: Conditions = ATOMS_ALONE
    variance: bool = False
    disorder: str = "refuse"
    terms: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    reference_energies: Mapping[str, float] | str | None = None
    pretraining: Mapping[str, Any] = field(default_factory=dict)
    readouts: tuple[str, ...] = field(init=False)
    """The name of that of each target that is no derivative."""

    def __post_init__(self) -> None:
        if self.encoder not in ENCODERS:
            raise ConfigError(f"unknown model {self.encoder!r}{nearest(self.encoder, ENCODERS)}")
        if self.strategy not in STRATEGIES:
            raise ConfigError(
                f"unknown graph.strategy {self.strategy!r}{nearest(self.strategy, STRATEGIES)}"
            )
        TOLERANCE.check(self.reduction_tolerance, "graph.reduction_tolerance")
        self._check_targets()
        object.__setattr__(self, "readouts", tuple(readout.name for readout in self._readouts()))
        if self.is_potential:
            self._check_potential()
        elif self.terms or self.reference_energies:
            what = "terms" if self.terms else "reference_energies"
            raise ConfigError(
                f"model.{what} is for the energy of a potential: learn the targets energy and "
                "forces"
            )
        reason = why_not_reduced(ENCODERS[self.encoder], *self.targets)
        if self.reduction_tolerance > 0 and reason:
            raise ConfigError(
                f"the graph cannot be reduced: {reason}. Set graph.reduction_tolerance=0"
            )
        self._check_disorder()
        # With every default written out, the record stays true when a default changes.
        settings = self.settings | self._condition_settings()
        config = settings_from(ENCODERS[self.encoder].Config, settings, "model")
        object.__setattr__(self, "settings", asdict(config))
        object.__setattr__(self, "strategy_settings", asdict(self.make_strategy()))  # type: ignore[call-overload]
        self._check_tensors(config)

    def _check_tensors(self, config: Any) -> None:
        """Refuse tensors that the features of the encoder cannot make, before data are read."""
        tensors = [target for target in self.read_out if target.is_tensor]
        if tensors:
            with torch.random.fork_rng(devices=[]):
                encoder = ENCODERS[self.encoder](config, self.make_strategy().cutoff)
            for target in tensors:
                check_tensor(target, encoder)

    @property
    def is_potential(self) -> bool:
        """Whether a target is a derivative of another, so that the model is a potential."""
        return any(target.derivative is not None for target in self.targets)

    @property
    def has_fitted_terms(self) -> bool:
        """Whether a term is fitted to labels before the training."""
        return any(TERMS[name].is_fitted for name in self.terms)

    @property
    def read_out(self) -> tuple[Target, ...]:
        """The targets that have a readout: all but the derivatives."""
        return tuple(target for target in self.targets if target.derivative is None)

    def _check_potential(self) -> None:
        energy_of(self.targets)
        encoder = ENCODERS[self.encoder]
        if self.variance:
            raise ConfigError(
                "training.loss gaussian learns the variance of a property, and a potential has "
                "none: its members give the standard deviation of forces"
            )
        config = settings_from(encoder.Config, self.settings, "model")
        reason = why_not_potential(encoder, config, self.make_strategy(), self.make_angles())
        if reason:
            raise ConfigError(f"{self.encoder} cannot be a potential: {reason}")
        if self.reference_energies and not issubclass(self._readouts()[0], SumReadout):
            raise ConfigError(
                "model.reference_energies needs an energy for each atom: set model.readout=sum"
            )
        terms = {name: asdict(term.config) for name, term in self.make_terms(1).items()}
        object.__setattr__(self, "terms", terms)
        if self.reference_energies and self.has_fitted_terms:
            raise ConfigError(
                "a term that is fitted, as model.terms=ace, goes with fitted energies of the "
                "elements: leave out model.reference_energies"
            )

    def make_terms(self, width: int) -> dict[str, EnergyTerm]:
        """Make what is added to the energy, of features of this width.

        A `ConfigError` on what is not known, a `MissingExtraError` if a library is missing.
        """
        made: dict[str, EnergyTerm] = {}
        for name, settings in self.terms.items():
            if name not in TERMS:
                raise ConfigError(f"unknown term {name!r} of model.terms{nearest(name, TERMS)}")
            if self.disorder == "mix":
                raise ConfigError(
                    f"the term {name} reads one element at each atom: leave out data.disorder=mix"
                )
            config = settings_from(TERMS[name].Config, settings, f"model.terms.{name}")
            made[name] = TERMS[name](config, width, self.make_strategy().cutoff)
        return made

    def _condition_settings(self) -> dict[str, int]:
        """Return the settings of the encoder that follow from the conditions."""
        if not self.conditions.encoded:
            return {}
        if not ENCODERS[self.encoder].reads.condition:
            able = ", ".join(name for name, other in ENCODERS.items() if other.reads.condition)
            raise ConfigError(
                f"{self.encoder} reads atoms and their geometry and no conditions: leave out "
                f"data.conditions and data.fidelity ({', '.join(self.conditions.encoded)}), or "
                f"take a model that reads them ({able})"
            )
        numbers, methods = len(self.conditions.numbers), len(self.conditions.fidelities)
        counts = {"state_width": numbers, "fidelities": methods}
        follow = {key: count for key, count in counts.items() if count}
        for key, count in follow.items():
            if self.settings.get(key, count) != count:
                raise ConfigError(
                    f"model.{key} follows from the columns of the data and is {count}, got "
                    f"{self.settings[key]}: leave it out"
                )
        return follow

    def disorder_for(self, asked: str | None = None) -> str:
        """Return what is done with disorder, None as in training; a `ConfigError` if it cannot."""
        return self.disorder if asked is None else replace(self, disorder=asked).disorder

    def _check_disorder(self) -> None:
        check_disorder(self.disorder)
        encoder = ENCODERS[self.encoder]
        if self.disorder == "refuse":
            return
        config = settings_from(encoder.Config, self.settings, "model")
        reason = why_not_mixtures(encoder, config, *self.targets)
        if self.disorder == "mix" and reason:
            raise ConfigError(f"data.disorder=mix is not for this model: {reason}")
        atomic = first_atomic(self.targets)
        if self.disorder == "order" and atomic is not None:
            raise ConfigError(
                f"{atomic.name!r} is declared atomic, and an ordering has other sites than the "
                "file: leave out data.disorder"
            )

    def _check_targets(self) -> None:
        if bool(self.targets) is bool(self.pretraining):
            raise TargetError(
                "a model must predict at least one target, got none"
                if not self.targets
                else "a model that is pre-trained without labels has no target"
            )
        names = [target.name for target in self.targets]
        if len(set(names)) < len(names):
            raise TargetError(f"each target may be named once, got {', '.join(names)}")
        for target in self.targets:
            if self.variance:
                check_variance(target)

    def _readouts(self) -> list[type[Readout]]:
        """Return that of each target.

        Raises:
            TargetError: If a name is not known, or a readout does not serve its target.
        """
        targets, encoder = self.read_out, ENCODERS[self.encoder]
        given = self.readout
        names = (given,) * len(targets) if isinstance(given, str) else given
        return [
            readout_named(name, target, encoder)
            for name, target in zip(names, targets, strict=True)
        ]

    def make_strategy(self) -> Strategy:
        """Return the neighbour strategy."""
        return settings_from(STRATEGIES[self.strategy], self.strategy_settings, "graph")

    def make_angles(self) -> Angles | None:
        """Return which edges form angles; None if the model reads none."""
        encoder = ENCODERS[self.encoder]
        if not encoder.reads.angles:
            return None
        settings: AngleSettings = settings_from(encoder.Config, self.settings, "model")
        return settings.make_angles()

    def make_graph_settings(self) -> GraphSettings:
        """Return how the graphs that the model reads are built."""
        graph = self.make_strategy(), self.reduction_tolerance, self.make_angles()
        return GraphSettings(*graph, tuple(self.settings.get("elements") or ()))

    def make_graph(self, crystals: Crystal | Sequence[Crystal], *, progress: bool = False) -> Graph:
        """Build the graph that the model reads: reduced, if so it is set.

        Args:
            crystals: One or more; their order is kept.
            progress: Show a progress bar on standard error.

        Raises:
            GraphError: If the strategy refuses a crystal.
        """
        return self.make_graph_settings().build(crystals, progress=progress)

    def make_model(self) -> Model:
        """Make the model, with weights drawn from torch's global generator."""
        encoder_class = ENCODERS[self.encoder]
        config = settings_from(encoder_class.Config, self.settings, "model")
        encoder = encoder_class(config, self.make_strategy().cutoff)
        widths = encoder.width, encoder.crystal_width

        def readouts() -> list[list[Readout]]:
            return [
                [readout(*widths) for _ in range(target.tensor.copies)]
                for target, readout in zip(self.read_out, self._readouts(), strict=True)
                if not target.is_tensor
            ]

        heads: dict[str, TargetHead] = {
            target.name: TensorHead(target, readout, encoder, self.variance)
            for target, readout in zip(self.read_out, self._readouts(), strict=True)
            if target.is_tensor
        }
        numbers = [target for target in self.read_out if not target.is_tensor]
        # Deviations are drawn last, so that the others begin as they do in a model without.
        values, deviations = readouts(), readouts() if self.variance else [[]] * len(numbers)
        heads |= {
            target.name: Head(target, readouts, further)
            for target, readouts, further in zip(numbers, values, deviations, strict=True)
        }
        heads = {target.name: heads[target.name] for target in self.read_out}
        kind = "potential" if self.is_potential else "property" if self.targets else "pretrained"
        terms = self.make_terms(encoder.width)
        given = heads, self.targets, self.conditions, terms, self.reference_energies
        return MODELS[kind].made_of(ModelParts(encoder, *given))

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        left_out = {"readout"} if self.pretraining else {"readout", "pretraining"}
        names = (field.name for field in fields(self) if field.name not in left_out)
        plain = {name: getattr(self, name) for name in names}
        return plain | {
            "targets": [target.as_dict() for target in self.targets],
            "readouts": list(self.readouts),
            "conditions": self.conditions.as_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ModelSpec":
        """Make a spec from what `as_dict` returned, of this version or of one before."""
        if (encoder := values["encoder"]) not in ENCODERS:
            raise ConfigError(
                f"unknown model {encoder!r}{nearest(str(encoder), ENCODERS)}; register an "
                "architecture of your own before you open a run of it"
            )
        others = {key: value for key, value in values.items() if key != "readouts"}
        made = {
            "settings": ENCODERS[encoder].measured | values["settings"],
            "targets": tuple(map(Target.from_dict, values["targets"])),
            "readout": tuple(values["readouts"]),
            "conditions": Conditions.from_dict(values["conditions"]),
        }
        return cls(**others | made)
