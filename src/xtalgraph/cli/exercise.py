"""`xtalgraph exercise`."""

from typing import TYPE_CHECKING

import click

from xtalgraph.cli.command import verb

if TYPE_CHECKING:
    from xtalgraph.workflows.exercises.exercise import ExerciseResults


@verb("xtalgraph.workflows.exercises.by_number:exercise")
def exercise(results: "ExerciseResults") -> None:
    """Do one of the exercises of docs/exercises.

    1 counts the edges of a periodic graph, 2 trains a CGCNN on perovskites, 3 sweeps cutoff and
    depth, 4 looks into the worst errors, 5 compares forces that are derivatives with others that
    are not.
    """
    click.echo(results.text)
    for page in results.pages:
        click.echo(f"\npage: {page}")
