"""The files of a run that hold numbers by target: predictions, metrics and the worst errors."""

import csv
import io
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from xtalgraph.conventions.documents import read_document, reading
from xtalgraph.conventions.errors import RunError
from xtalgraph.conventions.files import distinct_names
from xtalgraph.conventions.voigt import subscripts, to_subscripts
from xtalgraph.data.dataset import Divided
from xtalgraph.data.targets import Target
from xtalgraph.graphs.graph import Scope
from xtalgraph.models.predictions import Predictions
from xtalgraph.models.upgrades import upgrade_metrics, upgrade_predictions, upgrade_worst

TRANSFER: Final = "transfer.json"
"""In a fine-tuned run: what its parent was worth."""
FOLDER: Final = "predictions"
"""In a run: a table for each target."""
NUMBERS: Final = ("target", "prediction", "std", "lower", "upper")
"""The columns of numbers, empty where there is none: the label, and what the model predicts."""
COLUMNS: Final = ("id", "split", "site", "component", *NUMBERS, "unit")
"""The columns of every table of predictions."""
_OLD: Final = "predictions.csv"
"""The only table of runs before format 6."""
_LONGEST: Final = 60
"""Characters of the name of a file, without its suffix."""


def prediction_files(names: Sequence[str]) -> dict[str, str]:
    """Return the file of each target, from the run folder.

    >>> prediction_files(["e_form", "last phdos peak", "v[0]"])["last phdos peak"]
    'predictions/last_phdos_peak.csv'
    """
    plain = (re.sub(r"[^\w.+-]+", "_", name, flags=re.ASCII)[:_LONGEST] for name in names)
    stems = distinct_names(name.strip("._") or "target" for name in plain)
    return {name: f"{FOLDER}/{stem}.csv" for name, stem in zip(names, stems, strict=True)}


def prediction_tables(divided: Divided, predictions: Predictions) -> dict[str, str]:
    """Return the text of the table of each target by its file, every number with all its digits."""
    files = prediction_files([target.name for target in divided.dataset.targets])
    return {
        files[target.name]: _as_text(_lines(divided, predictions, target))
        for target in divided.dataset.targets
    }


def _lines(divided: Divided, predictions: Predictions, target: Target) -> Iterator[list[Any]]:
    dataset, name = divided.dataset, target.name
    parts = {"target": dataset.labels} | predictions.parts()
    arrays, components = {}, subscripts(target.tensor) if target.is_tensor else None
    for key, part in parts.items():
        printed = part[name] if components is None else to_subscripts(target.tensor, part[name])
        arrays[key] = printed.reshape(len(printed), -1)
    components = components or tuple(range(arrays["target"].shape[1]))
    for split, crystals in divided.split.parts().items():
        for crystal in crystals.tolist():
            head = [dataset.table.ids[crystal], split]
            for site, row in enumerate(dataset.labels.rows(name, [crystal]).tolist()):
                for number, component in enumerate(components):
                    yield [
                        *head,
                        site if target.scope is Scope.ATOM else "",
                        "" if target.tensor.is_scalar else component,
                        *(_text(arrays, key, row, number) for key in NUMBERS),
                        target.unit,
                    ]


def _text(arrays: Mapping[str, np.ndarray], key: str, row: int, component: int) -> str:
    number = float(arrays[key][row, component]) if key in arrays else math.nan
    return "" if math.isnan(number) else repr(number)


def _as_text(lines: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(lines)
    return text.getvalue()


def read_predictions(run: Path, names: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Read what a run predicts for its own crystals, of any format.

    Args:
        run: The folder.
        names: Of its targets, in their order.

    Returns:
        For each target a table with `COLUMNS`; numbers that are not there are NaN, and so are
        places of what has no sites or components.

    Raises:
        RunError: If a table is missing or damaged.
    """
    paths = prediction_paths(run, names)
    if run / _OLD in paths.values():
        with reading(run / _OLD):
            tables = upgrade_predictions(_read_table(run / _OLD), names)
    else:
        tables = {name: _read_table(path) for name, path in paths.items()}
    return {name: _typed(table, paths[name]) for name, table in tables.items()}


def prediction_paths(run: Path, names: Sequence[str]) -> dict[str, Path]:
    """Return the file of the predictions of each target of a run of any format."""
    if (run / _OLD).is_file() and not (run / FOLDER).is_dir():
        return dict.fromkeys(names, run / _OLD)
    return {name: run / file for name, file in prediction_files(names).items()}


def _read_table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise RunError(f"a run must hold {path}, which is missing; is it a run?")
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    except (ValueError, OSError) as error:
        raise RunError(f"{path} is damaged: {error}") from error


def _typed(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    absent = {"id", "split", "target", "prediction"} - set(table.columns)
    if absent:
        raise RunError(f"{path} is damaged: it has no column {', '.join(sorted(absent))}")
    with reading(path):
        table = table.reindex(columns=COLUMNS, fill_value="")
        for name in (*NUMBERS, "site", "component"):
            column = table[name].map(lambda text: float(text) if text else math.nan)
            table[name] = column.astype(np.float64)
    return table


def read_metrics(run: Path) -> dict[str, Any]:
    """Read ``metrics.json`` of a run of any format.

    Args:
        run: The folder.

    Returns:
        ``model``, ``splits`` and ``targets``, in which each name has ``target``, ``splits`` and
        ``models``, and where they were assessed ``uncertainty`` and ``novelty``.

    Raises:
        RunError: If the file is missing or damaged.
    """
    with reading(run / "metrics.json"):
        return upgrade_metrics(read_document(run / "metrics.json", largest=2**30))


def read_worst(run: Path, names: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Read ``worst.json`` of a run of any format.

    Args:
        run: The folder.
        names: Of its targets, in their order.

    Returns:
        For each target the crystals with the largest errors; none where there is no such file.

    Raises:
        RunError: If the file is damaged.
    """
    path = run / "worst.json"
    if not path.is_file():
        return {}
    with reading(path):
        return upgrade_worst(json.loads(path.read_text(encoding="utf-8")), names)
