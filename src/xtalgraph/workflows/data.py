"""Data: what a source holds, before anything is learned from it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pandas as pd

from xtalgraph.conventions.declarations import Spelled
from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.data.catalogue import resolve_source
from xtalgraph.data.table import CrystalTable, Rejection, read_table
from xtalgraph.evidence.numbers import count
from xtalgraph.graphs.asymmetric_unit import DEFAULT_SYMPREC
from xtalgraph.graphs.build import UnsupportedStructure
from xtalgraph.graphs.reduction import DEFAULT_TOLERANCE
from xtalgraph.graphs.strategies import parse_strategy
from xtalgraph.graphs.survey import SizeSurvey, survey_graphs
from xtalgraph.workflows.preflight import check_source
from xtalgraph.workflows.rejections import describe_all


@dataclass(frozen=True)
class SourceInfo:
    """What a source holds."""

    text: str
    crystals: int
    """Crystals that can be used."""
    rejected: int
    """Rows that cannot."""
    graphs: SizeSurvey | None
    """How large the graphs are; None where no strategy was given."""
    unsupported: tuple[str, ...]
    """What the graphs could not be built of, and why."""
    without_group: str | None
    """What has no space group, and why; None where all have one, or no strategy was given."""


def describe_source(
    path: Any,
    *,
    graph: Annotated[Sequence[str], Spelled("STRATEGY")] = (),
    reduction_tolerance: Annotated[float, Spelled("Å")] = DEFAULT_TOLERANCE,
    symprec: Annotated[float, Spelled("Å")] = DEFAULT_SYMPREC,
    progress: bool = True,
) -> SourceInfo:
    """Read a source, check every crystal, and describe it.

    Args:
        path: Anything that `train` takes.
        graph: Measure these graphs, full and reduced: radius:5 (Å), hybrid:12:8; repeatable.
        reduction_tolerance: Distances this close are merged in the symmetry reduction; 0 reduces
            nothing.
        symprec: How far an operation of a space group may miss an atom.
        progress: Show progress bars on standard error.

    Raises:
        InputError: If the source cannot be used at all.
        ConfigError: If symprec is not larger than 0, or the tolerance below 0 or larger than 1.
    """
    strategies = [parse_strategy(spec) for spec in graph]
    check_source(path)
    source, known = resolve_source(path)
    table = read_table(source, progress=progress)
    rejected = count(len(table.rejected), "row")
    lines = [f"{count(len(table), 'crystal')}, {rejected} that cannot be used"]
    if known is not None:
        unit = known.unit
        lines.append(f"known as {known.name}: {known.target}, {unit}, {known.kind}")
    if len(table):
        lines += _crystals(table) + _columns(table.columns)
    if table.rejected:
        lines.append(f"rejected:\n  {describe_all(table.rejected)}")
    survey = None
    if strategies:
        survey = survey_graphs(
            table.crystals, strategies, reduction_tolerance, symprec, progress=progress
        )
    unsupported, without_group = [], None
    if survey is not None:
        for sizes in survey.sizes:
            if sizes.unsupported:
                unsupported.append(_told(f"{sizes.strategy} refused", sizes.unsupported, table))
        if survey.without_group:
            without_group = _told("no space group:", survey.without_group, table)
    return SourceInfo(
        "\n".join(lines), len(table), len(table.rejected), survey, tuple(unsupported), without_group
    )


def _told(what: str, unsupported: Sequence[UnsupportedStructure], table: CrystalTable) -> str:
    rows = [
        Rejection(
            table.ids[structure.index],
            table.files[structure.index],
            table.rows[structure.index],
            structure.reason,
        )
        for structure in unsupported
    ]
    return f"{what} {len(rows)} of {len(table)} crystals\n  {describe_all(rows)}"


def _crystals(table: CrystalTable) -> list[str]:
    sizes = np.array([len(crystal) for crystal in table.crystals])
    elements = Counter(z for c in table.crystals for z in c.elements)
    listed = ", ".join(f"{SYMBOLS[z]} {n}" for z, n in elements.most_common(12))
    more = f", and {len(elements) - 12} more" if len(elements) > 12 else ""
    partly = sum(not crystal.pbc.all() for crystal in table.crystals)
    return [
        f"atoms per crystal: {sizes.min()} to {sizes.max()}, mean {sizes.mean():.1f}",
        f"elements: {len(elements)}; in how many crystals: {listed}{more}",
        *([f"{partly} are not periodic in all three directions"] if partly else []),
        f"content sha256: {table.content_hash()}",
    ]


def _columns(columns: pd.DataFrame) -> list[str]:
    lines = ["columns:"] if len(columns.columns) else []
    for name in columns.columns:
        column = columns[name]
        missing = int(column.isna().sum())
        gaps = f", {missing} missing" if missing else ""
        if missing == len(column):
            lines.append(f"  {name}: no values{gaps}")
            continue
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            std = f"{column.min():.4g} to {column.max():.4g}, mean {column.mean():.4g}"
            lines.append(f"  {name}: {std}{gaps}")
        else:
            example = str(column.dropna().iloc[0])
            short = example if len(example) < 40 else example[:37] + "..."
            lines.append(f"  {name}: {short!r}, ...{gaps}")
    return lines
