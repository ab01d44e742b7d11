"""One of the exercises, by its number."""

from pathlib import Path
from typing import Annotated, Literal

from xtalgraph.conventions.declarations import Spelled
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.ranges import Count
from xtalgraph.conventions.settings import checks_arguments
from xtalgraph.workflows.exercises.depth_sweep import depth_sweep
from xtalgraph.workflows.exercises.edge_count import edge_count
from xtalgraph.workflows.exercises.exercise import ExerciseResults
from xtalgraph.workflows.exercises.force_heads import force_heads
from xtalgraph.workflows.exercises.perovskite_training import perovskite_training
from xtalgraph.workflows.exercises.worst_errors import worst_errors


@checks_arguments
def exercise(
    number: Literal["1", "2", "3", "4", "5"],
    *,
    out: Annotated[str | Path, Spelled("DIR")],
    data: Annotated[str | Path | None, Spelled("PATH")] = None,
    small: bool = False,
    epochs: Annotated[Count, Spelled("N")] | None = None,
    run: Annotated[str | Path | None, Spelled("RUN")] = None,
    progress: bool = True,
) -> ExerciseResults:
    """Run one of the exercises of docs/exercises.

    Args:
        number: Which.
        out: Folder for the results.
        data: 1: a file with one crystal (rock salt); 2 to 4: the table of perovskites with columns
            e_form and fold (matbench_perovskites, which is fetched); 5: frames with energy and
            forces.
        small: 2 to 5: use the embedded rigid-ion set, which takes minutes.
        epochs: 2 to 5: number of epochs.
        run: 4: the run to examine; without it the model of exercise 2 is trained.
        progress: Show progress bars on standard error.

    Raises:
        ConfigError: If an option belongs to another exercise.
        InputError: If the data cannot be used.
        MissingExtraError: 1: if PyTorch Geometric is not installed.
    """
    if number != "4" and run is not None:
        raise ConfigError("--run goes with exercise 4")
    if number == "1" and (small or epochs is not None):
        raise ConfigError("--small and --epochs go with exercises 2 to 5")
    if number == "1":
        return edge_count(out, data)
    if number == "4":
        return worst_errors(out, data, run=run, small=small, epochs=epochs, progress=progress)
    trained = {"2": perovskite_training, "3": depth_sweep, "5": force_heads}[number]
    return trained(out, data, small=small, epochs=epochs, progress=progress)
