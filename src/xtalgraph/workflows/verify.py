"""Verify: put a trained model through what must not change its predictions, on real crystals."""

import json
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import numpy as np

from xtalgraph.conventions.elements import ATOMIC_NUMBERS
from xtalgraph.conventions.errors import ConfigError, GraphError, InputError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.table import read_table
from xtalgraph.evidence.numbers import count
from xtalgraph.evidence.subject import Subject
from xtalgraph.evidence.verification import Verification
from xtalgraph.evidence.verification import verify as verify_subject
from xtalgraph.graphs.margin import MARGIN, is_decided
from xtalgraph.graphs.recipe import GraphRecipe
from xtalgraph.testing.crystals import contract_crystals
from xtalgraph.workflows.outcome import write_text
from xtalgraph.workflows.prepare import resolve_source
from xtalgraph.workflows.rejections import judge_rejected
from xtalgraph.workflows.report import report
from xtalgraph.workflows.run import Run

log = logging.getLogger("xtalgraph")

SAMPLE: Final = 32
"""Crystals that are tried unless another number is given."""


@dataclass(frozen=True)
class Verified:
    """What came out of a verification, and on what."""

    path: Path
    """``verify.json``."""
    verification: Verification
    """Demand by demand."""
    document: dict[str, Any]
    """What is in the file."""


@dataclass(frozen=True)
class _Chosen:
    """The crystals on which a model is tried, and those that were passed over."""

    crystals: dict[str, Crystal]
    undecided: list[str]
    refused: list[dict[str, str]]


def verify(
    run: str | Path, *, on: Any = None, sample: int = SAMPLE, progress: bool = True
) -> Verified:
    """Verify the model of a run, write ``verify.json`` into its folder, and its report again.

    Args:
        run: A run folder.
        on: Crystals to try it on: a file, folder or table, or a list of structures; by default the
            test part of the run.
        sample: How many of them, drawn at random, the same ones each time.
        progress: Show a progress bar on standard error.

    Returns:
        What came out.

    Raises:
        ConfigError: If the sample is smaller than 1.
        InputError: If there is no crystal to try the model on.
    """
    if sample < 1:
        raise ConfigError(f"--sample must be at least 1 crystal, got {sample}")
    opened, began = Run.open(run), time.monotonic()
    source, known = _crystals_of(opened, on, progress)
    recipe = opened.predictor.spec.make_recipe()
    chosen = _choose(known, recipe, sample)
    if not chosen.crystals:
        raise _nothing(source, chosen)
    _say_passed_over(chosen)
    found = verify_subject(Subject.of(opened.predictor), chosen.crystals, progress=progress)
    model = json.loads((opened.folder / "model.json").read_text(encoding="utf-8"))
    document = {
        "format": 1,
        "weights_sha256": model["weights_sha256"],
        "source": source,
        "of": len(known),
        "undecided": chosen.undecided,
        "refused": chosen.refused,
        **found.as_dict(),
        "seconds": round(time.monotonic() - began, 1),
    }
    path = opened.folder / "verify.json"
    write_text(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    report(opened.folder)
    return Verified(path, found, document)


def _crystals_of(run: Run, on: Any, progress: bool) -> tuple[str, dict[str, Crystal]]:
    """Return in words what the crystals are, and the crystals by id."""
    if on is not None:
        table = read_table(resolve_source(on)[0], progress=progress)
        judge_rejected(table.rejected, "skip")
        named = isinstance(on, str | Path)
        return str(on) if named else "crystals in memory", _by_id(table.ids, table.crystals)
    try:
        data = run.data(progress=progress)
    except InputError as error:
        log.warning(
            "%s. Verified on built-in crystals instead, with elements of the run; --on FILES tries "
            "crystals of yours",
            error,
        )
        return "built-in crystals with elements of the run", _built_in(run.predictor.elements)
    table = data.labelled.table.select(data.split.test)
    return f"the test part of {run.config.data.path}", _by_id(table.ids, table.crystals)


def _by_id(ids: Iterable[str], crystals: Iterable[Crystal]) -> dict[str, Crystal]:
    return dict(zip(ids, crystals, strict=True))


def _built_in(elements: tuple[str, ...]) -> dict[str, Crystal]:
    """Return the crystals of the contract with the elements of a run in place of their own."""
    numbers = cycle(ATOMIC_NUMBERS[one] for one in elements)
    made = {}
    for name, crystal in contract_crystals().items():
        table = np.zeros(crystal.numbers.max() + 1, dtype=np.int64)
        for old in np.unique(crystal.numbers):
            table[old] = next(numbers)
        kinds = table[crystal.numbers]
        made[name] = Crystal(crystal.cell, crystal.positions, kinds, crystal.pbc)
    return made


def _choose(known: dict[str, Crystal], recipe: GraphRecipe, sample: int) -> _Chosen:
    """Draw crystals until there are enough that have a graph on which rounding does not decide."""
    chosen = _Chosen({}, [], [])
    names = list(known)
    for place in np.random.default_rng(0).permutation(len(names)):
        if len(chosen.crystals) == sample:
            break
        name = names[place]
        try:
            if is_decided(known[name], recipe):
                chosen.crystals[name] = known[name]
            else:
                chosen.undecided.append(name)
        except GraphError as error:
            chosen.refused.append({"id": name, "reason": str(error)})
    return chosen


def _say_passed_over(chosen: _Chosen) -> None:
    if chosen.undecided:
        log.info(
            "%s passed over: a distance is within %g Å of a limit of the graph, and rounding "
            "decides: %s",
            count(len(chosen.undecided), "crystal"),
            MARGIN,
            _first(chosen.undecided),
        )
    for one in chosen.refused[:5]:
        log.warning("%s has no graph: %s", one["id"], one["reason"])


def _nothing(source: str, chosen: _Chosen) -> InputError:
    first = f"; the first: {chosen.refused[0]['reason']}" if chosen.refused else ""
    return InputError(
        f"the model cannot be verified on {source}: of {len(chosen.undecided)} crystals rounding "
        f"decides the edges, and {len(chosen.refused)} have no graph{first}. Give others with --on"
    )


def _first(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
