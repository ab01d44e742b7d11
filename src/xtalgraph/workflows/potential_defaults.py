"""The defaults of a potential, where they are others than those of a property."""

from collections.abc import Mapping
from typing import Any, Final

from xtalgraph.data.potential_targets import potential_targets, role_of
from xtalgraph.models.registry import ENCODERS, FOR_POTENTIALS, TERMS

_WEIGHTS: Final[Mapping[str, float]] = {"energy": 0.1, "forces": 1.0, "stress": 0.1}
"""Of the terms of the loss, each in units of what is not explained before training."""
_FINAL: Final[Mapping[str, float]] = {"energy": 3.0, "forces": 1.0, "stress": 0.1}
"""Of the same at the end of the training, when the forces are learned."""
_TRAINING: Final[Mapping[str, Any]] = {
    "batch_by": "atoms",
    "batch_size": 320,
    "learning_rate": 5e-3,
    "members": 1,
}
_BESIDE_FITTED_TERMS: Final = 5e-4
"""Learning rate of a network that learns what a fitted term leaves: with a larger one it learns
nothing of it. See docs/potentials.md."""
_GRAPH: Final[Mapping[str, Any]] = {"strategy": "radius"}


def with_potential_defaults(sections: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Fill in the defaults of a potential, if the targets are those of one; what is given stays."""
    filled = {name: dict(section) for name, section in sections.items()}
    target = filled["data"]["target"]
    names = [target] if isinstance(target, str) else list(target)
    if potential_targets([str(name) for name in names]) is None:
        return filled
    encoder = filled.get("model", {}).get("name", FOR_POTENTIALS)
    known = ENCODERS.get(encoder)
    further = {} if known is None else known.recommended.as_potential
    model = {"name": encoder, "envelope": "polynomial", **further}
    roles = {name: role_of(name) or "" for name in names}
    training = dict(_TRAINING)
    half = filled.get("training", {}).get("members_with_terms") == "half"
    if not half and any(name in _terms(filled) for name, term in TERMS.items() if term.is_fitted):
        training["learning_rate"] = _BESIDE_FITTED_TERMS
    if filled.get("training", {}).get("weights") is None:  # weights that are given hold throughout
        training["weights"] = {name: _WEIGHTS[role] for name, role in roles.items()}
        training["final_weights"] = {name: _FINAL[role] for name, role in roles.items()}
    defaults = {"model": model, "graph": _GRAPH, "training": training}
    for section, values in defaults.items():
        filled[section] = {**values, **filled.get(section, {})}
    return filled


def _terms(sections: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the names of the terms of the energy, whether known or not."""
    terms = sections.get("model", {}).get("terms") or ()
    return [terms] if isinstance(terms, str) else [str(name) for name in terms]
