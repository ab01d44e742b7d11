"""`xtalgraph evaluate`."""

import json
from typing import Any

import click

from xtalgraph.cli.command import as_json, verb
from xtalgraph.cli.tables import single_table


@verb("xtalgraph.workflows.evaluate:evaluate", extra=[as_json()])
def evaluate(document: dict[str, Any], as_json: bool) -> int:
    """Measure the model of RUN on DATA, which must have the column it was trained for.

    The exit code is 1 if some rows could not be used.
    """
    if as_json:
        click.echo(json.dumps(document, indent=1, ensure_ascii=False))
    else:
        for measured in document["targets"].values():
            section = measured.get("reported", measured)
            target = section["target"]
            unit = f", {target['unit']}" if target["unit"] else ""
            model, count = document["model"], document["crystals"]
            click.echo(f"{target['name']}{unit}: {model} on {count} crystals")
            click.echo(single_table(section["metrics"]))
    return 1 if document["rejected"] else 0
