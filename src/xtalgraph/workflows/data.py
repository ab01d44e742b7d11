"""Data: what a source holds, before anything is learned from it."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.data.table import CrystalTable, read_table
from xtalgraph.workflows.prepare import resolve_source
from xtalgraph.workflows.rejections import describe_all


@dataclass(frozen=True)
class SourceInfo:
    """What a source holds."""

    text: str
    """In words."""
    crystals: int
    """Crystals that can be used."""
    rejected: int
    """Rows that cannot."""


def describe_source(source: Any, *, progress: bool = True) -> SourceInfo:
    """Read a source, check every crystal, and describe it.

    Args:
        source: Anything that `train` takes.
        progress: Show a progress bar on standard error.
    """
    path, known = resolve_source(source)
    table = read_table(path, progress=progress)
    lines = [f"{len(table)} crystals, {len(table.rejected)} rows that cannot be used"]
    if known is not None:
        unit = known.unit
        lines.append(f"known as {known.name}: {known.target}, {unit}, {known.kind}")
    if len(table):
        lines += _crystals(table) + _columns(table.columns)
    if table.rejected:
        lines.append(f"rejected:\n  {describe_all(table.rejected)}")
    return SourceInfo("\n".join(lines), len(table), len(table.rejected))


def _crystals(table: CrystalTable) -> list[str]:
    sizes = np.array([len(crystal) for crystal in table.crystals])
    elements = Counter(z for c in table.crystals for z in set(c.numbers.tolist()))
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
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            spread = f"{column.min():.4g} to {column.max():.4g}, mean {column.mean():.4g}"
            lines.append(f"  {name}: {spread}{gaps}")
        else:
            example = str(column.iloc[0])
            short = example if len(example) < 40 else example[:37] + "..."
            lines.append(f"  {name}: {short!r}, ...{gaps}")
    return lines
