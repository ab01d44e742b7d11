"""`xtalgraph compare`."""

from collections.abc import Mapping
from typing import Any

import click

from xtalgraph.cli.disorder_option import disorder_option

_SHOWN = ("mae", "rmse", "spearman", "recall@100")
_SHOWN_CLASSES = ("log_loss", "brier", "roc_auc", "balanced_accuracy")


def _names(ctx: click.Context, param: click.Parameter, value: str | None) -> list[str] | None:
    """Take a list apart at its commas."""
    return None if value is None else [name.strip() for name in value.split(",") if name.strip()]


@click.command(short_help="Compare a model with simpler ones and with others', on one split.")
@click.argument("data")
@click.option("--out", metavar="DIR", required=True, help="Folder of the comparison.")
@click.option("--target", metavar="COL", help="Column to predict.")
@click.option(
    "--models",
    metavar="A,B,...",
    callback=_names,
    help="Our architectures (xgn); the first is assessed, and has the settings of --set model.*.",
)
@click.option(
    "--baselines",
    metavar="A,B,...",
    callback=_names,
    help="The baselines that are wanted (all): mean, composition, composition-mlp, prdf-ridge, "
    "prdf-forest, acsf-ridge, acsf-forest, soap-ridge, soap-forest, pyg-cgconv, pyg-schnet, "
    "pyg-dimenet++.",
)
@click.option(
    "--published",
    metavar="FILE.csv",
    help="Predictions by others: a column of ids, and a column for each model.",
)
@click.option(
    "--kind",
    type=click.Choice(["extensive", "intensive", "atomic"]),
    help="extensive: a total of the cell; intensive (default); atomic: one value per atom.",
)
@click.option(
    "--task",
    type=click.Choice(["regression", "classification"]),
    help="A number (default), or one of two classes.",
)
@click.option("--unit", metavar="U", help="Unit of the target, as printed.")
@click.option("--best", type=click.Choice(["low", "high"]), help="Best end, for recall (low).")
@click.option("--split", metavar="HOW", help="How the crystals are divided, as for train (random).")
@click.option("--fold", type=int, metavar="K", help="Test fold; without it all folds.")
@click.option("--folds", type=int, metavar="N", help="Draw N folds.")
@click.option("--epochs", type=int, metavar="N", help="Passes over the training part.")
@click.option("--seed", type=int, metavar="S", help="Of split, weights and order (0).")
@click.option(
    "--jobs",
    type=int,
    metavar="N",
    help="Processes side by side (the cores of this process); the numbers do not depend on it.",
)
@click.option(
    "--on-error",
    type=click.Choice(["raise", "skip"]),
    help="Rows that cannot be used: stop (default), or leave them out.",
)
@disorder_option("refuse")
@click.option("--config", metavar="C.yaml", help="Settings: sections data, graph, model, training.")
@click.option(
    "--set", "overrides", multiple=True, metavar="a.b=c", help="Override one setting; repeatable."
)
@click.option("--quiet", is_flag=True, help="No progress bars.")
def compare(quiet: bool, **options: Any) -> None:
    """Say which baselines a model is significantly better than on DATA.

    The baselines: the mean, composition alone, classical structure descriptors, networks of other
    libraries, and predictions that others have published. Repeat the command to go on where it was
    killed: what is in DIR is taken from there.
    """
    from xtalgraph.workflows.compare import compare as run_comparison

    found = run_comparison(options.pop("data"), progress=not quiet, **options)
    click.echo(leaderboard_table(found.document))
    click.echo("\n" + "\n".join(found.document["verdict"]["text"]))
    click.echo(f"\npage: {found.folder / 'compare.html'}")


def leaderboard_table(document: Mapping[str, Any]) -> str:
    """Lay out ``compare.json``, a line for each model.

    Args:
        document: Its content.
    """
    from xtalgraph.cli.tables import aligned, metric_texts
    from xtalgraph.evidence.leaderboard_page import title
    from xtalgraph.evidence.leaderboard_text import SHORT, outcome_in_words

    target, deciding = document["target"], document["deciding"]
    unit = f", {target['unit']}" if target["unit"] else ""
    head = f"{target['name']}{unit} ({target['kind']}), {document['rows']} test rows"
    metrics = document["entries"][0]["metrics"]
    keys = [key for key in (*_SHOWN, *_SHOWN_CLASSES) if key in metrics]
    assessed = document["assessed"]
    against = [f"{assessed} by {SHORT[key]}" for key in deciding]
    rows = [["", *map(title, keys), *against, "s", "parameters"]]
    for one in document["entries"]:
        row = [one["name"], *(metric_texts(one["metrics"][key])[0] for key in keys)]
        if one["assessed"]:
            row += ["", ""]
        else:
            row += [outcome_in_words(one["against"][key]["outcome"]) for key in deciding]
        row.append("" if one["seconds"] is None else f"{one['seconds']:.1f}")
        row.append("" if one["parameters"] is None else f"{one['parameters']:,}")
        rows.append(row)
    missing = [f"{one['name']}: not run: {one['reason']}" for one in document["not_run"]]
    note = f"{assessed} by ...: {assessed} compared with the model of the line"
    return "\n".join([head, *aligned(rows), note, *missing])
