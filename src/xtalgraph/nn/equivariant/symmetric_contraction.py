"""Products of several copies of an atom's features, coupled and weighted for its element."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.tensors import Irrep
from xtalgraph.graphs.element_groups import ElementGroups
from xtalgraph.nn.element_rows import OfElements
from xtalgraph.nn.equivariant.irreps import Tensors, harmonic
from xtalgraph.nn.equivariant.symmetric_products import Monomial, monomials, symmetric_products
from xtalgraph.nn.segments import gather


@final
class SymmetricContraction(OfElements):
    """B_LM = Σ_ν Σ_η w_ην(Z) C_ην,LM (A ⊗ … ⊗ A), ν factors, channel by channel.

    Of the couplings C there are the independent ones. They are evaluated as products of components,
    each computed once, times a constant matrix. A component of B needs only products that a mirror
    changes as it changes the component, so the matrix is one of blocks.

    Args:
        degree: The highest degree of the features A, which have the parity of the harmonics.
        outputs: To what they are coupled.
        correlation: The largest number of factors.
        channels: Number of channels.
        elements: How many there are.

    Source: Batatia et al., NeurIPS 2022 (arXiv 2206.07697), eq. 10.
    """

    element_axes: Mapping[str, int] = MappingProxyType({"weights": 0})

    def __init__(
        self,
        degree: int,
        outputs: Sequence[Irrep],
        correlation: int,
        channels: int,
        elements: int,
    ) -> None:
        super().__init__()
        self.irreps, self.outputs = tuple(map(harmonic, range(degree + 1))), tuple(outputs)
        orders = range(1, correlation + 1)
        tables = {
            irrep: [symmetric_products(degree, order, irrep) for order in orders]
            for irrep in outputs
        }
        self.counts = [sum(map(len, tables[irrep])) for irrep in outputs]
        self.weights = nn.ParameterList(
            nn.Parameter(torch.randn(elements, count, channels) / count**0.5)
            for count in self.counts
        )
        rows = [
            (number, component)
            for number, irrep in enumerate(outputs)
            for component in range(2 * irrep[0] + 1)
        ]
        matrices = {row: [table[:, row[1]] for table in tables[outputs[row[0]]]] for row in rows}
        self.blocks = _blocks(matrices)
        self._arrange(matrices, (degree + 1) ** 2)

    def _arrange(self, matrices: "dict[Row, list[np.ndarray]]", size: int) -> None:
        """Keep how each product is made of one of one factor less, and the matrix of each block."""
        orders = len(next(iter(matrices.values())))
        wanted: list[list[np.ndarray]] = [
            [_columns([matrices[row][order] for row in block]) for block in self.blocks]
            for order in range(orders)
        ]
        self.sizes: list[list[int]] = []
        below: dict[Monomial, int] = {}
        parts: list[list[Monomial]] = []
        for order in range(orders, 0, -1):
            every = monomials(size, order)
            used = [int(column) for columns in wanted[order - 1] for column in columns]
            listed = [every[column] for column in used]
            parents = sorted({m[:-1] for m in parts[-1]} - set(listed)) if parts else []
            parts.append([*listed, *parents])
            self.sizes.append([*map(len, wanted[order - 1]), len(parents)])
        parts, self.sizes = parts[::-1], self.sizes[::-1]
        for order, part in enumerate(parts, start=1):
            parent = [below[m[:-1]] if order > 1 else m[0] for m in part]
            index = torch.tensor([parent, [m[-1] for m in part]], dtype=torch.long)
            self.register_buffer(f"factors_{order}", index, persistent=False)
            below = {monomial: row for row, monomial in enumerate(part)}
            for number, block in enumerate(self.blocks):
                matrix = np.concatenate(
                    [
                        _of_order(matrices[row], order - 1, wanted[order - 1][number])
                        for row in block
                    ]
                )
                table = torch.tensor(matrix, dtype=torch.float64)
                self.register_buffer(f"matrix_{order}_{number}", table, persistent=False)

    def forward(
        self, atoms: Tensors, elements: ElementGroups
    ) -> dict[Irrep, Float[Tensor, "atoms _ _"]]:
        """Couple the features of each atom with themselves.

        Args:
            atoms: A.
            elements: Of the same atoms.
        """
        features = torch.cat([atoms[irrep] for irrep in self.irreps], dim=1)
        columns = features.transpose(0, 1).flatten(1)
        totals: list[Tensor | None] = [None] * len(self.blocks)
        values = columns
        for order, sizes in enumerate(self.sizes, start=1):
            parent, last = getattr(self, f"factors_{order}")
            values = gather(values, parent)
            if order > 1:
                values = values * gather(columns, last)
            for number, part in enumerate(values.split(sizes)[:-1]):
                if len(part):
                    matrix = getattr(self, f"matrix_{order}_{number}").to(part.dtype)
                    total = totals[number]
                    totals[number] = (
                        matrix @ part if total is None else torch.addmm(total, matrix, part)
                    )
        weights = [elements.rows(weight).movedim(1, 0) for weight in self.weights]
        sums: dict[Row, Tensor] = {}
        for block, total in zip(self.blocks, totals, strict=True):
            if total is None:
                continue
            parts = total.unflatten(1, (features.shape[0], -1)).split(
                [self.counts[n] for n, _ in block]
            )
            for (number, component), part in zip(block, parts, strict=True):
                sums[number, component] = (part * weights[number]).sum(dim=0)
        return {
            irrep: torch.stack([sums[number, m] for m in range(2 * irrep[0] + 1)], dim=1)
            for number, irrep in enumerate(self.outputs)
        }


Row = tuple[int, int]
"""Number of an output, and of its component."""


def _blocks(matrices: dict[Row, list[np.ndarray]]) -> list[list[Row]]:
    """Return the components in groups that share products of features."""
    blocks: list[tuple[list[Row], set[tuple[int, int]]]] = []
    for row, tables in matrices.items():
        used = {
            (order, int(column))
            for order, table in enumerate(tables)
            for column in _columns([table])
        }
        joined = [block for block in blocks if block[1] & used]
        rows = [member for block in joined for member in block[0]]
        every = used.union(*(block[1] for block in joined))
        blocks = [block for block in blocks if block not in joined] + [([*rows, row], every)]
    return [rows for rows, _ in blocks]


def _columns(tables: Sequence[np.ndarray]) -> np.ndarray:
    """Return the columns that are not zero in all of some tables."""
    return np.flatnonzero(np.concatenate([np.abs(table) > 1e-9 for table in tables]).any(axis=0))


def _of_order(tables: list[np.ndarray], order: int, columns: np.ndarray) -> np.ndarray:
    """Return the rows of all couplings of a component, those of other orders zero."""
    counts = [len(table) for table in tables]
    rows = np.zeros((sum(counts), len(columns)))
    start = sum(counts[:order])
    rows[start : start + counts[order]] = tables[order][:, columns]
    return rows
