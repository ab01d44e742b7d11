"""`xtalgraph train-generator`, `generate` and `assess-generator`: crystals are drawn."""

from typing import TYPE_CHECKING

import click

from xtalgraph.cli.command import verb
from xtalgraph.cli.tables import aligned
from xtalgraph.evidence.numbers import count, plain

if TYPE_CHECKING:
    from xtalgraph.workflows.assess_generation import GenerationAssessment
    from xtalgraph.workflows.generate import Generated
    from xtalgraph.workflows.train_generator import GeneratorRun


@verb("xtalgraph.workflows.train_generator:train_generator")
def train_generator(run: "GeneratorRun") -> None:
    """Learn from the crystals in DATA how to draw crystals of a composition, and write RUN.

    No labels are needed. Draw by `xtalgraph generate RUN`. Every setting: docs/settings.md.
    """
    rows = [["velocity", "validation loss, 1 knows nothing"]]
    rows += [[name, "" if loss is None else f"{loss:.3g}"] for name, loss in run.losses.items()]
    click.echo("\n".join(aligned(rows)))
    click.echo(f"\nreport: {run.folder / 'report.html'}")


@verb("xtalgraph.workflows.generate:generate")
def generate(done: "Generated") -> int:
    """Draw crystals by RUN, and write their structures and a table to DIR.

    The same command continues where it was stopped. The exit code is 1 if some cannot be crystals,
    since atoms overlap or the density is absurd; they are written, too.
    """
    crystals = count(done.valid, "crystal")
    click.echo(f"{crystals}, {done.invalid} that cannot be one: {done.path}")
    if done.relaxed is not None:
        click.echo(f"{done.relaxed.good} relaxed, {done.relaxed.bad} not: {done.relaxed.path}")
    return 1 if done.invalid else 0


@verb("xtalgraph.workflows.assess_generator:assess_generator")
def assess_generator(done: "GenerationAssessment") -> None:
    """Compare what RUN draws with held-out crystals, beside templates and random search.

    DIR gets generated.html and generated.json.
    """
    rows = [["", "match rate", "of all draws", "RMSE", "METRe", "cRMSE", "valid", "unique"]]
    for source in done.document["sources"]:
        value = {key: item["value"] for key, item in source.items() if isinstance(item, dict)}
        shares = {key: plain(None if v is None else 100 * v) for key, v in value.items()}
        rows.append(
            [
                source["name"],
                f"{shares['match_rate_1']} %",
                f"{shares['match_rate']} %",
                plain(value["rmse_1"]),
                f"{shares['metre']} %",
                plain(value["crmse"]),
                f"{shares['valid']} %",
                f"{shares['unique']} %",
            ]
        )
    click.echo("\n".join(aligned(rows)))
    click.echo(f"\nreport: {done.page}")
