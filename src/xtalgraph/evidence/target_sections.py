"""The sections of the report that speak of one target: metrics, errors, the worst of them."""

import numpy as np

from xtalgraph.evidence import class_wording, wording
from xtalgraph.evidence.figures import TargetFigures
from xtalgraph.evidence.markup import (
    Content,
    Html,
    escaped,
    figure,
    formula,
    paragraph,
    section,
    table,
)
from xtalgraph.evidence.numbers import (
    count,
    fixed,
    plain,
    seconds,
    shared_decimals,
    to_interval,
    with_unit,
)
from xtalgraph.evidence.run_record import Estimate, RunRecord

MEASURES = {
    "mae": ("Mean absolute error", "low"),
    "rmse": ("Root mean square error", "low"),
    "r2": ("R²", "high"),
    "spearman": ("Spearman's ρ", "high"),
    "kendall": ("Kendall's τ", "high"),
    "recall@10": ("Recall in the top 10", "high"),
    "recall@100": ("Recall in the top 100", "high"),
    "recall@5%": ("Recall in the top 5 %", "high"),
    "roc_auc": ("ROC-AUC", "high"),
    "balanced_accuracy": ("Balanced accuracy", "high"),
    "f1": ("F1", "high"),
    "log_loss": ("Log loss", "low"),
    "brier": ("Brier score", "low"),
}
"""Heading of each measure, and whether low or high is good."""


def metrics_section(record: RunRecord, drawn: TargetFigures) -> str:
    """The table of metrics beside the baselines.

    Args:
        record: The run.
        drawn: Its figures.

    Returns:
        HTML; empty where there is nothing to show.
    """
    names = [record.model, *(name for name in record.models if name != record.model)]
    keys = [key for key in MEASURES if any(key in record.models[n]["test"] for n in names)]
    rows: list[list[Content]] = []
    missing = []
    for key in keys:
        estimates = [record.estimate(name, key) for name in names]
        heading, good = MEASURES[key]
        values = [e.value for e in estimates if e.value is not None]
        best = (min if good == "low" else max)(values, default=None)
        unit = record.unit if key in ("mae", "rmse") else ""
        label = Html(f"{escaped(heading)}{f' <small>{escaped(unit)}</small>' if unit else ''}")
        cells = [_cell(e, e.value is not None and e.value == best) for e in estimates]
        rows.append([label, *cells])
        if any(estimate.value is None for estimate in estimates):
            missing.append(key)
    for split, where in (("val", "validation"), ("train", "training")):
        estimates = [record.estimate(name, record.measure, split) for name in names]
        if any(estimate.value is not None for estimate in estimates):
            unit = f" <small>{escaped(record.unit)}</small>" if record.unit else ""
            label = Html(f"{MEASURES[record.measure][0]} in {where}{unit}")
            rows.append([label, *(_cell(e, False, absent="–") for e in estimates)])
    if any("seconds" in record.models[name] for name in names):
        times = [seconds(record.models[name].get("seconds")) for name in names]
        rows.append(["Time to train", *times])
    head = ["On the test set", *(wording.called(name) for name in names)]
    described = [
        Html(f"<b>{escaped(wording.called(name))}</b>: {escaped(text)}")
        for name in names
        if (text := record.models[name].get("description"))
    ]
    if record.is_class:
        lead = class_wording.shares(*_test_classes(record), record.classes)
    else:
        lead = _ranking(record, keys)
    absent = class_wording.unavailable if record.is_class else wording.unavailable
    return section(
        *heading_of(record, "metrics", "Against the baselines"),
        [
            paragraph(lead),
            f'<div class="beside"><div>{table(head, rows, "metrics")}'
            + paragraph(
                "The best of each row is bold. Small numbers are 95 % bootstrap intervals. "
                + _explained(record),
                "note",
            )
            + paragraph(absent(missing, int(record.test_rows().sum())), "note")
            + f"</div><div>{figure(drawn.comparison, 'Shorter is better.')}"
            + "".join(map(paragraph, described))
            + "</div></div>",
        ],
    )


def _explained(record: RunRecord) -> str:
    """What the less known of the measures are."""
    if record.is_class:
        return (
            "ROC-AUC is the chance that a true one gets the higher probability; log loss and Brier "
            "score judge the probability itself; the others take 0.5 for the threshold."
        )
    best = f"; best means {record.best}" if record.best else ""
    return (
        f"Recall in the top k: the share of the k best that are among the k predicted best{best}."
    )


def _ranking(record: RunRecord, keys: list[str]) -> str:
    recalls = {
        key.removeprefix("recall@"): record.estimate(record.model, key)
        for key in keys
        if key.startswith("recall@")
    }
    what = "sites" if record.kind == "atomic" else "crystals"
    spearman = record.estimate(record.model, "spearman")
    return wording.ranking(spearman, recalls, record.best, what)


def _test_classes(record: RunRecord) -> tuple[np.ndarray, np.ndarray]:
    test = record.test_rows()
    return record.targets[test], record.predictions[test]


def _cell(estimate: Estimate, best: bool, absent: str = "n/a") -> Html:
    if estimate.value is None:
        return Html(absent)
    if estimate.low is None or estimate.high is None:
        value, interval = plain(estimate.value), ""
    else:
        value, low, high = to_interval(estimate.value, estimate.low, estimate.high)
        interval = f' <small class="interval">{low} to {high}</small>'
    return Html(f"<b>{value}</b>{interval}" if best else f"{value}{interval}")


def errors_section(record: RunRecord, drawn: TargetFigures) -> str:
    """The figures of the errors, and a sentence on them.

    Args:
        record: The run.
        drawn: Its figures.

    Returns:
        HTML; empty where there is nothing to show.
    """
    if record.is_class:
        said = class_wording.decisions(*_test_classes(record), record.classes)
        captions: tuple[str, ...] = class_wording.CAPTIONS
    else:
        said, captions = _spread(record)
    pictures = [figure(*pair) for pair in zip(drawn.errors, captions, strict=True)]
    return section(
        *heading_of(record, "errors", "The errors"),
        [paragraph(said), f'<div class="pair">{"".join(pictures)}</div>'],
    )


def _spread(record: RunRecord) -> tuple[str, tuple[str, ...]]:
    """How the errors are spread, and the captions of their figures."""
    test = record.test_rows()
    std = wording.residuals((record.predictions - record.targets)[test], record.unit)
    shades = " Darker points lie closer together." if test.sum() > 500 else ""
    return std, (
        f"Predictions over targets; on the line both agree.{shades} Point at a crystal for its "
        "formula, id and error; click it for its structure.",
        "Errors on the test set over the target, and how many there are.",
    )


def worst_section(record: RunRecord, drawn: TargetFigures) -> str:
    """The crystals with the largest errors.

    Args:
        record: The run.
        drawn: Its figures.

    Returns:
        HTML; empty where there is nothing to show.
    """
    if not record.worst:
        return ""
    unit = f" ({record.unit})" if record.unit else ""
    head = ["id", "formula", f"target{unit}", f"predicted{unit}", f"error{unit}", "atoms"]
    rows: list[list[Content]] = []
    captions = []
    errors = [float(entry["prediction"]) - float(entry["target"]) for entry in record.worst]
    decimals = shared_decimals(errors)
    what = "site" if record.kind == "atomic" else "crystal"
    for entry, error in zip(record.worst, errors, strict=True):
        name, composed = str(entry["id"]), formula(entry["formula"])
        target, prediction = (
            fixed(float(entry[key]), decimals) for key in ("target", "prediction")
        )
        atoms = f"{entry.get('num_atoms', len(entry['numbers'])):,}"
        off = fixed(error, decimals, sign=True)
        rows.append([name, composed, target, prediction, off, atoms])
        said = escaped(with_unit(off, record.unit))
        captions.append(Html(f"<b>{composed.text}</b> {escaped(name)}<br>error {said}"))
    pictures = zip(drawn.worst, captions, strict=False)
    gallery = "".join(figure(picture, caption) for picture, caption in pictures)
    return section(
        *heading_of(record, "worst", "The worst errors"),
        [
            paragraph(
                f"The {count(len(rows), what)} of the test set with the largest errors. "
                "Paler atoms stand in neighbouring cells, at the end of bonds that cross the wall."
            ),
            f'<div class="gallery">{gallery}</div>' if gallery else "",
            table(head, rows, "numbers"),
        ],
    )


def heading_of(record: RunRecord, identifier: str, heading: str) -> tuple[str, str]:
    """Anchor and heading of a section, which name the target where there are several.

    Args:
        record: The run.
        identifier: Anchor where there is one target.
        heading: The same.
    """
    if record.number is None:
        return identifier, heading
    return f"{identifier}-{record.number}", f"{record.target}: {heading.lower()}"
