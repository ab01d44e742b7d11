"""The part of the report that says what was tried on the model, and what came out."""

from typing import Any, Final

from xtalgraph.evidence.markup import Content, Html, escaped, paragraph, section, table
from xtalgraph.evidence.numbers import count, listing, plain, with_unit
from xtalgraph.evidence.run_record import RunRecord

_RESULTS: Final = {
    "pass": "holds",
    "fail": "FAILS",
    "measured": "measured",
    "n/a": "not applicable",
}


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
        f"Its verification failed: {listing(failed)}. Changes that must not matter change the "
        "prediction; see below by how much."
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
        old = "verify.json is of other weights than this run has: verify it again."
        return section("verified", "What was verified", [paragraph(old, "note")])
    several = len({one["target"] for one in found["results"] if one["target"]}) > 1
    rows = [_row(one, several) for one in found["results"]]
    head = ["what must not matter, or must hold", "", "worst", "of the largest", "allowed", "why"]
    tried = len(found["crystals"])
    lead = (
        f"Tried on {count(tried, 'crystal')} of {found['of']:,} of {found['source']}, in float64. "
        "The worst difference is given in the unit of the target, and as a part of the largest "
        "prediction among them."
    )
    return section(
        "verified",
        "What was verified",
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
    said = []
    if undecided:
        said.append(
            f"{count(len(undecided), 'crystal')} passed over, since an edge lies at the very limit "
            f"of the graph, where rounding decides: {', '.join(undecided[:5])}"
            f"{' and more' if len(undecided) > 5 else ''}."
        )
    if unsupported:
        first = unsupported[0]
        said.append(
            f"{count(len(unsupported), 'crystal')} without a graph; "
            f"{first['id']}: {first['reason']}."
        )
    return [paragraph(text, "note") for text in said]
