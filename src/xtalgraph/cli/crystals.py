"""`xtalgraph predict`, `evaluate`, `embed` and `screen`: what a run says of other crystals."""

import json
from typing import TYPE_CHECKING, Any

import click

from xtalgraph.cli.command import as_json, verb
from xtalgraph.cli.tables import screened_table, single_table, unusable
from xtalgraph.evidence.numbers import count

if TYPE_CHECKING:
    from xtalgraph.workflows.embed import Embedded
    from xtalgraph.workflows.predict import Predicted
    from xtalgraph.workflows.screen import Screened


@verb("xtalgraph.workflows.predict:predict", several=["sources"])
def predict(done: "Predicted") -> int:
    """Predict the crystals in SOURCES (files, folders or tables) with the model of RUN.

    The table has the columns id, formula, prediction, unit, error, and how new each crystal is to
    the model; std, lower and upper where the run has them. The exit code is 1 if some crystals
    could not be used, 2 if nothing could be done at all.
    """
    if done.table is not None:
        failed = done.table["error"].notna()
        told = done.table[~failed].dropna(axis="columns", how="all")
        if len(told):
            click.echo(told.to_string(index=False, float_format="{:.4g}".format, na_rep=""))
        for name, reason in done.table.loc[failed, ["id", "error"]].itertuples(index=False):
            click.echo(f"{name}: {reason}")
    else:
        click.echo(f"{count(done.good, 'prediction')}, {unusable(done.bad)}: {done.path}")
    return 1 if done.bad else 0


@verb("xtalgraph.workflows.evaluate:evaluate", extra=[as_json()])
def evaluate(document: dict[str, Any], as_json: bool) -> int:
    """Compute the errors of RUN on DATA, which must have the target column.

    The exit code is 1 if some rows could not be used.
    """
    if as_json:
        click.echo(json.dumps(document, indent=1, ensure_ascii=False))
    else:
        for measured in document["targets"].values():
            section = measured.get("reported", measured)
            target = section["target"]
            unit = f", {target['unit']}" if target["unit"] else ""
            where = f"{document['model']} on {count(document['crystals'], 'crystal')}"
            click.echo(f"{target['name']}{unit}: {where}")
            click.echo(single_table(section["metrics"]))
    return 1 if document["rejected"] else 0


@verb("xtalgraph.workflows.embed:embed", several=["sources"])
def embed(done: "Embedded") -> int:
    """Write the embeddings from which the readout of RUN starts, for the crystals in SOURCES.

    The table has the columns id, target, prediction, z0, z1 and so on. The exit code is 1 if some
    crystals could not be used.
    """
    click.echo(f"{count(done.good, 'vector')}, {unusable(done.bad)}: {done.path}")
    return 1 if done.bad else 0


@verb("xtalgraph.workflows.screen:screen", several=["candidates"])
def screen(done: "Screened") -> int:
    """Rank CANDIDATES (files, folders or tables) by the predictions of RUN.

    FOLDER gets top.csv, screen.html and the structures of the best. The exit code is 1 if some
    crystals could not be used.
    """
    click.echo(screened_table(done.table, done.error))
    candidates = f"{done.kept} of {count(done.good, 'candidate')}"
    click.echo(f"{candidates}, {unusable(done.bad)}: {done.page}")
    return 1 if done.bad else 0
