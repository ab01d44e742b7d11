"""What must be given is asked for by name, in every command."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from xtalgraph.cli.main import xtalgraph

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


def command_at(path: tuple[str, ...]) -> click.Command:
    command: click.Command = xtalgraph
    for name in path:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), name)
    return command


def required_options(path: tuple[str, ...]) -> list[str]:
    params = command_at(path).params
    return [p.opts[0] for p in params if isinstance(p, click.Option) and p.required]


WITH_OPTIONS = [path for path in commands(xtalgraph) if required_options(path)]


def test_commands_have_required_options():
    names = {path[0] for path in WITH_OPTIONS}
    assert {"train", "embed", "relax", "suggest", "finetune", "pretrain"} <= names


@pytest.mark.parametrize("path", WITH_OPTIONS, ids=" ".join)
def test_an_option_that_is_required_is_asked_for(path, xtalgraph_command):
    arguments = [
        p.type.choices[0] if isinstance(p.type, click.Choice) else "x"
        for p in command_at(path).params
        if isinstance(p, click.Argument)
    ]
    code, _, told = xtalgraph_command(*path, *arguments)
    assert code == 2
    missing = required_options(path)
    assert any(f"Missing option '{name}'" in told for name in missing), (missing, told)


def test_predictions_are_printed_where_no_table_is_asked_for(xtalgraph_command, tmp_path):
    (tmp_path / "broken.cif").write_text("data_\n")
    source = EXAMPLES / "BaTiO3.cif"
    code, out, _ = xtalgraph_command("predict", "silicon-potential", source, "--quiet")
    assert code == 0
    assert "BaTiO3" in out
    assert "eV" in out
    code, out, _ = xtalgraph_command("predict", "phonon-peak", source, tmp_path, "--quiet")
    assert code == 1
    assert out.splitlines()[-1].startswith("broken: the file holds no atoms")
    assert all(len(line) < 200 for line in out.splitlines()[:-1])
    assert "1/cm" in out
