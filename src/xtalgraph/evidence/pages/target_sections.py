"""The sections of the report that speak of one target: metrics, errors, the worst of them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

from xtalgraph.conventions.documents import reading
from xtalgraph.conventions.voigt import from_subscripts, subscripts
from xtalgraph.data.targets import Task
from xtalgraph.evidence.numbers import (
    count,
    fixed,
    percent,
    plain,
    seconds,
    shared_decimals,
    with_interval,
    with_unit,
)
from xtalgraph.evidence.pages.figures import SURFACES, TargetFigures, has_surfaces
from xtalgraph.evidence.pages.markup import (
    Content,
    Html,
    escaped,
    figure,
    formula,
    paragraph,
    section,
    table,
)
from xtalgraph.evidence.run_record import Estimate, RunRecord
from xtalgraph.evidence.text import report as text
from xtalgraph.evidence.text.models import about_model
from xtalgraph.evidence.text.uncertainty import about_novelty, about_uncertainty
from xtalgraph.metrics.measures import MEASURES, rank_of
from xtalgraph.metrics.tensors import norms


def metrics_section(record: RunRecord, drawn: TargetFigures) -> str:
    """The table of metrics beside the baselines."""
    names = [record.model, *(name for name in record.models if name != record.model)]
    keys = [key for key in MEASURES if any(key in record.models[n]["test"] for n in names)]
    rows: list[list[Content]] = []
    missing = []
    for key in keys:
        estimates = [record.estimate(name, key) for name in names]
        measure = MEASURES[key]
        unit = record.error_unit if measure.has_unit else ""
        label = Html(
            f"{escaped(measure.title)}{f' <small>{escaped(unit)}</small>' if unit else ''}"
        )
        rows.append([label, *_cells(estimates, measure.better)])
        if any(estimate.value is None for estimate in estimates):
            missing.append(key)
    for split, where in (("val", "validation"), ("train", "training")):
        estimates = [record.estimate(name, record.measure, split) for name in names]
        if any(estimate.value is not None for estimate in estimates):
            unit = f" <small>{escaped(record.error_unit)}</small>" if record.error_unit else ""
            label = Html(f"{MEASURES[record.measure].title} in {where}{unit}")
            rows.append([label, *(_cell(e, False, absent="–") for e in estimates)])
    if any("seconds" in record.models[name] for name in names):
        times = [seconds(record.models[name].get("seconds")) for name in names]
        rows.append(["Time to train", *times])
    head = ["On the test set", *(text.called(name) for name in names)]
    described = [
        Html(f"<b>{escaped(text.called(name))}</b>: {escaped(description)}")
        for name in names
        if (description := about_model(name, record.models[name], record.declared))
    ]
    view = _VIEWS[record.target.task]
    return section(
        *heading_of(record, "metrics", "Comparison with baselines"),
        [
            paragraph(view.lead(record)),
            f'<div class="beside"><div>{table(head, rows, "metrics")}'
            + paragraph(
                "The best of each row is bold. Small numbers are 95 % bootstrap intervals. "
                + view.explained(record),
                "note",
            )
            + paragraph(text.unavailable(missing, int(record.test_rows().sum())), "note")
            + f"</div><div>{figure(drawn.comparison, 'Shorter is better.')}"
            + "".join(map(paragraph, described))
            + "</div></div>",
            _by_component(record, names),
        ],
    )


def _by_component(record: RunRecord, names: list[str]) -> str:
    """The error of each number of a list; nothing where the target is one number."""
    columns = [record.components(name, record.measure) for name in names]
    if not any(columns):
        return ""
    measure = MEASURES[record.measure]
    unit = f" <small>{escaped(record.error_unit)}</small>" if record.error_unit else ""
    rows: list[list[Content]] = []
    for number, estimates in enumerate(zip(*columns, strict=True)):
        rows.append([f"{record.target.name}[{number}]", *_cells(estimates, measure.better)])
    title = Html(f"{measure.title} by number{unit}")
    return table([title, *(text.called(name) for name in names)], rows, "metrics")


def _explained(record: RunRecord) -> str:
    """What a recall is, where one is shown."""
    if record.units is not None or record.declared.is_tensor:
        return ""
    best = f"; best means {record.target.best}" if record.target.best else ""
    return (
        f"Recall in the top k: the share of the k best that are among the k predicted best{best}."
    )


def _ranking(record: RunRecord) -> str:
    shown = {key for figures in record.models.values() for key in figures["test"]}
    recalls = {
        measure.short.removeprefix("top-"): record.estimate(record.model, key)
        for key, measure in MEASURES.items()
        if key in shown and measure.top is not None
    }
    what = "sites" if record.target.kind == "atomic" else "crystals"
    spearman = record.estimate(record.model, rank_of(record.target).key)
    return text.ranking(spearman, recalls, record.target.best, what)


def _test_classes(record: RunRecord) -> tuple[np.ndarray, np.ndarray]:
    test = record.test_rows()
    return record.labels[test], record.predictions[test]


def _cells(estimates: Sequence[Estimate], better: str) -> list[Content]:
    """Numbers beside each other, the best one bold; none where all are equal."""
    values = {e.value for e in estimates if e.value is not None}
    best = (min if better == "low" else max)(values) if len(values) > 1 else None
    return [_cell(e, best is not None and e.value == best) for e in estimates]


def _cell(estimate: Estimate, best: bool, absent: str = "n/a") -> Html:
    if estimate.value is None:
        return Html(absent)
    value, interval = with_interval(estimate.value, estimate.low, estimate.high)
    interval = f' <small class="interval">{interval}</small>' if interval else ""
    return Html(f"<b>{value}</b>{interval}" if best else f"{value}{interval}")


def errors_section(record: RunRecord, drawn: TargetFigures) -> str:
    """The figures of the errors, and a sentence on them."""
    sentences, captions = _VIEWS[record.target.task].errors(record)
    pictures = [figure(*pair) for pair in zip(drawn.errors, captions, strict=True)]
    return section(
        *heading_of(record, "errors", "Errors"),
        [paragraph(sentences), f'<div class="pair">{"".join(pictures)}</div>'],
    )


def _residuals(record: RunRecord) -> tuple[str, tuple[str, ...]]:
    """How large the errors are, and the captions of their figures."""
    test = record.test_rows()
    of_tensor = record.declared.is_tensor
    error = record.error_factor * (record.predictions - record.labels)[test]
    if of_tensor:
        tensor = record.declared.tensor
        error = norms(from_subscripts(tensor, error.reshape(-1, len(subscripts(tensor)))))
    shades = " Darker points lie closer together." if test.sum() > 500 else ""
    captions: tuple[str, ...] = (
        f"Predictions over targets; on the line both agree.{shades} Point at a crystal to see its "
        "formula, id and error; click to see its structure.",
        "Test errors over the target, and their distribution.",
    )
    if has_surfaces(record):
        captions += (SURFACES,)
    finite = error[np.isfinite(error)]
    words = norms_in_words if of_tensor else residuals_in_words
    return words(finite, record.error_unit), captions


@dataclass(frozen=True)
class _View:
    """What a report says of numbers, or of classes."""

    lead: Callable[[RunRecord], str]
    """Before the table of metrics."""
    explained: Callable[[RunRecord], str]
    """What the less known of the measures are."""
    errors: Callable[[RunRecord], tuple[str, tuple[str, ...]]]
    """A sentence on the errors, and the captions of their figures."""


_VIEWS: Final = {
    Task.REGRESSION: _View(_ranking, _explained, _residuals),
    Task.CLASSIFICATION: _View(
        lambda record: text.shares(*_test_classes(record), record.classes),
        lambda _: text.CLASS_MEASURES,
        lambda record: (
            text.decisions(*_test_classes(record), record.classes),
            text.CLASS_CAPTIONS,
        ),
    ),
}


def residuals_in_words(error: Float[np.ndarray, " rows"], unit: str) -> str:
    """Say how large errors are; nothing where there are none."""
    if len(error) == 0:
        return ""
    half, rare = np.quantile(np.abs(error), (0.5, 0.95)).tolist()
    of_mean = math.inf
    if len(error) > 1:
        of_mean = float(error.std(ddof=1)) / math.sqrt(len(error))
    return text.residuals(half, rare, float(error.mean()), of_mean, unit)


def norms_in_words(error: Float[np.ndarray, " rows"], unit: str) -> str:
    """Say how large the norms of the errors of tensors are; nothing where there are none."""
    if len(error) == 0:
        return ""
    half, rare = np.quantile(error, (0.5, 0.95)).tolist()
    return f"{text.sizes(half, rare, unit)} {text.NORMS}"


def worst_section(record: RunRecord, drawn: TargetFigures) -> str:
    """The crystals with the largest errors."""
    with reading(record.folder / "worst.json"):
        return _worst(record, drawn) if record.worst else ""


def _worst(record: RunRecord, drawn: TargetFigures) -> str:
    unit, of_error = (
        f" ({unit})" if unit else "" for unit in (record.target.unit, record.error_unit)
    )
    of_tensor = all("norm" in entry for entry in record.worst)
    head = ["id", "formula", f"target{unit}", f"predicted{unit}", f"error{of_error}", "atoms"]
    if of_tensor:
        head[2:2], head[-1:] = ["component"], [f"norm{of_error}", "atoms"]
    rows: list[list[Content]] = []
    captions = []
    errors = [float(entry["prediction"]) - float(entry["target"]) for entry in record.worst]
    decimals = shared_decimals(errors)
    decimals_of_error = shared_decimals([error * record.error_factor for error in errors])
    what = "site" if record.target.kind == "atomic" else "crystal"
    for entry, error in zip(record.worst, errors, strict=True):
        name, composed = str(entry["id"]), formula(entry["formula"])
        target, prediction = (
            fixed(float(entry[key]), decimals) for key in ("target", "prediction")
        )
        atoms = f"{entry.get('num_atoms', len(entry['numbers'])):,}"
        off = fixed(error * record.error_factor, decimals_of_error, sign=True)
        row: list[Content] = [name, composed, target, prediction, off, atoms]
        if of_tensor:
            off = fixed(float(entry["norm"]), decimals_of_error)
            row[2:2], row[-1:] = [str(entry["component"])], [off, atoms]
        rows.append(row)
        size = escaped(with_unit(off, record.error_unit))
        captions.append(Html(f"<b>{composed.text}</b> {escaped(name)}<br>error {size}"))
    pictures = zip(drawn.worst, captions, strict=False)
    gallery = "".join(figure(picture, caption) for picture, caption in pictures)
    return section(
        *heading_of(record, "worst", "Largest errors"),
        [
            paragraph(
                f"The {count(len(rows), what)} of the test set with the largest errors. "
                f"{'The component is that with the largest error. ' if of_tensor else ''}"
                "Paler atoms are in neighbouring cells, at the ends of bonds that leave the cell."
            ),
            f'<div class="gallery">{gallery}</div>' if gallery else "",
            table(head, rows, "numbers"),
        ],
    )


def uncertainty_alarms(record: RunRecord) -> list[str]:
    """What of the uncertainty did not hold, in sentences."""
    sentences = about_uncertainty(record.uncertainty, record.declared.unit)
    return [text for text, alarm in sentences if alarm]


def uncertainty_section(record: RunRecord, drawn: TargetFigures) -> str:
    """The sentences, the numbers and the figures."""
    sentences = about_uncertainty(record.uncertainty, record.declared.unit) + about_novelty(
        record.novelty
    )
    pictures = "".join(figure(*pair) for pair in drawn.uncertainty)
    rows = _uncertainty_rows(record)
    return section(
        *heading_of(record, "uncertainty", "Uncertainty"),
        [
            *(paragraph(text) for text, _ in sentences),
            table(["On the test set", ""], rows, "numbers") if rows else "",
            f'<div class="pair">{pictures}</div>' if pictures else "",
        ],
    )


def _uncertainty_rows(record: RunRecord) -> list[list[Content]]:
    rows: list[list[Content]] = []
    intervals, std = (record.uncertainty.get(key) for key in ("intervals", "std"))
    if intervals:
        held = intervals["coverage"]
        low, high = percent(held["low"], 3), percent(held["high"], 3)
        width = with_unit(plain(intervals["sharpness"]), record.declared.unit)
        rows += [
            ["nominal coverage", percent(intervals["level"])],
            [
                "observed coverage (95 % binomial interval)",
                f"{percent(held['value'], 3)} ({low} to {high})",
            ],
            ["mean width", width],
            ["calibration crystals", f"{intervals['calibrating']:,}"],
        ]
    if std:
        variance = ", with a learned variance" if record.uncertainty.get("learned") else ""
        area, chance = (plain(std[f"sparsification_{key}"]) for key in ("area", "chance"))
        rows += [
            ["members", f"{record.uncertainty['members']}{variance}"],
            ["rank correlation of standard deviation and error", plain(std["rank_of_errors"])],
            ["miscalibration area (0 is best, 0.5 worst)", plain(std["miscalibration_area"])],
            ["sparsification area (0 is best; chance)", f"{area} ({chance})"],
        ]
    return rows


def heading_of(record: RunRecord, identifier: str, heading: str) -> tuple[str, str]:
    """Anchor and heading of a section, which name the target where there are several."""
    if record.number is None:
        return identifier, heading
    return f"{identifier}-{record.number}", f"{record.target.name}: {heading.lower()}"
