"""`xtalgraph models`."""

from typing import TYPE_CHECKING

import click

from xtalgraph.cli.command import verb
from xtalgraph.evidence.numbers import count

if TYPE_CHECKING:
    from xtalgraph.evidence.model_card import ModelCard
    from xtalgraph.workflows.model_catalog import Added


@click.group(short_help="List the models that have a name; add others.")
def models() -> None:
    """List the models that have a name; add others.

    Such a name stands wherever a run folder does: `xtalgraph predict band-gap FILE.cif`.
    """


@verb("xtalgraph.workflows.model_catalog:list_models")
def list_(cards: "list[ModelCard]") -> None:
    """List the models of the package, and those that were added."""
    from xtalgraph.evidence.text.model_card import model_and_errors, predicts

    width = max((len(card.name) for card in cards), default=0)
    for card in cards:
        title = card.about.get("title", "")
        click.echo(f"{card.name.ljust(width)}  {title or predicts(card)}")
        click.echo(f"{' ' * width}  {model_and_errors(card)}")


@verb("xtalgraph.workflows.model_catalog:model_info")
def info(card: "ModelCard") -> None:
    """Say what is known of the model NAME: data, errors, and for what it is not."""
    from xtalgraph.evidence.text.model_card import card_text

    click.echo(card_text(card))


@verb("xtalgraph.workflows.model_catalog:add_model")
def add(added: "Added") -> None:
    """Add SOURCE, a run folder or archive of somebody else, under a name.

    Weights, JSON and tables are taken, if they are what the run's manifest lists; nothing is
    executed.
    """
    click.echo(f"{added.card.name}: {added.card.folder}")
    if added.left:
        first = ", ".join(added.left[:3])
        more = ", ..." if len(added.left) > 3 else ""
        click.echo(f"{count(len(added.left), 'file')} not taken: {first}{more}", err=True)


for command in (list_, info, add):
    models.add_command(command)
