"""The report of a run: one HTML file that opens anywhere, made from the run folder alone."""

import math
from collections.abc import Sequence
from pathlib import Path

from xtalgraph.conventions.documents import reading
from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.files import write_atomically
from xtalgraph.evidence.numbers import count, listing, percent, plain, seconds, with_unit
from xtalgraph.evidence.pages.card import sections
from xtalgraph.evidence.pages.figures import ReportFigures, draw_figures, learning_terms, structures
from xtalgraph.evidence.pages.frame import render_page
from xtalgraph.evidence.pages.markup import (
    Content,
    code,
    details,
    escaped,
    figure,
    paragraph,
    periodic_table,
    section,
    table,
)
from xtalgraph.evidence.pages.run_sections import (
    division_section,
    transfer_section,
    verified_alarms,
    verified_section,
)
from xtalgraph.evidence.pages.target_sections import (
    errors_section,
    metrics_section,
    uncertainty_alarms,
    uncertainty_section,
    worst_section,
)
from xtalgraph.evidence.run_files import TRANSFER
from xtalgraph.evidence.run_record import VERIFY_AGAIN, RunRecord, outcome_of, read_targets
from xtalgraph.evidence.text import report as text
from xtalgraph.evidence.text.data import about_division
from xtalgraph.evidence.text.record import record_in_words
from xtalgraph.evidence.text.transfer import about_transfer
from xtalgraph.metrics.measures import MEASURES


def write_report(run: Path) -> Path:
    """Write ``report.html`` and ``figures/`` of a run; a `RunError` if files lack or contradict."""
    records = read_targets(run)
    page = render_report(records, draw_figures(records))
    path = run / "report.html"
    write_atomically(path, page)
    return path


def render_report(records: Sequence[RunRecord], drawn: ReportFigures) -> str:
    """The page."""
    record = records[0]
    folder, points = record.folder, not all(of_target.target.is_class for of_target in records)
    with reading(folder / "metrics.json"):
        assessed = [_assessment(of_target) for of_target in records]
        headline = _headline(records)
        body = [
            part(*pair)
            for pair in zip(records, drawn.targets, strict=True)
            for part in (metrics_section, errors_section, uncertainty_section, worst_section)
        ]
    with reading(folder / "log.csv"):
        body.append(_training(records, drawn))
    with reading(folder / "model.json"):
        body.append(_data(record))
    with reading(folder / "split.json"):
        division = about_division(record.division, [of_target.target for of_target in records])
        body.append(division_section(record.division, division))
    with reading(folder / TRANSFER):
        transfer = about_transfer(record.transfer) if record.transfer else []
        body.insert(1, transfer_section(transfer))
    with reading(folder / "verify.json", VERIFY_AGAIN):
        verified = record.verification, record.model_file.get("weights_sha256")
        body.append(verified_section(*verified))
        alarms = verified_alarms(*verified)
    with reading(folder / "record.json"):
        body += [_repeat(record), _card(record), structures(records) if points else ""]
    names = [of_target.target.name for of_target in records]
    return render_page(
        title=f"{text.called(record.model)} on {', '.join(names)}: report",
        kicker=f"{', '.join(map(_declared, records))} · {text.called(record.model)}",
        headline=headline,
        lead=[sentence for sentence, _ in assessed],
        warnings=[warning for _, warnings in assessed for warning in warnings]
        + [sentence for sentence, alarm in [*transfer, *division] if alarm]
        + alarms,
        body=body,
        script="parity.js" if points else "",
    )


def _declared(record: RunRecord) -> str:
    unit = f" ({record.target.unit})" if record.target.unit else ""
    kind = f", {record.target.kind}" if record.units is None else ""
    return f"{record.target.name}{unit}{kind}"


def _headline(records: Sequence[RunRecord]) -> str:
    """The error of the model, of several targets the number of them."""
    record = records[0]
    crystals = count(record.crystals.get("test", 0), "test crystal")
    called = text.called(record.model)
    if record.units is not None:
        errors = [
            with_unit(plain(r.estimate(r.model, r.measure).value), r.error_unit) for r in records
        ]
        return f"{called}: mean absolute errors {listing(errors)} on {crystals}"
    if len(records) > 1:
        return f"{called}: {len(records)} targets on {crystals}"
    error, area = (record.estimate(record.model, key) for key in (record.measure, "roc_auc"))
    measure = MEASURES[record.measure].name
    return text.headline(called, error, record.error_unit, crystals, measure, area)


def _assessment(record: RunRecord) -> tuple[str, list[str]]:
    """The error of the model beside the baselines, and warnings."""
    error, baselines = record.estimate(record.model, record.measure), {}
    for name in record.models:
        if name != record.model:
            baseline = record.estimate(name, record.measure)
            against = record.models[name].get("against", {}).get(record.measure)
            baselines[name] = (baseline, outcome_of(error, baseline, against))
    where = text.test_rows(record.splits.get("test", 0), record.target.kind)
    measure, unit = MEASURES[record.measure].name, record.error_unit
    area = record.estimate(record.model, "roc_auc")
    verdict = text.verdict(record.model, where, error, baselines, unit, measure, area)
    warnings = text.warnings(record.model, baselines, unit, measure) + uncertainty_alarms(record)
    of = "" if record.number is None else f"{record.target.name}: "
    return of + verdict, [of + warning for warning in warnings]


def _training(records: Sequence[RunRecord], drawn: ReportFigures) -> str:
    record = records[0]
    if record.log is None or drawn.learning is None:
        return ""
    epochs, errors = record.log.get("epoch"), record.log.get(f"val_{record.watched}")
    if epochs is None:
        return ""
    selected = record.selected
    error = math.nan if selected is None or errors is None else float(errors[selected])
    sentence = text.training(
        int(epochs[-1]),
        None if selected is None else int(epochs[selected]),
        error,
        record.target.unit if record.number is None else "",
        seconds(record.models[record.model].get("seconds")).replace("n/a", ""),
    )
    if selected is not None and (terms := learning_terms(records)):
        of_terms = [
            f"{with_unit(plain(float(curve[selected])), unit)} ({name})"
            for (name, unit), curve in terms.items()
        ]
        sentence += f" Mean absolute errors there: {listing(of_terms)}."
    members = int(record.model_file.get("members", 1))
    shown = f"Member 1 of {members}" if members > 1 else ""
    if shown:
        sentence += (
            f" Curves, epoch and error are those of {shown.lower()}; the time is that of all."
        )
    return section(
        "training",
        "Training",
        [
            f'<div class="beside">{figure(drawn.learning, shown)}'
            f"<div>{paragraph(sentence)}</div></div>",
        ],
    )


def _data(record: RunRecord) -> str:
    names = {"train": "training", "val": "validation", "test": "test"}
    total = sum(record.crystals.values()) or 1
    rows = [
        [names.get(split, split), f"{size:,}", percent(size / total)]
        for split, size in record.crystals.items()
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
        "Training data",
        [
            '<div class="beside"><div>',
            table(["set", "crystals", "share"], rows, "counts"),
            "</div><div>",
            paragraph(seen),
            periodic_table(elements),
            "</div></div>",
            paragraph(text.rejections(len(rejected))),
            shown if rejected else "",
            paragraph(rest, "note"),
        ],
    )


def _elements(record: RunRecord) -> list[str]:
    listed = record.model_file.get("elements", [])
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
    for fields in (record.record, *record.record.values()):
        if isinstance(fields, dict) and isinstance(fields.get("command"), str):
            return str(fields["command"])
    return ""


def _card(record: RunRecord) -> str:
    if not record.record:
        return section("card", "Record", [code(record.card) if record.card else ""])
    parts = [
        f"<div>{f'<h3>{escaped(name)}</h3>' if name else ''}{table([], fields, 'fields')}</div>"
        for name, fields in sections(record_in_words(record.record, record.division))
    ]
    return section("card", "Record", [f'<div class="cards">{"".join(parts)}</div>'])
