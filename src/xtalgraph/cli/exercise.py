"""`xtalgraph exercise`."""

from typing import TYPE_CHECKING

import click

from xtalgraph.cli.command import verb

if TYPE_CHECKING:
    from xtalgraph.workflows.exercises.exercise import ExerciseResults


@verb("xtalgraph.workflows.exercises.by_number:exercise")
def exercise(results: "ExerciseResults") -> None:
    """Run one of the exercises of docs/exercises.

    1 counts the edges of a periodic graph, 2 trains a CGCNN on perovskites, 3 varies cutoff and
    depth, 4 examines the largest errors, 5 compares forces that are derivatives of an energy with
    forces that are not.
    """
    click.echo(results.text)
    for page in results.pages:
        click.echo(f"\npage: {page}")
