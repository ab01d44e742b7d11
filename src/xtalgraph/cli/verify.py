"""`xtalgraph verify`."""

import json
from typing import TYPE_CHECKING, Any

import click

from xtalgraph.cli.command import CommandWithLists, as_json, verb
from xtalgraph.cli.tables import aligned
from xtalgraph.evidence.numbers import count

if TYPE_CHECKING:
    from xtalgraph.workflows.verify import Verified


@verb("xtalgraph.workflows.verify:verify", extra=[as_json()], several=["on"], cls=CommandWithLists)
def verify(verified: "Verified", as_json: bool) -> int:
    """Check that RUN predicts the same for rotated, shifted, reordered and repeated crystals.

    Forces are compared with differences of energies. The result goes to verify.json and to the
    report of RUN. With --calculator a potential of another package is checked instead. The exit
    code is 1 if a check fails.
    """
    if as_json:
        click.echo(json.dumps(verified.document, indent=1, ensure_ascii=False))
    else:
        click.echo(_table(verified.document))
    return 1 if verified.verification.failures else 0


def _table(document: dict[str, Any]) -> str:
    from xtalgraph.evidence.text.verification import about_reason, about_source

    results = document["results"]
    several = len({result["target"] for result in results if result["target"]}) > 1
    rows = [["", "", "worst", "relative", "allowed", ""]]
    for result in results:
        where = f"on {result['crystal']}" if result["crystal"] else ""
        of = f"{result['target']}, " if several and where else ""
        detail = of + where if result["status"] != "n/a" else about_reason(result)
        worst = _number(result, "violation", result["unit"])
        allowed = "" if result["tolerance"] is None else f"{result['tolerance']:g}"
        cells = [worst, _number(result, "relative"), allowed]
        rows.append([result["check"], result["status"], *cells, detail])
    texts = [row.pop() for row in rows]
    lines = [f"{line}  {text}".rstrip() for line, text in zip(aligned(rows), texts, strict=True)]
    failed = [result["check"] for result in results if result["status"] == "fail"]
    verdict = f"FAILED: {', '.join(failed)}" if failed else "no check fails"
    crystals = f"{len(document['crystals'])} of {count(document['of'], 'crystal')}"
    head = f"{crystals} of {about_source(document)}: {verdict}"
    return "\n".join([head, *lines])


def _number(result: dict[str, Any], key: str, unit: str = "") -> str:
    if result["status"] == "n/a":
        return ""
    value = result[key]
    if value is None:
        return "not finite"
    return f"{value:.2g} {unit}".rstrip()
