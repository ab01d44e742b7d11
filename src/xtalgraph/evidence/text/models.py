"""What a model is and what it is compared with, in a sentence each."""

from collections.abc import Mapping
from typing import Any, Final

from xtalgraph.baselines.external_model import EXTERNAL_MODELS
from xtalgraph.data.targets import Target
from xtalgraph.models.registry import ENCODERS

_LEAST_SQUARES: Final = "linear least squares on energies, forces and stresses"
_CHGNET: Final = (
    "Vectors of atoms before the last layer of CHGNet, a potential that was trained on the "
    "Materials Project"
)
BASELINES: Final[Mapping[str, str]] = {
    "mean": "The mean of the training labels; for an extensive target the mean per atom, for a "
    "class its share, for an atomic target the mean over sites.",
    "composition": "Gradient-boosted trees on element fractions and statistics of element "
    "properties, without positions; for an atomic target the mean of each element.",
    "composition-mlp": "A multilayer perceptron on element fractions and statistics of element "
    "properties, similar to Magpie, without positions.",
    "reference energies": "One energy for each element, fitted by least squares; forces and "
    "stress are zero.",
    "fitted terms": "The terms of the energy that were fitted before the network was trained, with "
    "the energies of the elements: what the network starts from.",
    "other calculation": "The column of another calculation of the target, scaled, with one number "
    "for each element (of an intensive target one for all): what the network starts from.",
    "pair potential": "A sum over pairs of atoms within 6 Å: 14 smooth functions of the distance "
    f"for each pair of elements, by {_LEAST_SQUARES}.",
    "linear ACE": "Products of two and of three sums over neighbours within 5 Å, and a pair "
    f"potential, by {_LEAST_SQUARES}.",
    "chgnet-readout": f"{_CHGNET}; a matrix and the readout of the target, trained as the assessed "
    "model is.",
    "linear SOAP": "SOAP power spectra within 5 Å (dscribe) and a pair potential, by "
    f"{_LEAST_SQUARES}.",
    **{external.name: external.description for external in EXTERNAL_MODELS},
}
"""By name; in names of a comparison spaces are hyphens."""
DESCRIPTORS: Final[Mapping[str, str]] = {
    "prdf": "Partial radial distribution functions of pairs of elements",
    "acsf": "Atom-centred symmetry functions (dscribe), radial ones for each element and angular "
    "ones without elements, averaged over the atoms",
    "soap": "SOAP power spectra (dscribe) with the elements compressed to five densities, averaged "
    "over the atoms",
    "chgnet": f"{_CHGNET}, averaged over the atoms",
}
LEARNERS: Final[Mapping[str, str]] = {
    "ridge": "ridge regression, with the penalty of the smallest leave-one-out error",
    "gp": "a Gaussian process with a squared exponential and a linear kernel, from at most 4,000 "
    "training rows",
    "forest": "a random forest of 100 trees, a third of the features at each split",
}
_BY_NAME: Final[dict[str, str]] = (
    {name.lower().replace(" ", "-"): text for name, text in BASELINES.items()}
    | dict(BASELINES)
    | {
        f"{descriptor}-{learner}": f"{features}; {how_learned}."
        for descriptor, features in DESCRIPTORS.items()
        for learner, how_learned in LEARNERS.items()
    }
)

_OF_TENSORS: Final[Mapping[str, str]] = {
    "mean": "The isotropic part of the mean tensor of the training set: the same along all "
    "directions.",
    "composition": "An isotropic tensor, the same along all directions, whose numbers "
    "gradient-boosted trees make of the fractions of the elements and statistics of their "
    "properties; of an atomic target of the element.",
}
_NO_DIRECTION: Final = (
    "Zero: such a tensor has no isotropic part, so what knows no direction predicts none."
)


def _about_baseline(name: str, target: Target | None) -> str:
    """Say what a baseline is, of a tensor the isotropic one."""
    if target is None or not target.is_tensor or name not in _OF_TENSORS:
        return _BY_NAME.get(name, "")
    return _OF_TENSORS[name] if len(target.tensor.isotropic) else _NO_DIRECTION


def about_model(name: str, figures: Mapping[str, Any], target: Target | None = None) -> str:
    """Say what a model of a run, or a baseline, is.

    Args:
        name: Of an architecture or a baseline.
        figures: What ``metrics.json`` holds of it; ``members``, ``snapshots`` and ``variance`` of
            the model of the run, in an older run a sentence.
        target: What is predicted; None for numbers.

    >>> about_model("mean", {})[:32]
    'The mean of the training labels;'
    """
    if "members" not in figures:
        return str(figures.get("description", _about_baseline(name, target)))
    text = f"{ENCODERS[name].__name__}, a graph neural network"
    if figures["variance"]:
        text += " with a mean-variance head"
    if figures["members"] == 1:
        return text
    what = "snapshots of one training" if figures["snapshots"] else "members"
    return f"the mean of {figures['members']} {what}, each {text}"


def about_entry(entry: Mapping[str, Any], target: Target | None = None) -> str:
    """Say what an entry of ``compare.json`` is."""
    name, details = entry["name"], entry["details"]
    if "members" in details:
        count = details["members"]
        mean = f"the mean of {count} members, " if count > 1 else ""
        role = "the assessed model." if entry["assessed"] else "with its own defaults."
        return f"{ENCODERS[name].__name__} of xtalgraph, {mean}{role}"
    if "calculator" in details:
        return (
            f"{details['calculator']}, trained on other data and not retrained; its energies are "
            "shifted by an energy for each element, fitted to at most "
            f"{details['aligned']} training frames."
        )
    if "file" in details:
        return f"Predictions of {details['column']} in {details['file']}, as published."
    return _about_baseline(name, target)
