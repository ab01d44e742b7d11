"""The report of a run: one HTML file that opens anywhere, made from the run folder alone."""

from importlib.resources import files
from pathlib import Path
from string import Template

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.evidence import wording
from xtalgraph.evidence.card import sections
from xtalgraph.evidence.division import division_alarms, division_section
from xtalgraph.evidence.figures import ReportFigures, draw_figures
from xtalgraph.evidence.markup import (
    Content,
    Html,
    code,
    details,
    escaped,
    figure,
    formula,
    paragraph,
    periodic_table,
    section,
    table,
)
from xtalgraph.evidence.numbers import (
    count,
    fixed,
    percent,
    plain,
    seconds,
    shared_decimals,
    to_interval,
    with_unit,
)
from xtalgraph.evidence.run_record import Estimate, RunRecord, read_run

MEASURES = {
    "mae": ("Mean absolute error", "low"),
    "rmse": ("Root mean square error", "low"),
    "r2": ("R²", "high"),
    "spearman": ("Spearman's ρ", "high"),
    "kendall": ("Kendall's τ", "high"),
    "recall@10": ("Recall in the top 10", "high"),
    "recall@100": ("Recall in the top 100", "high"),
    "recall@5%": ("Recall in the top 5 %", "high"),
}
"""Heading of each measure, and whether low or high is good."""


def write_report(run: Path) -> Path:
    """Write ``report.html`` into a run folder, and its figures into ``figures/``.

    Args:
        run: The run folder.

    Returns:
        The path of the report.

    Raises:
        RunError: When the folder lacks metrics or predictions, or they contradict each other.
    """
    record = read_run(run)
    page = render_report(record, draw_figures(record))
    path = run / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


def render_report(record: RunRecord, drawn: ReportFigures) -> str:
    """The page.

    Args:
        record: The run.
        drawn: Its figures.

    Returns:
        A whole HTML document that loads nothing.
    """
    mae, baselines = _errors(record)
    crystals = record.splits.get("test", 0)
    headline = wording.verdict(record.model, crystals, record.kind, mae, baselines, record.unit)
    warnings = wording.warnings(record.model, mae, baselines, record.unit)
    warnings += division_alarms(record)
    body = [
        _metrics(record, drawn),
        _errors_section(record, drawn),
        _worst(record, drawn),
        _training(record, drawn),
        _data(record),
        division_section(record),
        _repeat(record),
        _card(record),
    ]
    name = f"{record.target} ({record.unit})" if record.unit else record.target
    return Template(_asset("report.html")).substitute(
        title=escaped(f"{wording.called(record.model)} on {record.target}: report"),
        style=_asset("report.css"),
        kicker=escaped(f"{name}, {record.kind} · {wording.called(record.model)}"),
        verdict=escaped(headline),
        warnings="\n".join(paragraph(text, "warning") for text in warnings),
        body="\n".join(part for part in body if part),
    )


def _errors(record: RunRecord) -> tuple[Estimate, dict[str, Estimate]]:
    mae = record.estimate(record.model, "mae")
    others = [name for name in record.models if name != record.model]
    return mae, {name: record.estimate(name, "mae") for name in others}


def _metrics(record: RunRecord, drawn: ReportFigures) -> str:
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
    for split, heading in (("val", "validation"), ("train", "training")):
        estimates = [record.estimate(name, "mae", split) for name in names]
        if any(estimate.value is not None for estimate in estimates):
            unit = f" <small>{escaped(record.unit)}</small>" if record.unit else ""
            label = Html(f"Mean absolute error in {heading}{unit}")
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
    recalls = {
        key.removeprefix("recall@"): record.estimate(record.model, key)
        for key in keys
        if key.startswith("recall@")
    }
    what = "sites" if record.kind == "atomic" else "crystals"
    spearman = record.estimate(record.model, "spearman")
    return section(
        "metrics",
        "Against the baselines",
        [
            paragraph(wording.ranking(spearman, recalls, record.best, what)),
            f'<div class="beside"><div>{table(head, rows, "metrics")}'
            + paragraph(
                "The best of each row is bold. Small numbers are 95 % bootstrap intervals. "
                "A recall is the share of the truly best that stands among as many predicted best"
                f"{f'; best means {record.best}' if record.best else ''}.",
                "note",
            )
            + paragraph(wording.unavailable(missing, int(record.test_rows().sum())), "note")
            + f"</div><div>{figure(drawn.comparison, 'Shorter is better.')}"
            + "".join(map(paragraph, described))
            + "</div></div>",
        ],
    )


def _cell(estimate: Estimate, best: bool, absent: str = "n/a") -> Html:
    if estimate.value is None:
        return Html(absent)
    if estimate.low is None or estimate.high is None:
        value, interval = plain(estimate.value), ""
    else:
        value, low, high = to_interval(estimate.value, estimate.low, estimate.high)
        interval = f' <small class="interval">{low} to {high}</small>'
    return Html(f"<b>{value}</b>{interval}" if best else f"{value}{interval}")


def _errors_section(record: RunRecord, drawn: ReportFigures) -> str:
    test = record.test_rows()
    spread = wording.residuals((record.predictions - record.targets)[test], record.unit)
    shades = " Darker points lie closer together." if test.sum() > 500 else ""
    pair = [
        figure(drawn.parity, f"Predictions over targets; on the line both agree.{shades}"),
        figure(drawn.residuals, "Errors on the test set over the target, and how many there are."),
    ]
    return section(
        "errors", "The errors", [paragraph(spread), f'<div class="pair">{"".join(pair)}</div>']
    )


def _worst(record: RunRecord, drawn: ReportFigures) -> str:
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
        "worst",
        "The worst errors",
        [
            paragraph(
                f"The {count(len(rows), what)} of the test set with the largest errors. "
                "Paler atoms stand in neighbouring cells, at the end of bonds that cross the wall."
            ),
            f'<div class="gallery">{gallery}</div>' if gallery else "",
            table(head, rows, "numbers"),
        ],
    )


def _training(record: RunRecord, drawn: ReportFigures) -> str:
    if record.log is None or drawn.learning is None:
        return ""
    epochs, errors = record.log.get("epoch"), record.log.get("val_mae")
    if epochs is None:
        return ""
    known = [] if errors is None else [i for i, e in enumerate(errors.tolist()) if e == e]
    best = min(known, key=errors.tolist().__getitem__) if errors is not None and known else None
    said = wording.training(
        len(epochs),
        None if best is None else int(epochs[best]),
        None if best is None or errors is None else float(errors[best]),
        record.unit,
        seconds(record.models[record.model].get("seconds")).replace("n/a", ""),
    )
    return section(
        "training",
        "The training",
        [
            f'<div class="beside">{figure(drawn.learning, "")}<div>{paragraph(said)}</div></div>',
        ],
    )


def _data(record: RunRecord) -> str:
    names = {"train": "training", "val": "validation", "test": "test"}
    total = sum(record.splits.values()) or 1
    rows = [
        [names.get(split, split), f"{size:,}", percent(size / total)]
        for split, size in record.splits.items()
    ]
    elements = _elements(record)
    seen = f"{count(len(elements), 'element')} seen in training:" if elements else ""
    rejected: list[list[Content]] = [
        [row.get(key) or "" for key in ("id", "file", "row", "reason")] for row in record.rejected
    ]
    shown = table(["id", "file", "row", "reason"], rejected[:50], row_heads=False)
    more = len(rejected) - 50
    rest = f"And {count(more, 'row')} more in rejected.csv." if more > 0 else ""
    return section(
        "data",
        "What it was trained on",
        [
            '<div class="beside"><div>',
            table(["set", "crystals", "share"], rows, "counts"),
            "</div><div>",
            paragraph(seen),
            periodic_table(elements),
            "</div></div>",
            paragraph(wording.rejections(len(rejected))),
            shown if rejected else "",
            paragraph(rest, "note"),
        ],
    )


def _elements(record: RunRecord) -> list[str]:
    listed = record.model_file.get("elements", record.model_file.get("elements_seen", []))
    return [SYMBOLS[e] if isinstance(e, int) else str(e) for e in listed]


def _repeat(record: RunRecord) -> str:
    command = _command(record)
    same = "the same data, thread count and versions give the same numbers"
    hint = f"Run this again: {same}."
    if not command and record.config:
        hint = f"Train again with the settings of config.yaml: {same}."
    return section(
        "repeat",
        "How to repeat it",
        [
            paragraph(hint if command or record.config else ""),
            code(command) if command else "",
            details("config.yaml", code(record.config)) if record.config else "",
            details(
                "model.json",
                "".join(
                    f"<h3>{escaped(name)}</h3>{table([], fields, 'fields')}"
                    for name, fields in sections(record.model_file)
                ),
            )
            if record.model_file
            else "",
        ],
    )


def _command(record: RunRecord) -> str:
    """The command line, if the record has a field of that name in any of its sections."""
    for place in (record.record, *record.record.values()):
        if isinstance(place, dict) and isinstance(place.get("command"), str):
            return str(place["command"])
    return ""


def _card(record: RunRecord) -> str:
    if not record.record:
        return section("card", "The record", [code(record.card) if record.card else ""])
    parts = [
        f"<div>{f'<h3>{escaped(name)}</h3>' if name else ''}{table([], fields, 'fields')}</div>"
        for name, fields in sections(record.record)
    ]
    return section("card", "The record", [f'<div class="cards">{"".join(parts)}</div>'])


def _asset(name: str) -> str:
    return files("xtalgraph.evidence").joinpath("assets", name).read_text(encoding="utf-8")
