"""Verify: put a trained model through what must not change its predictions, on real crystals."""

import json
import time
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np

from xtalgraph.conventions.boundary import name_of_source
from xtalgraph.conventions.choices import Device
from xtalgraph.conventions.declarations import Spelled
from xtalgraph.conventions.documents import write_json
from xtalgraph.conventions.elements import ATOMIC_NUMBERS
from xtalgraph.conventions.errors import ConfigError, GraphError, InputError
from xtalgraph.conventions.logs import log
from xtalgraph.conventions.ranges import Count
from xtalgraph.conventions.settings import checks_arguments
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.catalogue import resolve_source
from xtalgraph.data.conditions import Conditions, ConditionValues
from xtalgraph.data.dataset import nothing_left
from xtalgraph.data.table import CrystalTable, read_table
from xtalgraph.evidence.numbers import count
from xtalgraph.evidence.verification import Verification
from xtalgraph.evidence.verification import verify as verify_model
from xtalgraph.graphs.build import GraphSettings
from xtalgraph.graphs.margin import MARGIN, is_decided
from xtalgraph.models.inference import check_device
from xtalgraph.models.manifest import check_manifest
from xtalgraph.models.model_under_test import ModelUnderTest
from xtalgraph.models.named_models import check_not_shipped
from xtalgraph.nn.determinism import deterministic
from xtalgraph.simulation.calculator import PotentialCalculator
from xtalgraph.testing.crystals import contract_crystals
from xtalgraph.workflows.rejections import check_rejected
from xtalgraph.workflows.report import report
from xtalgraph.workflows.run import Run
from xtalgraph.workflows.verify_calculator import (
    SAMPLE as SAMPLE_OF_CALCULATOR,
)
from xtalgraph.workflows.verify_calculator import (
    verify_calculator,
)

SAMPLE: Final = 32
"""Crystals that are tried unless another number is given."""


@dataclass(frozen=True)
class Verified:
    """What came out of a verification, and on what."""

    path: Path | None
    """``verify.json``; None of a calculator."""
    verification: Verification
    """Check by check."""
    document: dict[str, Any]
    """What is in the file."""


@dataclass(frozen=True, eq=False)
class _Known:
    """Crystals on which a model may be tried."""

    source: str
    """Where they are from: files, or the data of the run."""
    part: str
    """``test`` of the data, ``files``, ``memory`` or ``built-in``."""
    crystals: dict[str, Crystal]
    conditions: ConditionValues | None
    """Of each, in their order; None where the model reads none."""


@dataclass(frozen=True)
class _Chosen:
    """The crystals on which a model is tried, and those that were passed over."""

    crystals: dict[str, Crystal]
    undecided: list[str]
    """Ids of those whose edges rounding decides."""
    unsupported: dict[str, str]
    """Why they have no graph, by id."""


@checks_arguments
def verify(
    run: str | Path | None = None,
    *,
    calculator: Annotated[Any, Spelled("MODULE:NAME")] = None,
    on: Any = None,
    sample: Annotated[Count | None, Spelled(default="32; 4 with --calculator")] = None,
    device: Device = "cpu",
    progress: bool = True,
) -> Verified:
    """Verify the model of a run, write ``verify.json`` into its folder, and its report again.

    First its files are compared with its manifest. Of several members the mean is tried, which the
    run predicts. Without a run it is a calculator of ASE that is verified, of any package.

    Args:
        run: A run folder.
        calculator: A calculator of ASE to check instead of a run, or its name. As in
            ``chgnet.model.dynamics:CHGNetCalculator``.
        on: Crystals for the checks: files, folders or tables; by default the test part of the
            run. In Python also structures.
        sample: Number of crystals to draw, always the same ones.
        device: Device to compute on; where there is a GPU, both are compared.
        progress: Show a progress bar on standard error.

    Raises:
        ConfigError: If the sample is smaller than 1, or there is no such device here.
        InputError: If there is no crystal to try the model on, or none has the conditions that it
            reads.
        RunError: If the run is not finished, or a file of it has changed.
    """
    check_device(device)
    if (run is None) == (calculator is None):
        raise ConfigError("verify either the model of a RUN, or a --calculator")
    if run is None:
        tried = SAMPLE_OF_CALCULATOR if sample is None else sample
        return Verified(None, *verify_calculator(calculator, on, sample=tried, progress=progress))
    opened, began = Run.open(run), time.monotonic()
    check_not_shipped(opened.folder)
    files = check_manifest(opened.folder, evidence=True)
    if files is not None:
        log.info("%s is whole: its %d files are as the training left them", opened.folder, files)
    known = _crystals_of(opened, on, progress)
    graph_settings = opened.predictor.spec.make_graph_settings()
    chosen = _choose(known.crystals, graph_settings, SAMPLE if sample is None else sample)
    if not chosen.crystals:
        raise _nothing(known.source, chosen)
    _say_passed_over(chosen)
    row_of = {name: n for n, name in enumerate(known.crystals)}
    places = np.array([row_of[name] for name in chosen.crystals])
    conditions = None if known.conditions is None else known.conditions.select(places)
    tested = ModelUnderTest.of(opened.predictor.members, opened.predictor.spec, device)
    moved = None
    if opened.predictor.spec.is_potential and conditions is None:
        moved = PotentialCalculator(opened.predictor, device=device)
    with deterministic():
        verification = verify_model(
            tested, chosen.crystals, conditions, calculator=moved, progress=progress
        )
    model = json.loads((opened.folder / "model.json").read_text(encoding="utf-8"))
    document = {
        "format": 2,
        "weights_sha256": model["weights_sha256"],
        "members": len(opened.predictor.members),
        "device": device,
        "files": files,
        "source": known.source,
        "part": known.part,
        "of": len(known.crystals),
        "undecided": chosen.undecided,
        "unsupported": list(chosen.unsupported),
        **verification.as_dict(),
        "seconds": round(time.monotonic() - began, 1),
    }
    path = opened.folder / "verify.json"
    write_json(path, document)
    if (opened.folder / "metrics.json").is_file():  # not of a converted model
        report(opened.folder)
    return Verified(path, verification, document)


def _crystals_of(run: Run, on: Any, progress: bool) -> _Known:
    """Return the crystals by id, each with its conditions where the model reads some."""
    conditions = run.predictor.spec.conditions
    if on is not None:
        table = read_table(
            resolve_source(on)[0], progress=progress, disorder=run.predictor.spec.disorder
        )
        rows = _values(table, conditions)
        problems = {n: why for n, row in enumerate(rows) if (why := conditions.problem(row))}
        table = table.reject(problems)
        part = "files" if isinstance(on, str | Path) else "memory"
        source = name_of_source(on)
        if not len(table):
            raise nothing_left(source, table.rejected)
        check_rejected(table.rejected, "skip")
        return _known(source, part, table, conditions)
    try:
        data = run.data(progress=progress)
    except InputError as error:
        if conditions:
            raise InputError(
                f"{error}. Or try crystals of yours with --on FILES, a table with the columns "
                f"{', '.join(conditions.columns)}, which the model reads"
            ) from error
        log.warning(
            "%s. Verified on built-in crystals instead, with elements of the run; --on FILES tries "
            "crystals of yours",
            error,
        )
        built_in = _built_in(run.predictor.elements)
        return _Known("built-in crystals", "built-in", built_in, None)
    table = data.dataset.table.select(data.split.test)
    return _known(run.config.data.path, "test", table, conditions)


def _known(source: str, part: str, table: CrystalTable, conditions: Conditions) -> _Known:
    values = conditions.values_of(_values(table, conditions)) if conditions else None
    return _Known(source, part, dict(zip(table.ids, table.crystals, strict=True)), values)


def _values(table: CrystalTable, conditions: Conditions) -> list[dict[Any, Any]]:
    """Return the conditions of each row."""
    there = [name for name in conditions.columns if name in table.columns]
    return table.columns[there].to_dict("records") if there else [{} for _ in table.ids]


def _built_in(elements: tuple[str, ...]) -> dict[str, Crystal]:
    """Return the crystals of the contract with the elements of a run in place of their own."""
    numbers = cycle(ATOMIC_NUMBERS[symbol] for symbol in elements if symbol in ATOMIC_NUMBERS)
    made = {}
    for name, crystal in contract_crystals().items():
        table = np.zeros(crystal.numbers.max() + 1, dtype=np.int64)
        for old in np.unique(crystal.numbers):
            table[old] = next(numbers)
        kinds = table[crystal.numbers]
        made[name] = Crystal(crystal.cell, crystal.positions, kinds, crystal.pbc)
    return made


def _choose(known: dict[str, Crystal], graph_settings: GraphSettings, sample: int) -> _Chosen:
    """Draw crystals until there are enough that have a graph on which rounding does not decide."""
    chosen = _Chosen({}, [], {})
    names = list(known)
    for index in np.random.default_rng(0).permutation(len(names)):
        if len(chosen.crystals) == sample:
            break
        name = names[index]
        try:
            if is_decided(known[name], graph_settings):
                chosen.crystals[name] = known[name]
            else:
                chosen.undecided.append(name)
        except GraphError as error:
            chosen.unsupported[name] = str(error)
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
    for name, reason in islice(chosen.unsupported.items(), 5):
        log.warning("%s has no graph: %s", name, reason)


def _nothing(source: str, chosen: _Chosen) -> InputError:
    reasons = list(chosen.unsupported.values())
    first = f"; the first: {reasons[0]}" if reasons else ""
    return InputError(
        f"the model cannot be verified on {source}: of {len(chosen.undecided)} crystals rounding "
        f"decides the edges, and {len(chosen.unsupported)} have no graph{first}. "
        "Give others with --on"
    )


def _first(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
