"""Screen: the best of many candidates by their predictions, each crystal once."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
import pandas as pd
from jaxtyping import Float
from tqdm import tqdm

from xtalgraph.conventions.choices import Device, OnError
from xtalgraph.conventions.declarations import Spelled
from xtalgraph.conventions.errors import ConfigError, RunError
from xtalgraph.conventions.files import make_folder, write_atomically
from xtalgraph.conventions.logs import log
from xtalgraph.conventions.ranges import Count
from xtalgraph.conventions.settings import checks_arguments
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.disorder import Disorder
from xtalgraph.crystals.writing import to_cif, to_extxyz, to_poscar
from xtalgraph.data.table import read_rows
from xtalgraph.evidence.pages.screening import Candidate, write_screen_page
from xtalgraph.evidence.run_record import RunRecord, read_run
from xtalgraph.evidence.screening import (
    Found,
    Ranking,
    Scores,
    Tally,
    best_of,
    of_invariants,
    put_together,
    std_rank,
)
from xtalgraph.evidence.text.screening import about_std, about_ties, how_ranked, title
from xtalgraph.metrics.acquisition import Aim
from xtalgraph.models.predictions import tabulate
from xtalgraph.models.predictor import Predictor
from xtalgraph.workflows.outputs import check_output, paths_in
from xtalgraph.workflows.run import Run

Form = Literal["cif", "poscar", "none"]
"""As what structures are written."""
FOLDER: Final = "structures"
"""Where they are, in the folder of the screening."""
_LONGEST: Final = 60
"""Characters of an id in the name of a file."""
_MARGIN: Final = 4
"""So many times the wanted number are kept, since some of them are one crystal."""


@dataclass(frozen=True)
class Screened:
    """What a screening came to."""

    path: Path
    """The table of the best."""
    page: Path
    """The page with their pictures."""
    kept: int
    """Candidates in the table."""
    good: int
    """Crystals that were predicted."""
    bad: int
    """Rows that could not be used."""
    table: pd.DataFrame
    """What is in the table."""
    caveats: tuple[str, ...]
    """Sentences that belong to the ranking."""
    error: float | None
    """Mean absolute error of the run on its test part, which says what digits mean."""


@checks_arguments
def screen(
    run: str | Path,
    candidates: Any,
    *,
    out: Annotated[str | Path, Spelled("FOLDER")],
    top: Count = 100,
    objective: Annotated[str, Spelled("AIM")] = "min",
    by: Ranking = "prediction",
    structures: Form = "cif",
    on_error: OnError = "skip",
    device: Device = "cpu",
    disorder: Disorder | None = None,
    progress: bool = True,
) -> Screened:
    """Rank candidates, and write the best: ``top.csv``, ``screen.html`` and their structures.

    Rows are read, predicted and forgotten in chunks: only four times the wanted number is kept, so
    that memory does not grow with the number of candidates. Of these the same crystals are put
    together, see `DuplicateIndex`.

    Args:
        run: A run folder, with one target that is one number for each crystal, or a tensor, of
            which the mean eigenvalue is ranked, of a stiffness the bulk modulus (Voigt), of others
            the norm.
        candidates: A file, folder or table; or a list of them, or of structures.
        out: Folder to write.
        top: Number of candidates to keep.
        objective: Goal of the search: min, max or target=NUMBER.
        by: Score to rank by; all but prediction need a run with members or a learned
            variance. ``expected-improvement`` is over the best of the training part,
            ``upper-bound`` the best value within one standard deviation. Equal ones stand in the
            order of their predictions, and then of their ids.
        structures: Format of the structures of the best, in ``structures/``.
        on_error: Crystals that cannot be used: go on (skip), or stop (raise).
        device: Device to compute on; a GPU differs in the last digits.
        disorder: Crystals with mixed or partly empty sites, as in the training by default.
        progress: Show progress bars on standard error.

    Raises:
        ConfigError: If the objective or the way cannot be, for this run.
        InputError: If no candidate can be used, or one cannot and ``raise`` is given.
    """
    aim, opened, folder = Aim.parse(objective), Run.open(run), Path(out)
    predictor = opened.predictor.to(device).of_invariants()
    _check(predictor, by, top)
    check_structures(folder, candidates)
    for name in ("top.csv", "screen.html"):
        check_output(folder / name, candidates)
    record = of_invariants(read_run(opened.folder))
    labels = record.labels[record.split == "train"]
    if len(labels) == 0:
        raise RunError(f"{opened.folder} holds no predictions of its training part: train it again")
    known = math.nan
    if by == "expected-improvement":
        known = float(labels[np.argmax(aim.gain(labels))])
    make_folder(folder)
    tally, reading = Tally(on_error), predictor.spec.disorder_for(disorder)
    with tqdm(desc="screening", unit="crystal", disable=not progress) as bar:
        rows = tally.predicted(predictor, read_rows(candidates, reading), bar)
        best = best_of(tally.scored(rows, aim, by, known), _MARGIN * top)
    if not best:
        raise tally.skipped.nothing_left(candidates)
    groups = put_together([candidate.crystal for candidate in best])
    kept = [(best[group[0]], [best[n] for n in group[1:]]) for group in groups[:top]]
    if len(kept) < top and len(best) == _MARGIN * top:
        log.warning(
            "the best %d candidates are only %d different crystals: ask for more to see further",
            len(best),
            len(kept),
        )
    shown = [candidate for candidate, _ in kept]
    caveats = _caveats(predictor, record, tally, shown, aim, by, known)
    for caveat in caveats:
        log.warning("%s", caveat)
    table = _table(kept, by, aim)
    path = write_table(folder / "top.csv", table, shown, structures)
    target, sizes = predictor.targets[0], np.abs(_errors(record))
    error = float(sizes.mean()) if len(sizes) else None
    lines = [{str(key): cell for key, cell in row.items()} for row in table.to_dict("records")]
    page = write_screen_page(
        folder,
        [Candidate(candidate.crystal, line) for candidate, line in zip(shown, lines, strict=True)],
        target=target,
        title=title(len(kept), tally.good, aim, target.name, target.unit),
        ranking=how_ranked(objective, by, known, target.unit),
        caveats=caveats,
        error=error,
    )
    return Screened(path, page, len(kept), tally.good, tally.skipped.count, table, caveats, error)


def _check(predictor: Predictor, by: str, top: int) -> None:
    if len(predictor.targets) > 1 or not predictor.targets[0].is_one_number:
        raise ConfigError(
            "a screening needs a run on one target with one value for each crystal, this one "
            f"predicts {', '.join(target.described for target in predictor.targets)}"
        )
    if by != "prediction" and not predictor.has_std:
        variance = "" if predictor.invariants else " or --set training.loss=gaussian"
        raise ConfigError(
            f"to rank by {by} a standard deviation is needed, and this run has one member, which "
            f"has learned no variance: train it with --members 5{variance}, or rank by prediction"
        )


def _errors(record: RunRecord) -> Float[np.ndarray, " test"]:
    """Prediction less label of each test crystal."""
    return (record.predictions - record.labels)[record.test_rows()]


def _caveats(
    predictor: Predictor,
    record: RunRecord,
    tally: Tally,
    kept: Sequence[Found],
    aim: Aim,
    by: str,
    known: float,
) -> tuple[str, ...]:
    """Say what a reader of the ranking must know."""
    first = sum(candidate.score == kept[0].score for candidate in kept)
    scores = Scores(by, tally.lowest, tally.highest, tally.good, first)
    sentences = [about_ties(scores, aim, known, predictor.targets[0].name)]
    if by != "prediction" and not predictor.targets[0].is_class:
        std = record.beside.get("std")
        sentences.append(
            about_std(
                std_rank(_errors(record), None if std is None else std[record.test_rows()]), by
            )
        )
    return tuple(sentence for sentence in sentences if sentence)


def _table(kept: Sequence[tuple[Found, Sequence[Found]]], by: str, aim: Aim) -> pd.DataFrame:
    """Return the predictor's table of the best, with rank, formula, and what else is the same."""
    table = tabulate([candidate.predicted for candidate, _ in kept])
    unknown = [name for name in ("std", "lower", "upper") if table[name].isna().all()]
    table = table.drop(columns=["property", "site", "component", "error", *unknown])
    table.insert(0, "rank", range(1, len(kept) + 1))
    score = np.array([candidate.score for candidate, _ in kept], dtype=np.float64)
    if by == "upper-bound":
        values = table["prediction"].to_numpy(np.float64)
        table.insert(3, "best_case", aim.value_of(score, values))
    elif by != "prediction":
        table.insert(3, by.replace("-", "_"), score)
    if aim.kind == "target":
        table.insert(3, "distance", [-candidate.gain for candidate, _ in kept])
    table["same"] = [" ".join(other.predicted.row.id for other in others) for _, others in kept]
    return table


def check_structures(folder: Path, candidates: Any) -> None:
    """Refuse candidates that lie where the structures of the best are written: a `ConfigError`."""
    mine = (folder / FOLDER).resolve()
    for path in paths_in(candidates):
        if path == mine or mine in path.parents:
            raise ConfigError(
                f"the candidates {path} lie in {mine}, where the structures of the best are "
                "written: take another --out"
            )


def write_table(path: Path, table: pd.DataFrame, shown: Sequence[Found], form: Form) -> Path:
    """Write the structures of candidates, then their table, which gains their files."""
    named = [(candidate.predicted.row.id, candidate.crystal) for candidate in shown]
    files = write_structures(path.parent, named, form)
    if form != "none":
        table["file"] = files
    write_atomically(path, table.to_csv(index=False, lineterminator="\n"))
    return path


def write_structures(folder: Path, named: Sequence[tuple[str, Crystal]], form: Form) -> list[str]:
    """Write crystals to files named by rank and id, in place of those of an earlier screening.

    Args:
        folder: Of the screening.
        named: Id and crystal, the best first.
        form: ``cif`` or ``poscar``; a crystal that does not repeat in all directions, which neither
            can hold, becomes an extended XYZ, and one with disordered sites a CIF. ``none`` writes
            nothing.

    Returns:
        The path of each file from the folder, ``""`` where nothing is written.
    """
    where = folder / FOLDER
    if where.is_dir():
        for old in where.iterdir():
            if re.fullmatch(r"\d{3,}-.*\.(cif|vasp|extxyz)", old.name):
                old.unlink()
    if form == "none":
        return [""] * len(named)
    where.mkdir(parents=True, exist_ok=True)
    written = []
    for rank, (name, crystal) in enumerate(named, start=1):
        text, suffix = _text(crystal, form)
        safe = re.sub(r"[^A-Za-z0-9_.+-]+", "_", name)[:_LONGEST].strip(".") or "crystal"
        path = where / f"{rank:03d}-{safe}.{suffix}"
        path.write_text(text, encoding="utf-8")
        written.append(f"{FOLDER}/{path.name}")
    return written


def _text(crystal: Crystal, form: Form) -> tuple[str, str]:
    if not crystal.pbc.all():
        return to_extxyz(crystal), "extxyz"
    if form == "cif" or crystal.occupancies is not None:
        return to_cif(crystal), "cif"
    return to_poscar(crystal), "vasp"
