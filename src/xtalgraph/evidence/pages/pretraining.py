"""The page of a pre-training: its losses, and what a linear model reads from its features."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from xtalgraph.conventions.documents import read_document, reading
from xtalgraph.conventions.files import write_atomically
from xtalgraph.evidence.numbers import count, listing, plain
from xtalgraph.evidence.pages.card import sections
from xtalgraph.evidence.pages.frame import render_page
from xtalgraph.evidence.pages.markup import Html, code, escaped, figure, paragraph, section, table
from xtalgraph.plots.export import inline_svg, save_figure
from xtalgraph.plots.learning import learning_curves

_MEANINGS: Final[Mapping[str, str]] = {
    "elements": "cross entropy of hidden elements, over the entropy of all",
    "positions": "squared error of the displacement of atoms, over its variance",
    "cells": "squared error of the strain of cells, over its variance",
    "forces": "squared error of the forces of the teacher on rattled crystals, over their variance",
    "sites": "squared error of the velocity of atoms, over that of sites anywhere",
    "shapes": "squared error of the velocity of the shape of cells, over that of noise",
    "views": "VICReg between two views, over that of equal vectors",
}


def write_pretraining_page(run: Path) -> Path:
    """Write ``report.html``, with its figure, of a run without target; a `RunError` if damaged."""
    record = read_document(run / "record.json")
    with reading(run / "record.json"):
        losses = record["Pre-training"]["losses"]
        known = [f"{name} {plain(value)}" for name, value in losses.items() if value is not None]
        body = [_losses(run, record["Pre-training"])]
    if (run / "probe.json").is_file():
        with reading(run / "probe.json"):
            body.append(_probe(read_document(run / "probe.json")))
    with reading(run / "record.json"):
        body += _record(record)
        page = render_page(
            title="Pre-training: report",
            kicker=f"Pre-training without labels · {record['Model']['architecture']}",
            headline=f"Validation losses: {listing(known)}" if known else "No validation part",
            lead=[
                f"Trained on {count(record['Data']['train crystals'], 'crystal')} without labels. "
                "A loss of 1 is that of knowing nothing. The model has no target: xtalgraph embed "
                "and xtalgraph finetune start from it."
            ],
            body=body,
        )
    path = run / "report.html"
    write_atomically(path, page)
    return path


def write_generator_page(run: Path) -> Path:
    """Write ``report.html`` of a generator, and its figure.

    Args:
        run: The run folder.

    Raises:
        RunError: If a file of it is missing or damaged.
    """
    record = read_document(run / "record.json")
    with reading(run / "record.json"):
        data, losses = record["Data"], record["Flow"]["losses"]
        known = [f"{name} {plain(value)}" for name, value in losses.items() if value is not None]
        page = render_page(
            title="Generator: report",
            kicker="Flow matching of sites and cells, composition given",
            headline=f"Validation losses: {listing(known)}" if known else "No validation part",
            lead=[
                f"Trained on {count(data['train crystals'], 'crystal')}; "
                f"{count(data['test crystals'], 'crystal')} are held out. A loss of 1 is that of "
                "knowing nothing; much of it stays, since at first a crystal may go to many ends. "
                "xtalgraph generate draws crystals."
            ],
            body=[_losses(run, record["Flow"]), *_record(record)],
        )
    path = run / "report.html"
    write_atomically(path, page)
    return path


def _losses(run: Path, done: Mapping[str, Any]) -> str:
    log = pd.read_csv(run / "log.csv")
    names = list(done["losses"])
    columns = {name: f"val_mae:{name}" if len(names) > 1 else "val_mae" for name in names}
    curves = {(name, ""): np.asarray(log[column], dtype=float) for name, column in columns.items()}
    selected = done["selected epoch"]
    drawn = learning_curves(
        np.asarray(log["epoch"], dtype=float),
        np.asarray(log["train_loss"], dtype=float),
        curves,
        selected=selected - 1 if selected and not log[columns[names[0]]].isna().all() else None,
    )
    svg = save_figure(drawn, run / "figures" / "losses").read_text(encoding="utf-8")
    rows = [[name, plain(done["losses"][name]), _MEANINGS[name]] for name in names]
    return section(
        "losses",
        "Losses",
        [
            figure(Html(inline_svg(svg, "losses", "losses against the epoch")), ""),
            table(["objective", "validation loss", "what it is"], rows),
        ],
    )


def _probe(document: Mapping[str, Any]) -> str:
    """The error of a linear model on each kind of features."""
    column = document["column"]
    rows = []
    for name, result in document["features"].items():
        against = result.get("against")
        compared = ""
        if against is not None:
            low, high = plain(against["low"]), plain(against["high"])
            compared = f"{plain(against['value'])} ({low} to {high})"
        error = f"{plain(result['mae'])} ({plain(result['low'])} to {plain(result['high'])})"
        rows.append([name, error, compared])
    return section(
        "probe",
        f"Probe: {column}",
        [
            paragraph(
                f"Ridge regression of {column} on frozen features of {document['crystals']:,} "
                "crystals, in five folds, with 95 % intervals. The standard deviation of the "
                f"column is {plain(document['std'])}."
            ),
            table(["features", "mean absolute error", "pre-trained less these"], rows),
        ],
    )


def _record(record: Mapping[str, Any]) -> list[str]:
    parts = [
        f"<div><h3>{escaped(name)}</h3>{table([], fields, 'fields')}</div>"
        for name, fields in sections({k: v for k, v in record.items() if k != "Repeat"})
    ]
    return [
        section("repeat", "How to repeat it", [code(record["Repeat"]["command"])]),
        section("card", "Record", [f'<div class="cards">{"".join(parts)}</div>']),
    ]
