"""`xtalgraph verify`."""

import json
from typing import Any

import click

from xtalgraph.cli.lists import CommandWithLists


@click.command(cls=CommandWithLists, short_help="Try what must not change a run's predictions.")
@click.argument("run")
@click.option(
    "--on",
    metavar="FILES",
    multiple=True,
    help="Crystals to try it on: files, folders or tables. Default: the test part of the run.",
)
@click.option(
    "--sample", metavar="N", type=int, default=32, show_default=True, help="How many of them."
)
@click.option("--json", "as_json", is_flag=True, help="Print verify.json instead of a table.")
@click.option("--quiet", is_flag=True, help="No progress bars.")
def verify(run: str, on: tuple[str, ...], sample: int, as_json: bool, quiet: bool) -> int:
    """Turn, shift, reorder, repeat, fold and batch crystals, and see whether RUN predicts the same.

    The result goes to verify.json and to the report of RUN. The exit code is 1 if a check does
    not hold.
    """
    from xtalgraph.workflows.verify import verify as run_verification

    source = None if not on else on[0] if len(on) == 1 else list(on)
    found = run_verification(run, on=source, sample=sample, progress=not quiet)
    if as_json:
        click.echo(json.dumps(found.document, indent=1, ensure_ascii=False))
    else:
        click.echo(_table(found.document))
    return 1 if found.verification.failures else 0


def _table(document: dict[str, Any]) -> str:
    from xtalgraph.cli.tables import aligned

    results = document["results"]
    several = len({one["target"] for one in results if one["target"]}) > 1
    rows = [["", "", "worst", "relative", "allowed", ""]]
    for one in results:
        where = f"on {one['crystal']}" if one["crystal"] else ""
        of = f"{one['target']}, " if several and where else ""
        said = of + where if one["status"] != "n/a" else one["reason"]
        worst = _number(one, "violation", one["unit"])
        cells = [worst, _number(one, "relative"), _allowed(one)]
        rows.append([one["check"], one["status"], *cells, said])
    texts = [row.pop() for row in rows]
    lines = [f"{line}  {text}".rstrip() for line, text in zip(aligned(rows), texts, strict=True)]
    failed = [one["check"] for one in results if one["status"] == "fail"]
    verdict = f"FAILED: {', '.join(failed)}" if failed else "no check fails"
    count = len(document["crystals"])
    head = f"{count} of {document['of']} crystals of {document['source']}: {verdict}"
    return "\n".join([head, *lines])


def _number(result: dict[str, Any], key: str, unit: str = "") -> str:
    if result["status"] == "n/a":
        return ""
    value = result[key]
    if value is None:
        return "not finite"
    return f"{value:.2g} {unit}".rstrip()


def _allowed(result: dict[str, Any]) -> str:
    return "" if result["tolerance"] is None else f"{result['tolerance']:g}"
