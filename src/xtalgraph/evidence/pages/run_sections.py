"""The sections of the report on the run as a whole: its split, and what was verified."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from xtalgraph.evidence.numbers import count, listing, percent, plain, with_unit
from xtalgraph.evidence.pages.markup import Content, Html, escaped, paragraph, section, table
from xtalgraph.evidence.text.division import about_drawing
from xtalgraph.evidence.text.sentence import Sentence
from xtalgraph.evidence.text.verification import about_reason, about_source

_SHARES: Final = {
    "formula": "the reduced formula",
    "prototype": "prototype and elements",
    "structure": "the structure itself",
}
_PARTS: Final = {"test": "test", "val": "validation"}
_RESULTS: Final = {
    "pass": "holds",
    "fail": "FAILS",
    "measured": "measured",
    "n/a": "not applicable",
}


def division_section(division: Mapping[str, Any], sentences: Sequence[Sentence]) -> str:
    """How the data was divided; empty where the run folder holds nothing of its split."""
    shared = division.get("leaks", {}).get("shared", [])
    leaks = {(leak["part"], leak["shares"]): leak for leak in shared}
    parts = [part for part in _PARTS if (part, "formula") in leaks]
    rows: list[list[Content]] = []
    for shares, words in _SHARES.items():
        cells = (leaks[part, shares] for part in parts)
        shown = [f"{leak['rows']:,} ({percent(leak['rows'] / leak['of'])})" for leak in cells]
        rows.append([words, *shown])
    drawn = about_drawing(division["drawn"]) if division else ""
    head = ["shared with a training row", *(f"{_PARTS[part]} rows" for part in parts)]
    return section(
        "division",
        "How the data was divided",
        [
            paragraph(f"{drawn[:1].upper()}{drawn[1:]}." if division else ""),
            table(head, rows, "numbers") if parts else "",
            *(paragraph(text) for text, _ in sentences),
        ],
    )


def transfer_section(sentences: Sequence[Sentence]) -> str:
    """What the parent of a fine-tuned run was worth; empty of every other run."""
    return section("transfer", "Fine-tuning", [paragraph(text) for text, _ in sentences])


def verified_alarms(verification: Mapping[str, Any], weights: str | None) -> list[str]:
    """What must not change a prediction and does, in sentences."""
    if not _is_of_these_weights(verification, weights):
        return []
    failed = [str(check["check"]) for check in verification["results"] if check["status"] == "fail"]
    if not failed:
        return []
    return [
        f"The verification failed: {listing(failed)}. Changes that must not affect the prediction "
        "do; see below by how much."
    ]


def verified_section(verification: Mapping[str, Any], weights: str | None) -> str:
    """What was verified; empty where nothing was."""
    if not verification:
        return ""
    if not _is_of_these_weights(verification, weights):
        old = "verify.json belongs to other weights than those of this run. Verify it again."
        return section("verified", "Verification", [paragraph(old, "note")])
    results = verification["results"]
    several = len({check["target"] for check in results if check["target"]}) > 1
    head = ["check", "result", "worst", "relative", "allowed", "reason"]
    tried = count(len(verification["crystals"]), "crystal")
    lead = (
        f"Checked on {tried} of {verification['of']:,} of {about_source(verification)}, in "
        "float64. The worst difference is given in the unit of the target, and relative to the "
        "largest prediction."
    )
    rows = [_row(check, several) for check in results]
    notes = [paragraph(text, "note") for text in _skipped(verification)]
    shown = [paragraph(lead), table(head, rows, "verified"), *notes]
    return section("verified", "Verification", shown)


def _is_of_these_weights(verification: Mapping[str, Any], weights: str | None) -> bool:
    return weights is not None and verification.get("weights_sha256") == weights


def _row(check: Mapping[str, Any], several: bool) -> list[Content]:
    status, violation = check["status"], check["violation"]
    result: Content = _RESULTS[status]
    if status == "fail":
        result = Html(f"<b>{result}</b>")
    if status == "n/a":
        return [check["check"], result, "", "", "", about_reason(check)]
    worst, relative = "not finite", ""
    if violation is not None:
        worst = with_unit(plain(violation, 2), check["unit"])
        relative = plain(check["relative"], 2)
    where = check["crystal"]
    if where:
        where = f"{check['target']}, {where}" if several else where
    small = f"<small>{escaped(f' {where}')}</small>" if where else ""
    allowed = "" if check["tolerance"] is None else plain(check["tolerance"], 1)
    shown = Html(f"{escaped(worst)}{small}")
    return [check["check"], result, shown, relative, allowed, about_reason(check)]


def _skipped(verification: Mapping[str, Any]) -> list[str]:
    undecided, unsupported = verification["undecided"], verification["unsupported"]
    notes = []
    if undecided:
        notes.append(
            f"{count(len(undecided), 'crystal')} skipped, because rounding decides whether an edge "
            f"is within the cutoff: {', '.join(undecided[:5])}"
            f"{' and more' if len(undecided) > 5 else ''}."
        )
    if unsupported:
        named = f"{', '.join(unsupported[:5])}{' and more' if len(unsupported) > 5 else ''}"
        notes.append(f"{count(len(unsupported), 'crystal')} without a graph: {named}.")
    return notes
