"""The sentences of an ablation: which settings are best, and what limits the conclusion."""

from collections.abc import Mapping
from typing import Any, Final

from xtalgraph.data.targets import Target
from xtalgraph.evidence.numbers import count, plain, with_unit
from xtalgraph.metrics.measures import error_of

SMOOTHING: Final = (
    "Over-smoothing: with every layer the features of neighbouring atoms may become more similar, "
    "until a deeper network is less accurate than a shallow one. The mean average distance is the "
    "mean cosine distance of neighbours, 0 where all features are parallel. The Dirichlet energy "
    "is the sum of squared differences along the edges, per atom; it grows with the length of the "
    "features. The effective rank is the number of directions that the features use. All three are "
    "measured on test crystals in the trained models; no labels are used."
)
"""What the three measures of over-smoothing mean."""


def headline(document: Mapping[str, Any]) -> str:
    """Say which settings have the lowest validation error."""
    if document["chosen"] is None:
        return "No setting is chosen: none has all its runs done with a validation error."
    best = document["settings"][document["chosen"]]
    return f"Lowest validation error: {in_words(best['settings'])}."


def errors_of_chosen(document: Mapping[str, Any]) -> list[str]:
    """Say the errors of the chosen settings, in a sentence for each target."""
    if document["chosen"] is None:
        return []
    best = document["settings"][document["chosen"]]
    sentences = []
    for target in document["targets"]:
        errors = best["targets"][target["name"]]
        validation, test = (
            with_unit(plain(errors[part]["mean"]), target["unit"])
            for part in ("validation", "test")
        )
        measure = measure_name(target)
        of = f"{target['name']}: " if len(document["targets"]) > 1 else ""
        sentence = f"{of}validation {measure} {validation}, test {measure} {test}."
        sentences.append(f"{sentence[:1].upper()}{sentence[1:]}" if not of else sentence)
    return sentences


def warnings(document: Mapping[str, Any]) -> list[str]:
    """Say what limits the conclusions from the table."""
    points, settings = document["points"], document["settings"]
    sentences = []
    failed = sum(point["state"] == "failed" for point in points)
    if failed:
        sentences.append(
            f"{count(failed, 'point')} of {len(points)} failed; the reasons are below."
        )
    if all(setting["runs"] == 1 for setting in settings):
        sentences.append(
            "Every setting was trained only once, so small differences may be due to chance. "
            "Repeat the trainings with --seed 0,1,2 or over folds."
        )
    chosen = document["chosen"]
    if chosen is not None:
        best = settings[chosen]["validation error"]
        near = [
            in_words(setting["settings"])
            for number, setting in enumerate(settings)
            if number != chosen
            and best["std"] is not None
            and setting["validation error"]["mean"] is not None
            and setting["validation error"]["mean"] - best["mean"] < best["std"]
        ]
        if near:
            sentences.append(
                "Within one standard deviation of the best over its repetitions: "
                f"{'; '.join(near[:4])}{'; ...' if len(near) > 4 else ''}."
            )
    return sentences


def in_words(settings: Mapping[str, Any]) -> str:
    """Settings as a sentence tells them: ``model.depth = 3, graph.cutoff = 6``."""
    return ", ".join(f"{key} = {value}" for key, value in settings.items())


def measure_name(target: Mapping[str, Any]) -> str:
    """The error of a target: MAE, or the log loss of a class."""
    return error_of(Target.from_dict(target)).short
