"""The options that every verb has that trains."""

from collections.abc import Callable
from typing import Any, Final

import click

from xtalgraph.cli.disorder_option import disorder_option

_OF_EACH_TARGET: Final = ("target", "kind", "task", "unit", "best")
_OPTIONS: Final = (
    click.option(
        "--target",
        metavar="COL",
        multiple=True,
        help="Column to predict; repeatable, with --kind, --task, --unit and --best "
        "once or for each.",
    ),
    click.option(
        "--kind",
        type=click.Choice(["extensive", "intensive", "atomic"]),
        multiple=True,
        help="extensive: a total of the cell (eV/cell); intensive (default): does not grow with "
        "the cell (eV/atom, a gap); atomic: one value per atom.",
    ),
    click.option(
        "--task",
        type=click.Choice(["regression", "classification"]),
        multiple=True,
        help="A number (default), or one of two classes: 0 and 1, false and true.",
    ),
    click.option("--unit", metavar="U", multiple=True, help="Unit of the target, as printed."),
    click.option(
        "--best",
        type=click.Choice(["low", "high"]),
        multiple=True,
        help="Best end, for top-k recall (low).",
    ),
    click.option(
        "--model",
        metavar="NAME",
        help="Architecture: xgn (default), alignn, cgcnn, gcn, gemnet, megnet, schnet.",
    ),
    click.option(
        "--split",
        metavar="HOW",
        help="random (default); folds (column 'fold', or official Matbench); formula, chemsys, "
        "prototype or group:COL (groups whole); element:O, anion:N or family:nitride (held out); "
        "target:high or time:COL (the end held out); column:COL (train, val, test).",
    ),
    click.option("--folds", type=int, metavar="N", help="Draw N folds, of which --fold is tested."),
    click.option("--epochs", type=int, metavar="N", help="Passes over the training part."),
    click.option(
        "--jobs",
        type=int,
        metavar="N",
        help="Models side by side (the cores); same bits.",
    ),
    click.option(
        "--on-error",
        type=click.Choice(["raise", "skip"]),
        help="Rows that cannot be used: stop before training (default), or leave them out.",
    ),
    disorder_option("refuse"),
    click.option("--config", metavar="C.yaml", help="Settings: data, graph, model, training."),
    click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="a.b=c",
        help="Override one setting; repeatable.",
    ),
)

Command = Callable[..., Any]


def training_options(command: Command) -> Command:
    """Give a command the options of `train` but --out, --fold, --seed, --resume and --quiet.

    Args:
        command: Takes them as keywords; see `of_each_target`.
    """
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def of_each_target(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options as the functions of Python take them: one value, or a list of several.

    Args:
        options: As the command got them.
    """
    changed = dict(options)
    for name in _OF_EACH_TARGET:
        said = options[name]
        changed[name] = (said[0] if len(said) == 1 else list(said)) if said else None
    return changed


class WholeNumbers(click.ParamType[list[int]]):
    """Whole numbers with commas between them: ``0,1,2``."""

    name = "K,K"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> list[int]:
        """Read them."""
        try:
            return [int(one) for one in str(value).split(",")]
        except ValueError:
            self.fail(f"{value!r} is not a list of whole numbers, as 0,1,2 is", param, ctx)
