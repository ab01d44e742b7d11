"""What is known of a model without reading its data: of its card, its settings and its errors."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from xtalgraph.conventions.documents import read_document, reading
from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.data.splits import PARTS
from xtalgraph.data.targets import Target
from xtalgraph.evidence.run_files import read_metrics
from xtalgraph.metrics.measures import error_of
from xtalgraph.models.checkpoint import read_description
from xtalgraph.models.generation.generator import Generator
from xtalgraph.models.intervals import INTERVALS_FILE
from xtalgraph.models.predictor import TRAINING_FILE
from xtalgraph.models.spec import ModelSpec

ABOUT: Final = "about.json"
"""In a run that is passed on: what its makers say of it."""
_WORDS: Final = ("title", "trained_on", "held_out", "not_for", "license", "reference")
"""What they may say."""


@dataclass(frozen=True)
class TargetError:
    """The errors of a model on the test crystals of one target, in the unit that is reported."""

    target: Target
    """What is predicted, in its reported unit."""
    measure: str
    """Key of the error."""
    crystals: int
    """In the test part."""
    value: float | None
    low: float | None
    """Lower end of its 95 % interval."""
    high: float | None
    baselines: Mapping[str, float | None]
    """The error of each baseline."""
    coverage: float | None
    """Share of the labels within their intervals; None without intervals."""


@dataclass(frozen=True)
class ModelCard:
    """What is known of a model."""

    name: str
    """By which it is asked for."""
    folder: Path
    spec: ModelSpec
    members: int
    elements: tuple[str, ...]
    about: Mapping[str, str]
    """What its makers say: ``title``, ``trained_on``, ``held_out``, ``not_for``, ``license`` and
    ``reference``; any may be missing."""
    crystals: Mapping[str, int]
    """In each part; empty for a converted model."""
    errors: tuple[TargetError, ...]
    """Of each target; none for a converted model."""
    has_intervals: bool
    """Whether predictions have intervals."""
    knows_novelty: bool
    """Whether crystals are compared with those of the training part."""
    bytes: int


@dataclass(frozen=True)
class GeneratorCard:
    """What is known of a generator."""

    name: str
    """By which it is asked for."""
    folder: Path
    """Of the run."""
    elements: tuple[str, ...]
    """In the training part."""
    compositions: int
    """How many formulas of cells there are in the training part."""
    crystals: Mapping[str, int]
    """In each part."""
    losses: Mapping[str, float | None]
    """On the validation part, in units of the loss of knowing nothing."""
    bytes: int
    """Of all files."""


def read_generator_card(name: str, folder: Path) -> GeneratorCard:
    """Read what is known of a generator.

    Args:
        name: By which it is asked for.
        folder: Of the run.

    Raises:
        RunError: If it holds no generator, or is damaged.
    """
    generator = Generator.load(folder)
    record = read_document(folder / "record.json")
    with reading(folder / "record.json"):
        crystals = {part: int(record["Data"][f"{part} crystals"]) for part in PARTS}
        return GeneratorCard(
            name,
            folder,
            tuple(SYMBOLS[number] for number in generator.elements),
            len(generator.compositions),
            crystals,
            dict(record["Flow"]["losses"]),
            _bytes(folder),
        )


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def read_card(name: str, folder: Path) -> ModelCard:
    """Read what is known of a model, without its weights; a `RunError` if damaged or no run."""
    description = read_description(folder)
    metrics = read_metrics(folder) if (folder / "metrics.json").is_file() else {}
    written = read_document(folder / ABOUT) if (folder / ABOUT).is_file() else {}
    with reading(folder / "model.json"):
        spec = ModelSpec.from_dict(description["model"])
        elements, members = tuple(map(str, description["elements"])), int(description["members"])
    with reading(folder / "metrics.json"):
        errors = [
            _error_of(metrics["model"], entry) for entry in metrics.get("targets", {}).values()
        ]
        crystals = {part: int(count) for part, count in metrics.get("splits", {}).items()}
    return ModelCard(
        name,
        folder,
        spec,
        members,
        elements,
        {key: str(written[key]) for key in _WORDS if key in written},
        crystals,
        tuple(errors),
        (folder / INTERVALS_FILE).is_file(),
        (folder / TRAINING_FILE).is_file(),
        _bytes(folder),
    )


def _error_of(model: str, entry: Mapping[str, Any]) -> TargetError:
    """Return the errors on the test part, from what ``metrics.json`` holds of a target."""
    shown = entry.get("reported", entry)
    target = Target.from_dict(shown["target"])
    measure = error_of(Target.from_dict(entry["target"])).key
    errors = {name: figures["test"][measure] for name, figures in shown["models"].items()}
    intervals = (entry.get("uncertainty") or {}).get("intervals")
    return TargetError(
        target,
        measure,
        int(shown["splits"]["test"]),
        errors[model]["value"],
        errors[model]["low"],
        errors[model]["high"],
        {name: error["value"] for name, error in errors.items() if name != model},
        None if intervals is None else float(intervals["coverage"]["value"]),
    )
