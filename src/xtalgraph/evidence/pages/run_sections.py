"""The sections of the report on the run as a whole: its split, and what was verified."""

from collections.abc import Sequence
from typing import Any, Final

from xtalgraph.evidence.numbers import count, listing, percent, plain, with_unit
from xtalgraph.evidence.pages.markup import Content, Html, escaped, paragraph, section, table
from xtalgraph.evidence.run_record import RunRecord
from xtalgraph.evidence.text.data import about_division
from xtalgraph.evidence.text.sentence import Sentence

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


def division_alarms(records: Sequence[RunRecord]) -> list[str]:
    """What of the split makes the errors look better or worse than they are, in sentences.

    Args:
        records: The run, one for each target.
    """
    return [text for text, alarm in _sentences(records) if alarm]


def _sentences(records: Sequence[RunRecord]) -> list[Sentence]:
    return about_division(records[0].division, [one.declared for one in records])


def division_section(records: Sequence[RunRecord]) -> str:
    """The section, empty where the run folder holds nothing of its split.

    Args:
        records: The run, one for each target.
    """
    division = records[0].division
    shared = division.get("leaks", {}).get("shared", [])
    found = {(leak["part"], leak["shares"]): leak for leak in shared}
    parts = [part for part in _PARTS if (part, "formula") in found]
    rows: list[list[Content]] = []
    for shares, words in _SHARES.items():
        cells = (found[part, shares] for part in parts)
        shown = [f"{leak['rows']:,} ({percent(leak['rows'] / leak['of'])})" for leak in cells]
        rows.append([words, *shown])
    head = ["shared with a training row", *(f"{_PARTS[part]} rows" for part in parts)]
    return section(
        "division",
        "How the data was divided",
        [
            paragraph(f"{division['how'][0].upper()}{division['how'][1:]}." if division else ""),
            table(head, rows, "numbers") if rows else "",
            *(paragraph(text) for text, _ in _sentences(records)),
        ],
    )


def verified_alarms(record: RunRecord) -> list[str]:
    """What must not change a prediction and does, in sentences.

    Args:
        record: The run.
    """
    if not _is_of_these_weights(record):
        return []
    results = record.verification["results"]
    failed = [str(one["check"]) for one in results if one["status"] == "fail"]
    if not failed:
        return []
    return [
        f"The verification failed: {listing(failed)}. Changes that must not affect the prediction "
        "do; see below by how much."
    ]


def verified_section(record: RunRecord) -> str:
    """The section, empty where the model was not verified.

    Args:
        record: The run.
    """
    found = record.verification
    if not found:
        return ""
    if not _is_of_these_weights(record):
        old = "verify.json belongs to other weights than those of this run. Verify it again."
        return section("verified", "Verification", [paragraph(old, "note")])
    several = len({one["target"] for one in found["results"] if one["target"]}) > 1
    rows = [_row(one, several) for one in found["results"]]
    head = ["check", "result", "worst", "relative", "allowed", "reason"]
    tried = len(found["crystals"])
    lead = (
        f"Checked on {count(tried, 'crystal')} of {found['of']:,} of {found['source']}, in "
        "float64. The worst difference is given in the unit of the target, and relative to the "
        "largest prediction."
    )
    return section(
        "verified",
        "Verification",
        [paragraph(lead), table(head, rows, "verified"), *_passed_over(found)],
    )


def _is_of_these_weights(record: RunRecord) -> bool:
    known = record.verification.get("weights_sha256")
    return known is not None and known == record.model_file.get("weights_sha256")


def _row(check: dict[str, Any], several: bool) -> list[Content]:
    status, violation = check["status"], check["violation"]
    result: Content = _RESULTS[status]
    if status == "fail":
        result = Html(f"<b>{result}</b>")
    if status == "n/a":
        return [check["check"], result, "", "", "", check["reason"]]
    if violation is None:
        worst, part = "not finite", ""
    else:
        worst, part = with_unit(plain(violation, 2), check["unit"]), plain(check["relative"], 2)
    where = check["crystal"]
    of = f"{check['target']}, " if several and where else ""
    shown = Html(
        f"{escaped(worst)}<small>{escaped(f' {of}{where}')}</small>" if where else escaped(worst)
    )
    allowed = "" if check["tolerance"] is None else plain(check["tolerance"], 1)
    return [check["check"], result, shown, part, allowed, check["reason"]]


def _passed_over(found: dict[str, Any]) -> list[str]:
    undecided, unsupported = found["undecided"], found["refused"]
    notes = []
    if undecided:
        notes.append(
            f"{count(len(undecided), 'crystal')} skipped, because rounding decides whether an edge "
            f"is within the cutoff: {', '.join(undecided[:5])}"
            f"{' and more' if len(undecided) > 5 else ''}."
        )
    if unsupported:
        first = unsupported[0]
        notes.append(
            f"{count(len(unsupported), 'crystal')} without a graph; "
            f"{first['id']}: {first['reason']}."
        )
    return [paragraph(text, "note") for text in notes]
