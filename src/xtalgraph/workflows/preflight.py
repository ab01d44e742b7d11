"""What can be known of a request before anything is read or written: source, columns, machine."""

import difflib
from pathlib import Path
from typing import Any, Final

import torch

from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.conventions.ranges import shown
from xtalgraph.conventions.settings import nearest
from xtalgraph.data.catalogue import CATALOGUE, KnownDataset
from xtalgraph.data.division import parse_division
from xtalgraph.data.header import columns_of
from xtalgraph.data.targets import first_atomic
from xtalgraph.models.inference import check_device
from xtalgraph.models.spec import ModelSpec
from xtalgraph.training.refit import check_refit
from xtalgraph.training.settings import TrainingConfig
from xtalgraph.workflows.config import RunConfig

_PREFIX: Final = "matbench_"
_SIBLINGS: Final = 10_000
"""Files of a folder among which the nearest name is looked for."""
NO_FOLDS: Final = (
    "--split folds needs a column 'fold' in the table, or a Matbench file by its official name "
    "(matbench_<task>.json.gz), whose folds are known; or say --folds K to draw K"
)
"""Of a table whose folds are not known."""


def check_source(source: Any) -> None:
    """Refuse a path that is not there: an `InputError` names what was probably meant."""
    if not isinstance(source, str | Path) or str(source) in CATALOGUE:
        return
    try:
        there = Path(source).exists()
    except (OSError, ValueError):  # a name that is too long, or no name at all
        there = False
    if not there:
        raise InputError(
            f"no such file or folder, nor a data set of that name: {shown(str(source))}"
            f"{_meant(Path(source))}"
        )


def check_ahead(source: Any, known: KnownDataset | None, config: RunConfig) -> None:
    """Refuse what cannot end well before anything is read: an `InputError` or a `ConfigError`."""
    check_source(source)
    _check_machine(config.training, config.spec)
    if config.training.refit:
        replays = config.finetuning.replay is not None
        check_refit(of_potential=config.spec.is_potential, replays=replays)
    names = columns_of(source)
    if names is None:
        return
    conditions = config.spec.conditions
    named = () if config.spec.is_potential else (target.name for target in config.targets)
    for column in [*named, *conditions.columns]:
        if column not in names:
            raise InputError(f"there is no column {column!r}{nearest(column, names)}")
    division = parse_division(config.data.split)
    if division.kind in ("group", "time", "column") and division.argument not in names:
        column = division.argument
        raise ConfigError(f"data.split: there is no column {column!r}{nearest(column, names)}")
    official = known is not None and known.name.startswith(_PREFIX)
    drawn = config.data.folds is not None
    if division.kind == "folds" and not (drawn or official or "fold" in names):
        raise ConfigError(NO_FOLDS)


def _check_machine(training: TrainingConfig, spec: ModelSpec) -> None:
    """Refuse a device or precision that is not there, and steps that cannot be recorded."""
    check_device(training.device, "training.device")
    bf16 = training.device == "cuda" and training.precision == "bf16-mixed"
    if bf16 and not torch.cuda.is_bf16_supported():
        raise ConfigError(
            f"{torch.cuda.get_device_name()} does not compute in bf16: set "
            "training.precision=32-true"
        )
    if training.compile and all(target.derivative is None for target in spec.targets):
        raise ConfigError("training.compile serves potentials: leave it out")
    if not training.capture:
        return
    if spec.conditions.fidelity or first_atomic(spec.targets):
        raise ConfigError(
            "training.capture serves targets of crystals, without data.fidelity: leave it out"
        )
    if spec.reduction_tolerance == 0:
        raise ConfigError(
            "training.capture needs reduced graphs: set graph.reduction_tolerance, or leave it out"
        )


def _meant(path: Path) -> str:
    """Say which data set or which file beside it was probably meant."""
    if path.parent == Path() and not path.suffix:
        names = {name: name for name in CATALOGUE}
        names |= {name.removeprefix(_PREFIX): name for name in CATALOGUE}
        close = difflib.get_close_matches(path.name, names, n=1)
        if close:
            return f"; did you mean the data set {names[close[0]]!r}?"
    try:
        beside = [
            file.name for file, _ in zip(path.parent.iterdir(), range(_SIBLINGS), strict=False)
        ]
    except (OSError, ValueError):
        return ""
    close = difflib.get_close_matches(path.name, beside, n=1)
    return f"; did you mean {str(path.with_name(close[0]))!r}?" if close else ""
