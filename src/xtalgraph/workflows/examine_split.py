"""What a split shares between its parts, in words: for the log, the record and the report."""

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from xtalgraph.data.dataset import Dataset
from xtalgraph.data.divided import Divided
from xtalgraph.data.duplicates import DUPLICATE_TOLERANCE, REPEATED_TOLERANCE
from xtalgraph.data.label_distribution import (
    EqualLabels,
    RowOrder,
    examine_equal_labels,
    examine_order,
)
from xtalgraph.data.leaks import Leaks, RepeatedCrystals, count_leaks
from xtalgraph.data.targets import Kind, Target
from xtalgraph.workflows.examine_labels import examine_labels

_PARTS: Final = {"test": "test", "val": "validation"}


def examine_split(divided: Divided) -> dict[str, Any]:
    """Look at the labels, count leaks and repeated crystals, look at the order of the file; say it.

    Args:
        divided: Crystals, labels and parts. The labels of repeated crystals are compared, and equal
            labels and the order of the file are looked at, where there is one value for each
            crystal.

    Returns:
        The content of ``split.json``: ``how``, the ids of the parts, what was counted, and under
        ``said`` the sentences, each with whether it is an alarm.
    """
    dataset, split = divided.dataset, divided.split
    target, values = dataset.targets[0], None
    if len(dataset.targets) == 1 and target.kind is not Kind.ATOMIC:
        values = dataset.labels.arrays[target.name]
    leaks = count_leaks(dataset.table.crystals, split, _per_atom(dataset, target, values))
    order = None if values is None else examine_order(values, split)
    equal = None
    if values is not None and not target.is_class:
        equal = examine_equal_labels(values, split)
    said = [(True, text) for text in examine_labels(divided)]
    said += _sentences(leaks, order, target) + _about_equal(equal, target)
    return {
        **parts_of(divided),
        "leaks": leaks.as_dict(),
        "order": None if order is None else order.as_dict(),
        "equal": None if equal is None else equal.as_dict(),
        "said": [{"alarm": alarm, "text": text} for alarm, text in said],
    }


def parts_of(divided: Divided) -> dict[str, Any]:
    """Return what identifies a split: how it was made, the data, and the ids of the parts.

    Args:
        divided: Crystals, labels and parts.
    """
    ids = divided.dataset.table.ids
    return {
        "how": divided.split.how,
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


def _per_atom(
    dataset: Dataset, target: Target, values: Float[np.ndarray, " rows"] | None
) -> Float[np.ndarray, " rows"] | None:
    """Return one label for each crystal that is the same for a supercell."""
    if values is None or target.kind is not Kind.EXTENSIVE:
        return values
    return values / np.array([crystal.num_atoms for crystal in dataset.table.crystals])


def _sentences(leaks: Leaks, order: RowOrder | None, target: Target) -> list[tuple[bool, str]]:
    said = []
    for part, name in _PARTS.items():
        found = {leak.shares: leak for leak in leaks.leaks if leak.part == part}
        if not found:
            continue
        formula, prototype, copies = (found[k] for k in ("formula", "prototype", "structure"))
        if formula.rows == 0:
            said.append((False, f"no {name} row shares its formula with a training row"))
            continue
        said.append(
            (
                False,
                f"{formula.rows} of {formula.of} {name} rows ({100 * formula.share:.0f} %) share "
                f"their formula with a training row, {prototype.rows} "
                f"({100 * prototype.share:.0f} %) prototype and elements, {copies.rows} "
                f"({100 * copies.share:.1f} %) the structure itself",
            )
        )
        if prototype.unknown:
            said.append((False, f"of {prototype.unknown} of these no prototype was found"))
        if copies.rows:
            said.append(
                (
                    True,
                    f"{copies.rows} of {copies.of} {name} rows hold a crystal that is in training, "
                    f"too, alike to {DUPLICATE_TOLERANCE:g} Å: the model has seen these "
                    "structures, so its error on them is not a test error. "
                    "--split formula keeps such rows together",
                )
            )
    said += _about_repeated(leaks.repeated, target)
    if order is not None and order.sorted:
        said.append(_about_order(order))
    return said


def _about_repeated(repeated: RepeatedCrystals, target: Target) -> list[tuple[bool, str]]:
    if repeated.rows == 0:
        return []
    text = (
        f"{repeated.rows} rows hold a crystal that is in another row, too, alike to "
        f"{REPEATED_TOLERANCE:g} Å"
    )
    if repeated.median is None or repeated.largest is None:
        return [(False, text)]
    if repeated.different == 0:
        return [(False, f"{text}, with the same label")]
    own = target.unit_per_atom if target.kind is Kind.EXTENSIVE else target.unit
    unit = f" {own}".rstrip()
    return [
        (
            True,
            f"{text}; the labels of {repeated.different} of {repeated.pairs} pairs differ, in the "
            f"median of all pairs by {repeated.median:.2g}{unit}, at most by "
            f"{repeated.largest:.2g}{unit}: no model can be expected to do better on them",
        )
    ]


def _about_equal(equal: EqualLabels | None, target: Target) -> list[tuple[bool, str]]:
    if equal is None or equal.constant_mae is None:
        return []
    unit = f" {target.unit}" if target.unit else ""
    return [
        (
            True,
            f"{equal.rows} of {equal.of} labels ({100 * equal.share:.0f} %) are {equal.value:g}"
            f"{unit}: to say so of every crystal has the MAE {equal.constant_mae:.3g}{unit} on the "
            "test. Look at the errors of the others, or ask first which crystals have this value "
            "(--task classification)",
        )
    ]


def _about_order(order: RowOrder) -> tuple[bool, str]:
    text = (
        f"the file is sorted by its target (rank correlation with the row {order.correlation:.2f})"
    )
    if order.test_is_block:
        return True, (
            f"{text}, and the test is a block of it: its targets are others than those trained on. "
            "Unless that is meant, draw the split at random"
        )
    return False, f"{text}; the test is not a block of it, so the split does not follow the order"
