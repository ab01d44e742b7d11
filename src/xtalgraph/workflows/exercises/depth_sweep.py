"""Exercise 3: cutoff and depth swept, and over-smoothing looked for."""

from pathlib import Path
from typing import Final

from xtalgraph.evidence.text.ablation import errors_of_chosen, headline
from xtalgraph.models.registry import CLASSIC
from xtalgraph.workflows.ablate import ablate
from xtalgraph.workflows.exercises.exercise import (
    ExerciseResults,
    ionic,
    perovskites,
    write_results,
)

CUTOFFS: Final = (4.0, 6.0, 8.0)
"""Å."""
DEPTHS: Final = (2, 3, 4, 5)
"""Layers of message passing."""
EPOCHS: Final[int] = 60
EPOCHS_SMALL: Final[int] = 20
CRYSTALS_SMALL: Final[int] = 400


def depth_sweep(
    out: str | Path,
    data: str | Path | None = None,
    *,
    small: bool = False,
    epochs: int | None = None,
    progress: bool = True,
) -> ExerciseResults:
    """Train a CGCNN on all neighbours, for each cutoff and depth; see `exercise`."""
    folder = Path(out)
    material = ionic(folder, CRYSTALS_SMALL) if small else perovskites(data)
    ablation = ablate(
        material.source,
        out=folder / "sweep",
        sweep={"model.depth": DEPTHS, "graph.cutoff": CUTOFFS},
        model=CLASSIC,
        epochs=epochs or (EPOCHS_SMALL if small else EPOCHS),
        overrides=["graph.strategy=radius"],
        progress=progress,
        **material.options,
    )
    lines = [
        f"{material.description}; validation and test MAE, and over-smoothing after each layer",
        "",
    ]
    lines.append("depth  cutoff, Å  validation    test  mean average distance, layer by layer")
    for setting in ablation.settings:
        depth, cutoff = setting["settings"].values()
        if setting["done"] == 0:
            lines.append(f"{depth:5}  {cutoff:9g}  failed")
            continue
        (errors,) = setting["targets"].values()
        layers = " ".join(_number(layer["mean average distance"]) for layer in setting["smoothing"])
        lines.append(
            f"{depth:5}  {cutoff:9g}  {_number(errors['validation']['mean']):>10}  "
            f"{_number(errors['test']['mean']):>6}  {layers}"
        )
    text = "\n".join(
        [*lines, "", headline(ablation.document), *errors_of_chosen(ablation.document)]
    )
    document = {"source": material.source, "settings": ablation.settings, "chosen": ablation.chosen}
    pages = [ablation.folder / "ablate.html"]
    return write_results(3, folder, ExerciseResults(text, document, pages))


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.4f}"
