"""Train a generator: from crystals without labels to a run folder that draws crystals."""

import hashlib
import json
import shlex
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Final, Unpack

import numpy as np
import torch
from jaxtyping import Int

from xtalgraph.conventions.declarations import Spelled
from xtalgraph.conventions.documents import csv_text, read_document, write_json
from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.conventions.files import write_atomically
from xtalgraph.conventions.logs import log
from xtalgraph.conventions.stopping import stopping_on_signals
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.reduced_cell import with_reduced_cell
from xtalgraph.data.catalogue import resolve_source
from xtalgraph.data.division import column_of, divide, divide_in_folds, parse_division
from xtalgraph.data.splits import PARTS, Split, fold_split
from xtalgraph.data.table import CrystalTable, read_table
from xtalgraph.data.values import Values
from xtalgraph.evidence.pages.pretraining import write_generator_page
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.generation.generator import save_generator
from xtalgraph.models.generation.network import FlowNetwork
from xtalgraph.models.manifest import MANIFEST, write_manifest
from xtalgraph.nn.determinism import deterministic
from xtalgraph.training.examples import Examples, labels_from
from xtalgraph.training.flow_matching import TARGETS, FlowMatching
from xtalgraph.training.loop import Trainer
from xtalgraph.training.state import Progress
from xtalgraph.workflows.claim import check_settings, claimed
from xtalgraph.workflows.executor import Executor
from xtalgraph.workflows.generator_config import GeneratorRunConfig
from xtalgraph.workflows.record import hardware, repeat_command, versions
from xtalgraph.workflows.rejections import check_rejected
from xtalgraph.workflows.request import Request
from xtalgraph.workflows.setting_names import TrainGeneratorOptions, with_settings

_NO_EDGES: Final = Radius(0.5)
"""Edges are not read; none is so short."""


@dataclass(frozen=True)
class GeneratorRun:
    """A finished training of a generator."""

    folder: Path
    """Where it is; `generate` takes it."""
    losses: dict[str, float | None]
    """On the validation part, in units of the loss of knowing nothing."""
    crystals: dict[str, int]
    """In each part."""


@with_settings
def train_generator(
    data: Any,
    *,
    out: Annotated[str | Path, Spelled("RUN")],
    resume: bool = False,
    progress: bool = True,
    **options: Unpack[TrainGeneratorOptions],
) -> GeneratorRun:
    """Train a generator of crystals by flow matching, and write a run folder.

    Crystals are learned with the reduced cell of their lattice. The test part is set aside, for
    what is drawn to be compared with.

    Args:
        data: A file, folder, table, DataFrame or list of crystals, or the name of a known data set.
        out: Run folder to write. It must not hold a run, unless it is resumed.
        resume: Go on with a killed run; same bits. It must have the same settings; a finished one
            is left as it is, and where there is none it begins.
        progress: Show progress bars on standard error.
        **options: Settings.

    Raises:
        ConfigError: On settings that cannot be.
        InputError: If the data cannot be used; with ``on_error="raise"``, if any row cannot.
        RunError: If the folder holds another run.
        Stopped: On SIGTERM or Ctrl-C; the state of the training is saved before.
    """
    folder = Path(out)
    config = GeneratorRunConfig.from_sections(_without_target(Request.of(data, options)))
    if resume and (folder / MANIFEST).is_file():
        check_settings(folder, config)
        log.info("%s is finished: nothing is left to do", folder)
        return _opened(folder)
    with (
        claimed(folder, config, resume=resume),
        stopping_on_signals(),
        deterministic(config.training.threads),
    ):
        began = time.monotonic()
        table = _table(data, config, folder, progress)
        split = _split(table, config)
        if not (len(split.train) and len(split.val)):
            raise ConfigError(
                f"of {len(table)} crystals {len(split.train)} are in the training part and "
                f"{len(split.val)} in the validation part: give more crystals, or a larger "
                "data.val_fraction"
            )
        write_atomically(folder / "config.yaml", config.to_yaml())
        torch.manual_seed(config.training.seed)
        learner = FlowMatching(FlowNetwork(config.network))
        trainer = _trainer(learner, table, split, config, folder)
        with_bar = Executor(trainer, 1, "training", progress)
        (done,) = (
            history
            for _, history in with_bar.run(
                lambda trainer, _, report: trainer.fit(resume=resume, report=report), [None]
            )
        )
        learner.cpu()
        _write(folder, config, learner.encoder, table, split, done, began)
    return _opened(folder)


def standard_table(data: Any, *, progress: bool = False) -> CrystalTable:
    """Read crystals as a generator learns them: each with the reduced cell of its lattice.

    Args:
        data: A file, folder, table, DataFrame or list of crystals, or the name of a known data set.
        progress: Show a progress bar on standard error.

    Raises:
        InputError: If the source cannot be used.
    """
    table = read_table(resolve_source(data)[0], progress=progress)
    reduced: list[Crystal] = []
    reasons = {}
    for row, crystal in enumerate(table.crystals):
        try:
            reduced.append(with_reduced_cell(crystal))
        except InputError as error:
            reasons[row] = f"a generator cannot learn it: {error}"
            reduced.append(crystal)
    return replace(table, crystals=tuple(reduced)).reject(reasons)


def _without_target(request: Request) -> dict[str, dict[str, Any]]:
    """Return the settings, less those of the target that the catalogue fills in."""
    sections = {name: dict(section) for name, section in request.sections.items()}
    if request.known is not None:
        for key in ("target", "kind", "task", "unit", "best"):
            sections["data"].pop(key, None)
    return sections


def _table(data: Any, config: GeneratorRunConfig, folder: Path, progress: bool) -> CrystalTable:
    table = standard_table(data, progress=progress)
    check_rejected(table.rejected, config.data.on_error, folder)
    if not len(table):
        raise InputError(f"{config.data.path} holds no crystal that can be used")
    return table


def _split(table: CrystalTable, config: GeneratorRunConfig) -> Split:
    data, seed = config.data, config.training.seed
    division, val = parse_division(data.split), data.val_fraction
    formulas = {crystal.formula for crystal in table.crystals}
    if division.kind == "formula" and len(formulas) < 3:
        raise ConfigError(
            f"the crystals have {len(formulas)} formulas, too few to hold some out: keep copies of "
            "one structure together instead, --split structure"
        )
    if data.fold is None:
        return divide(table, None, division, val=val, test=data.test_fraction, seed=seed)
    if data.folds is None:
        return fold_split(column_of(table, "fold").folds(), data.fold, val=val, seed=seed)
    return divide_in_folds(table, division, folds=data.folds, fold=data.fold, val=val, seed=seed)


def _trainer(
    learner: FlowMatching,
    table: CrystalTable,
    split: Split,
    config: GeneratorRunConfig,
    folder: Path,
) -> Trainer:
    train, val = (
        _examples([table.crystals[row] for row in rows]) for rows in (split.train, split.val)
    )
    learner.fit_shapes([table.crystals[row] for row in split.train])
    deciding = json.dumps(config.deciding(), ensure_ascii=False)
    key = hashlib.sha256((table.content_hash() + split.identity + deciding).encode()).hexdigest()
    return Trainer(learner, train, val, config.training, folder / "state", key)


def _examples(crystals: Sequence[Crystal]) -> Examples[CrystalGraph]:
    """Return crystals with losses that are to be 0."""
    zeros = {target.name: np.zeros(len(crystals)) for target in TARGETS}
    sizes: Int[np.ndarray, " crystals"] = np.array([len(c) for c in crystals], dtype=np.int64)
    return Examples(build_graph(crystals, _NO_EDGES), labels_from(Values(TARGETS, zeros, sizes)))


def _write(
    folder: Path,
    config: GeneratorRunConfig,
    network: FlowNetwork,
    table: CrystalTable,
    split: Split,
    done: Progress,
    began: float,
) -> None:
    """Write everything that a training leaves; the manifest last."""
    parts = split.parts()
    write_json(
        folder / "split.json",
        {
            "drawn": dict(split.drawn),
            "data_sha256": table.content_hash(),
            **{name: [table.ids[i] for i in rows] for name, rows in parts.items()},
        },
    )
    learned = [table.crystals[i] for i in split.train]
    known = {"data_sha256": table.content_hash(), "versions": versions(), "manifest": True}
    save_generator(folder, network, learned, known)
    write_atomically(folder / "log.csv", csv_text(done.history))
    selected = done.history[done.selected_epoch - 1] if done.selected_epoch else {}
    record = {
        "Repeat": {
            "command": repeat_command("train-generator", shlex.quote(config.data.path), folder)
        },
        "Data": {
            "source": config.data.path,
            "split": dict(split.drawn),
            **{f"{name} crystals": len(rows) for name, rows in parts.items()},
            "rejected rows": len(table.rejected),
            "data sha256": table.content_hash(),
        },
        "Model": {
            "architecture": "flow network",
            **asdict(config.network),
            "parameters": sum(weight.numel() for weight in network.parameters()),
        },
        "Flow": {
            "epochs": done.epoch,
            "selected epoch": done.selected_epoch,
            "losses": {t.name: selected.get(f"val_mae:{t.name}") for t in TARGETS},
        },
        "Hardware": hardware(),
        "Versions": versions(),
        "Time": {
            "ended": time.strftime("%Y-%m-%d %H:%M:%S %z"),
            "training, s": round(done.seconds, 1),
            "everything, s": round(time.monotonic() - began, 1),
        },
    }
    write_json(folder / "record.json", record)
    write_generator_page(folder)
    write_manifest(folder)


def _opened(folder: Path) -> GeneratorRun:
    record = read_document(folder / "record.json")
    crystals = {part: int(record["Data"][f"{part} crystals"]) for part in PARTS}
    return GeneratorRun(folder, dict(record["Flow"]["losses"]), crystals)
