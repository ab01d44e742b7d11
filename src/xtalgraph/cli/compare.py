"""`xtalgraph compare`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from xtalgraph.cli.command import verb
from xtalgraph.cli.tables import aligned
from xtalgraph.evidence.numbers import with_interval

if TYPE_CHECKING:
    from xtalgraph.workflows.compare import Comparison

_SHOWN = ("mae", "rmse", "spearman", "recall@100")
_SHOWN_CLASSES = ("log_loss", "brier", "roc_auc", "balanced_accuracy")


@verb("xtalgraph.workflows.compare:compare")
def compare(comparison: "Comparison") -> None:
    """Compare a model with baselines on DATA; report which of them it is significantly better than.

    Baselines are the mean, composition alone, structure descriptors, networks of other libraries,
    and published predictions; for a potential the energies of the elements, a pair potential, a
    linear potential, and calculators of other packages. The same command continues where it was
    stopped.
    """
    from xtalgraph.evidence.text.comparison import parts_of

    click.echo("\n\n".join(map(leaderboard_table, parts_of(comparison.document))))
    click.echo("\n" + "\n".join(comparison.verdict.sentences))
    click.echo(f"\npage: {comparison.folder / 'compare.html'}")


def leaderboard_table(document: Mapping[str, Any]) -> str:
    """Lay out ``compare.json``, a line for each model."""
    from xtalgraph.evidence.pages.comparison import title
    from xtalgraph.evidence.text.comparison import outcome_in_words
    from xtalgraph.metrics.measures import MEASURES

    target, deciding = document["target"], document["deciding"]
    unit = f", {target['unit']}" if target["unit"] else ""
    kind = "" if "targets" in document else f" ({target['kind']})"
    head = f"{target['name']}{unit}{kind}, {document['rows']} test rows"
    metrics = document["entries"][0]["metrics"]
    keys = [key for key in (*_SHOWN, *_SHOWN_CLASSES) if key in metrics]
    assessed = document["assessed"]
    against = [f"{assessed} by {MEASURES[key].short}" for key in deciding]
    rows = [["", *map(title, keys), *against, "s", "parameters"]]
    for entry in document["entries"]:
        row = [entry["name"], *(with_interval(**entry["metrics"][key])[0] for key in keys)]
        if entry["assessed"]:
            row += ["", ""]
        else:
            row += [outcome_in_words(entry["against"][key]["outcome"]) for key in deciding]
        row.append("" if entry["seconds"] is None else f"{entry['seconds']:.1f}")
        row.append("" if entry["parameters"] is None else f"{entry['parameters']:,}")
        rows.append(row)
    missing = [f"{entry['name']}: not run: {entry['reason']}" for entry in document["not_run"]]
    note = f"{assessed} by ...: {assessed} compared with the model of the line"
    return "\n".join([head, *aligned(rows), note, *missing])
