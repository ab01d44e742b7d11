"""`xtalgraph train`, `pretrain`, `ablate` and `tune`: a model is trained, or many."""

from typing import TYPE_CHECKING

import click

from xtalgraph.cli.command import verb
from xtalgraph.cli.tables import ablation_tables, aligned, metrics_tables

if TYPE_CHECKING:
    from xtalgraph.workflows.ablation import Ablation
    from xtalgraph.workflows.pretrain import PretrainedRun
    from xtalgraph.workflows.run import Run
    from xtalgraph.workflows.tune import Tuning


@verb("xtalgraph.workflows.train:train")
def train(run: "Run") -> None:
    """Train a model that predicts a column of DATA; write model, metrics and report to RUN.

    DATA is a CSV (.gz), parquet or Matbench table, a folder or file of crystals, or a name from
    `xtalgraph data list`. Every setting: docs/settings.md.
    """
    click.echo(metrics_tables(run.metrics))
    click.echo(f"\nreport: {run.folder / 'report.html'}")


@verb("xtalgraph.workflows.pretrain:pretrain", several=["data"])
def pretrain(run: "PretrainedRun") -> None:
    """Learn from the crystals in DATA without labels, and write RUN, which has no target yet.

    Hidden elements are to be known, atoms and cells that were moved are to be put back. Start from
    RUN by `xtalgraph finetune`. Every setting: docs/settings.md.
    """
    rows = [["objective", "validation loss, 1 knows nothing"]]
    rows += [[name, "" if loss is None else f"{loss:.3g}"] for name, loss in run.losses.items()]
    click.echo("\n".join(aligned(rows)))
    if run.probe:
        lines = [["features", "ridge MAE", "95 % interval"]]
        for name, error in run.probe.items():
            lines.append(
                [name, f"{error['mae']:.4g}", f"{error['low']:.4g} to {error['high']:.4g}"]
            )
        click.echo("\n" + "\n".join(aligned(lines)))
    click.echo(f"\nreport: {run.folder / 'report.html'}")


@verb("xtalgraph.workflows.ablate:ablate")
def ablate(ablation: "Ablation") -> int:
    """Train DATA with every combination of some settings, and write a table and figures to DIR.

    The same command continues where it was stopped, and adds what is missing when values are added.
    The validation part selects the best point. The exit code is 1 if a point could not be trained.
    """
    click.echo(ablation_tables(ablation.document))
    for point in ablation.failed:
        click.echo(f"failed: {point['name']}: {point['reason']}")
    click.echo(f"\npage: {ablation.folder / 'ablate.html'}")
    return 1 if ablation.failed else 0


@verb("xtalgraph.workflows.tune:tune")
def tune(tuning: "Tuning") -> None:
    """Search settings for DATA with Optuna, and train the best in DIR/best.

    The same command continues where it was stopped. The test part is not read before the best
    settings are found. With --fold, a trial is assessed by inner folds of the other rows.
    """
    keys = list(tuning.best["settings"])
    columns = list(tuning.best["errors"])
    rows = [["trial", *keys, "validation error", *columns]]
    for trial in tuning.trials:
        error = trial["validation error"]
        text = f"failed: {trial['reason']}" if error is None else f"{error:.4g}"
        given = [trial["settings"].get(key) for key in keys]
        values = [f"{v:.4g}" if isinstance(v, float) else str(v) for v in given]
        errors = [f"{trial['errors'][key]:.4g}" if trial["errors"] else "" for key in columns]
        rows.append([f"{trial['number']}", *values, text, *errors])
    click.echo("\n".join(aligned(rows)))
    click.echo(f"\nbest: trial {tuning.best['number']}; trained with its settings:\n")
    click.echo(metrics_tables(tuning.run.metrics))
    click.echo(f"\nreport: {tuning.run.folder / 'report.html'}")
