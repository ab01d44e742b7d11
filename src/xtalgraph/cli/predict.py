"""`xtalgraph predict`."""

from typing import TYPE_CHECKING

import click

from xtalgraph.cli.command import verb

if TYPE_CHECKING:
    from xtalgraph.workflows.predict import Predicted


@verb("xtalgraph.workflows.predict:predict", several=["sources"])
def predict(done: "Predicted") -> int:
    """Predict the crystals in SOURCES (files, folders or tables) with the model of RUN.

    The table has the columns id, formula, prediction, unit, error, and how new each crystal is to
    the model; std, lower and upper where the run has them. The exit code is 1 if some crystals
    could not be used, 2 if nothing could be done at all.
    """
    click.echo(f"{done.good} predictions, {done.bad} rows that could not be used: {done.path}")
    return 1 if done.bad else 0
