"""Exercise 2: a CGCNN with three layers on perovskites, beside composition and mean."""

from pathlib import Path
from typing import Any, Final

from xtalgraph.models.registry import CLASSIC
from xtalgraph.workflows.exercises.exercise import (
    ExerciseResults,
    Material,
    ionic,
    perovskites,
    write_results,
)
from xtalgraph.workflows.run import Run
from xtalgraph.workflows.train import train

EPOCHS: Final[int] = 120
EPOCHS_SMALL: Final[int] = 40
_SHOWN: Final = ("mae", "spearman", "recall@100")


def perovskite_training(
    out: str | Path,
    data: str | Path | None = None,
    *,
    small: bool = False,
    epochs: int | None = None,
    progress: bool = True,
) -> ExerciseResults:
    """Train a CGCNN with three layers; MAE, Spearman's ρ, recall of the top 100; see `exercise`."""
    folder = Path(out)
    material = ionic(folder) if small else perovskites(data)
    run = train_perovskites(folder / "run", material, small, epochs, progress)
    document = _document(run, material)
    results = ExerciseResults(_words(document, material), document, [run.folder / "report.html"])
    return write_results(2, folder, results)


def train_perovskites(
    folder: Path, material: Material, small: bool, epochs: int | None, progress: bool
) -> Run:
    """Train the model of exercises 2 and 4; without `epochs` as long as its size wants."""
    passes = epochs or (EPOCHS_SMALL if small else EPOCHS)
    if Run.is_finished(folder) and Run.open(folder).config.training.epochs == passes:
        return Run.open(folder)
    return train(
        material.source,
        out=folder,
        model=CLASSIC,
        epochs=passes,
        overrides=["model.depth=3"],
        resume=True,
        progress=progress,
        **material.options,
    )


def _document(run: Run, material: Material) -> dict[str, Any]:
    (metrics,) = run.metrics["targets"].values()
    return {
        "source": material.source,
        "target": metrics["target"],
        "crystals": metrics["splits"],
        "epochs": run.config.training.epochs,
        "test": {
            name: {key: figures["test"][key] for key in _SHOWN}
            for name, figures in metrics["models"].items()
        },
    }


def _words(document: dict[str, Any], material: Material) -> str:
    unit, sizes = document["target"]["unit"], document["crystals"]
    lines = [
        f"{material.description}: {sizes['train']} crystals to train on, {sizes['val']} to choose "
        f"the epoch, {sizes['test']} in the test; {document['epochs']} epochs",
        f"{'':12}  {'MAE, ' + unit:>12}  {'Spearman':>8}  {'top-100':>7}",
    ]
    for name, figures in document["test"].items():
        value = {key: figures[key]["value"] for key in _SHOWN}
        texts = {key: "n/a" if number is None else f"{number:.4f}" for key, number in value.items()}
        lines.append(
            f"{name:12}  {texts['mae']:>12}  {texts['spearman']:>8}  {texts['recall@100']:>7}"
        )
    return "\n".join([*lines, "top-100: share of the 100 lowest found among the 100 predicted."])
