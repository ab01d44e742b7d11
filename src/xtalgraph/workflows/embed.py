"""Embed: from a run and crystals to their embeddings, and a picture of them."""

import math
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from jaxtyping import Float
from tqdm import tqdm

from xtalgraph.conventions.choices import Device
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.extras import import_extra
from xtalgraph.conventions.files import make_folder, replacing
from xtalgraph.conventions.logs import log
from xtalgraph.conventions.settings import checks_arguments
from xtalgraph.crystals.disorder import Disorder
from xtalgraph.data.row import SkippedRows, in_chunks
from xtalgraph.data.table import read_rows
from xtalgraph.models.predictions import PredictedRow
from xtalgraph.models.predictor import Predictor
from xtalgraph.plots.embedding import embedding_plot
from xtalgraph.plots.export import write_figure
from xtalgraph.workflows.growing_table import GrowingTable, suffix_of
from xtalgraph.workflows.outputs import check_output
from xtalgraph.workflows.predict import load

_CHUNK: Final = 512
"""Rows in memory at a time."""
_SHOWN: Final = 20_000
"""Crystals in the picture, at most: the first."""


@dataclass(frozen=True)
class Embedded:
    """What an embedding came to."""

    path: Path
    good: int
    """Crystals with a vector."""
    bad: int
    """Rows that could not be used; they are not in the table."""


@checks_arguments
def embed(
    run: str | Path,
    sources: Any,
    *,
    out: str | Path,
    plot: str | Path | None = None,
    method: Literal["pca", "umap"] = "pca",
    device: Device = "cpu",
    disorder: Disorder | None = None,
    progress: bool = True,
) -> Embedded:
    """Write the embeddings of crystals to a table, parquet or CSV, in constant memory.

    Its columns are ``id``, ``target`` (empty where the source does not say), ``prediction``, and
    ``z0``, ``z1`` and on, the vectors from which the readouts of the first member start. Of several
    targets the first is in the table; of a tensor the mean eigenvalue, the bulk modulus (Voigt) or
    the norm is predicted. A pre-trained model predicts nothing.

    Args:
        run: A run folder.
        sources: A file, folder or table; or a list of them, or of structures.
        out: Table to write, .csv or .parquet.
        plot: Picture of the vectors in two dimensions, .svg or .png. It is coloured by the target
            where it is known for every crystal, else by the prediction.
        method: How the picture is made; umap needs the extra embed. ``pca`` takes the two
            directions of largest variance, ``umap`` keeps neighbours together.
        device: Device to compute on; a GPU differs in the last digits.
        disorder: Crystals with mixed or partly empty sites, as in the training by default.
        progress: Show progress bars on standard error.

    Raises:
        InputError: If a source as a whole cannot be read, or holds no crystal that can be used.
        ConfigError: If the table or the picture has another suffix, or there is no such method; if
            a file would replace what is read, or a file of a run.
        FileError: If a file cannot be written.
        MissingExtraError: If UMAP is asked for and not installed.

    Source: L. McInnes, J. Healy, J. Melville, UMAP (2018), doi 10.48550/arXiv.1802.03426.
    """
    predictor = load(run, without_target=True).to(device).of_invariants()
    picture = None if plot is None else Path(plot)
    _check_picture(picture, method)
    path = Path(out)
    suffix = suffix_of(path)
    for written in [path] if picture is None else [path, picture]:
        check_output(written, sources)
    reading = predictor.spec.disorder_for(disorder)
    if len(predictor.members) > 1:
        log.info(
            "the vectors are those of member 1 of %d: each has an embedding space of its own",
            len(predictor.members),
        )
    make_folder(path.parent)
    shown: list[pd.DataFrame] = []
    skipped = SkippedRows()
    with (
        replacing(path) as file,
        tqdm(desc="embedding", unit="crystal", disable=not progress) as bar,
    ):
        with closing(GrowingTable(file, suffix)) as growing:
            for rows in in_chunks(read_rows(sources, reading), _CHUNK):
                predicted = predictor.predict_rows(rows)
                table = _table(predictor, predicted)
                bar.update(len(rows))
                for row, prediction in predicted:
                    if prediction is None:
                        skipped.add(row)
                if len(table) == 0:
                    continue
                if picture is not None and growing.rows < _SHOWN:
                    shown.append(table.head(_SHOWN - growing.rows))
                growing.append(table)
        if growing.rows == 0:
            raise skipped.nothing_left(sources)
    if picture is not None:
        _draw(pd.concat(shown), predictor, picture, method)
    return Embedded(path, growing.rows, skipped.count)


def _check_picture(picture: Path | None, method: str) -> None:
    """Refuse before the work is done what cannot be drawn after it."""
    if picture is None:
        return
    if picture.suffix not in (".svg", ".png"):
        raise ConfigError(f"the picture must end in .svg or .png, got {picture}")
    if method == "umap":
        import_extra("umap")


def _table(predictor: Predictor, predicted: list[PredictedRow]) -> pd.DataFrame:
    target = next(iter(predictor.targets), None)  # a pre-trained model has none
    records, vectors = [], []
    for row, prediction in predicted:
        if prediction is None:
            continue
        value = math.nan
        if target is not None and target.is_one_number:
            value = float(prediction.predictions.values[target.name][0])
        known = None if target is None else row.values.get(target.name)
        label = float(known) if isinstance(known, int | float) else math.nan
        records.append((row.id, label, value))
        vectors.append(prediction.embedding)
    table = pd.DataFrame(records, columns=["id", "target", "prediction"])
    table["id"] = table["id"].astype(str)
    embedding = np.stack(vectors) if vectors else np.zeros((0, 0), dtype=np.float32)
    names = [f"z{n}" for n in range(embedding.shape[1])]
    return pd.concat([table, pd.DataFrame(embedding, columns=names)], axis=1)


def _draw(table: pd.DataFrame, predictor: Predictor, picture: Path, method: str) -> None:
    embedding = table.filter(regex=r"^z\d+$").to_numpy(dtype=np.float64)
    points, axes = _plane(embedding, method)
    known = table["target"].notna().all()
    value = table["target" if known else "prediction"].to_numpy(dtype=np.float64)
    target = next(iter(predictor.targets), None)
    name, unit = ("no target", "") if target is None else (target.name, target.unit)
    name = name if known or target is None else f"{name}, predicted"
    figure = embedding_plot(points, value, axes_names=axes, name=name, unit=unit)
    write_figure(figure, picture)


def _plane(
    embedding: Float[np.ndarray, "points embedding"], method: str
) -> tuple[Float[np.ndarray, "points 2"], tuple[str, str]]:
    """Return a place in two dimensions for each vector, and what the directions are."""
    if method == "umap":
        umap = import_extra("umap")
        points = umap.UMAP(random_state=0, n_jobs=1).fit_transform(embedding)
        return np.asarray(points, dtype=np.float64), ("UMAP 1", "UMAP 2")
    centered = embedding - embedding.mean(axis=0)
    left, scale, _ = np.linalg.svd(centered, full_matrices=False)
    points = np.zeros((len(embedding), 2))
    drawn = min(2, len(scale))
    points[:, :drawn] = left[:, :drawn] * scale[:drawn]
    total = float(np.square(scale).sum())
    share = [float(s**2) / total if total > 0 else 0.0 for s in [*scale[:2], 0.0, 0.0][:2]]
    return points, (f"PC 1 ({share[0]:.0%} of the variance)", f"PC 2 ({share[1]:.0%})")
