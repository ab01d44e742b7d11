"""The command `xtalgraph`: loads the module of the verb that was asked for."""

import importlib
import logging
import os
import signal
import sys
from typing import Any, Final

import click

from xtalgraph.conventions.errors import XtalgraphError
from xtalgraph.conventions.files import file_errors
from xtalgraph.conventions.settings import nearest
from xtalgraph.conventions.stopping import Stopped, stopping_on_signals
from xtalgraph.workflows.freed_memory import keep_freed_memory

VERBS: Final[dict[str, str]] = {
    "graph": "Show the periodic graph of crystals.",
    "data": "List, fetch and inspect data sets; clear the cache.",
    "models": "List the models that have a name; add others.",
    "train": "Train a model; write a run folder with its report.",
    "finetune": "Start from a trained run, and learn from other data.",
    "pretrain": "Train an encoder on crystals without labels.",
    "train-generator": "Train a model that draws crystals.",
    "generate": "Draw crystals of a composition.",
    "assess-generator": "Compare drawn crystals with held-out ones.",
    "predict": "Predict new crystals with a run.",
    "evaluate": "Compute the errors of a run on other labelled data.",
    "compare": "Compare a model with baselines and published models, on one split.",
    "verify": "Check invariances of a run, or symmetry and forces of a potential.",
    "diagnose": "Test a run for shortcuts, leaks, hard cutoffs, wrong labels.",
    "embed": "Write embeddings of crystals, and plot them.",
    "screen": "Rank candidates; write the best with their structures.",
    "suggest": "Choose which crystals to compute next.",
    "energies": "Compute energies with a potential, as a column of a table.",
    "relax": "Relax crystals with a potential.",
    "md": "Run molecular dynamics with a potential.",
    "eos": "Compute bulk moduli with a potential.",
    "elastic": "Compute elastic constants with a potential.",
    "phonons": "Compute vibrations and heat capacities with a potential.",
    "convert": "Make a run folder from the weights of another package.",
    "report": "Write the report of a run again.",
    "ablate": "Train every combination of some settings, and compare them.",
    "tune": "Search settings by the validation error; test the best once.",
    "exercise": "Run one of the exercises of the manual.",
}
"""Every verb with its one line of help."""
_TOGETHER: Final = {
    **dict.fromkeys(("train", "pretrain", "ablate", "tune"), "training"),
    **dict.fromkeys(("train-generator", "generate", "assess-generator"), "generation"),
    **dict.fromkeys(("predict", "evaluate", "embed", "screen"), "crystals"),
    **dict.fromkeys(("report", "diagnose", "convert"), "runs"),
    **dict.fromkeys(("energies", "relax", "md", "eos", "elastic", "phonons"), "simulation"),
}
"""The module of verbs that are read together; that of any other bears its name."""


class Verbs(click.Group):
    """A group that imports a verb's module only when the verb is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order in which one needs them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb."""
        if cmd_name not in VERBS:
            raise click.UsageError(f"no command {cmd_name!r}{nearest(cmd_name, VERBS)}", ctx)
        module = importlib.import_module(f"xtalgraph.cli.{_TOGETHER.get(cmd_name, cmd_name)}")
        return getattr(module, cmd_name.replace("-", "_"))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="xtalgraph", message="%(prog)s %(version)s")
def xtalgraph() -> None:
    """Predict properties of crystals from their structures, with evidence."""
    keep_freed_memory()


def main(args: list[str] | None = None) -> None:
    """Run the command; errors of ours end in one message and exit code 2, signals in 128 + n.

    Args:
        args: Instead of those of the process.
    """
    _log_to_stderr()
    # It prints each attempt that it gives up for another; a failure comes as an exception.
    os.environ.setdefault("SPGLIB_WARNING", "OFF")
    try:
        with stopping_on_signals(), file_errors():
            code: Any = xtalgraph.main(args, prog_name="xtalgraph", standalone_mode=False)
    except click.NoSuchOption as error:
        _pointed(error).show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except XtalgraphError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt) as error:
        # click turns every KeyboardInterrupt, which `Stopped` is, into its own exception.
        cause = error.__cause__ if isinstance(error, click.Abort) else error
        stopped = cause if isinstance(cause, Stopped) else Stopped(signal.SIGINT)
        click.echo(f"Interrupted: {stopped}", err=True)
        sys.exit(stopped.exit_code)
    sys.exit(code if isinstance(code, int) else 0)


def _pointed(error: click.NoSuchOption) -> click.NoSuchOption:
    """Name the setting that an unknown option of a verb that trains stands for, if there is one."""
    command = error.ctx.command if error.ctx is not None else None
    if command is None or all(parameter.name != "overrides" for parameter in command.params):
        return error
    from xtalgraph.workflows.setting_names import settings_called

    names = settings_called(error.option_name)
    if not names:
        return error
    options = {parameter.name: parameter.opts[0] for parameter in command.params}
    keys = [name.rpartition(".")[2] for name in names]
    if options_meant := [options[key] for key in keys if key in options]:
        return click.NoSuchOption(error.option_name, possibilities=options_meant, ctx=error.ctx)
    settings = " or ".join(f"--set {name}=VALUE" for name in names)
    text = f"No such option {error.option_name!r}; it is a setting: write {settings}"
    return click.NoSuchOption(error.option_name, text, ctx=error.ctx)


class _Plain(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """Prefix warnings."""
        text = super().format(record)
        return f"Warning: {text}" if record.levelno >= logging.WARNING else text


class _BesideBars(logging.StreamHandler[Any]):
    """Writes a message on a line of its own, where a progress bar stands there too."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a message."""
        library = sys.modules.get("tqdm")  # not loaded where there has been no bar
        if library is None:
            super().emit(record)
            return
        with library.tqdm.external_write_mode(file=self.stream):
            super().emit(record)


def _log_to_stderr() -> None:
    handler = _BesideBars()
    handler.setFormatter(_Plain("%(message)s"))
    log = logging.getLogger("xtalgraph")
    log.handlers = [handler]
    log.setLevel(logging.INFO)
    log.propagate = False
