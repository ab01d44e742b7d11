"""What labels and a split show: counted for ``split.json`` and for the record."""

import json
from pathlib import Path
from typing import Any, Final

from xtalgraph.data.divided import Divided
from xtalgraph.evidence.data_assessment import assess_labels, assess_split

_PARTS: Final = {"test": "test", "val": "validation"}


def examine_split(divided: Divided) -> dict[str, Any]:
    """Assess labels and split.

    Args:
        divided: Crystals, labels and parts.

    Returns:
        The content of ``split.json``: ``how``, the ids of the parts, what `assess_split` counts,
        and under ``labels`` a `LabelAssessment` for each target.
    """
    labels = {name: one.as_dict() for name, one in assess_labels(divided).items()}
    return {**parts_of(divided), **assess_split(divided), "labels": labels}


def parts_of(divided: Divided) -> dict[str, Any]:
    """Return what identifies a split: how it was made, the data, and the ids of the parts.

    Args:
        divided: Crystals, labels and parts.
    """
    ids = divided.dataset.table.ids
    return {
        "how": divided.split.description,
        "data_sha256": divided.dataset.content_hash,
        **{name: [ids[i] for i in rows.tolist()] for name, rows in divided.split.parts().items()},
    }


def examined_before(folder: Path, divided: Divided) -> dict[str, Any] | None:
    """Return what a run folder says of the same split: a resumed run does not count again.

    Args:
        folder: Of the run.
        divided: Crystals, labels and parts.
    """
    path = folder / "split.json"
    if not path.is_file():
        return None
    before: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    same = all(before.get(key) == value for key, value in parts_of(divided).items())
    return before if same else None


def division_fields(document: dict[str, Any]) -> dict[str, str]:
    """Return the counts as fields of the record.

    Args:
        document: The content of ``split.json``.
    """
    fields = {}
    for leak in document["leaks"]["shared"]:
        what = f"{_PARTS[leak['part']]} rows that share the {leak['shares']} with training"
        fields[what] = f"{leak['rows']} of {leak['of']} ({100 * leak['rows'] / leak['of']:.0f} %)"
    fields["rows whose crystal is in another row too"] = str(document["leaks"]["repeated"]["rows"])
    order = document["order"]
    if order is not None and order["correlation"] is not None:
        fields["rank correlation of target and row"] = f"{order['correlation']:.3f}"
    return fields
