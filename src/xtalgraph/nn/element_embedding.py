"""The vector with which an atom starts, learned from features of its element."""

from dataclasses import dataclass
from typing import Final, Literal, final, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from xtalgraph.conventions.element_table import BLOCKS, property_of
from xtalgraph.conventions.elements import MAX_ATOMIC_NUMBER
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.graphs.graph import Graph
from xtalgraph.nn.element_rows import ElementRows, OfElements
from xtalgraph.nn.segments import gather, segment_sum


@dataclass(frozen=True)
class Bins:
    """How one property is cut into categories."""

    name: str
    """Name of the property in the element table."""
    low: float
    """Lower end of the first bin."""
    high: float
    """Upper end of the last bin."""
    count: int
    """Number of bins of equal width."""
    log: bool = False
    """Whether the ends are natural logarithms of the property."""


def _categories(name: str, first: int, last: int) -> Bins:
    """One bin around each whole number."""
    return Bins(name, first - 0.5, last + 0.5, last - first + 1)


CGCNN_BINS: Final[tuple[Bins, ...]] = (
    _categories("group", 1, 18),
    _categories("period", 1, 9),
    Bins("electronegativity", 0.5, 4.0, 10),
    Bins("covalent_radius", 0.25, 2.5, 10),
    _categories("valence_electrons", 1, 12),
    Bins("first_ionization_energy", 1.3, 3.3, 10, log=True),
    Bins("electron_affinity", -3.0, 3.7, 10),
    _categories("block", 0, 3),
    Bins("atomic_volume", 1.5, 4.3, 10, log=True),
)
"""The nine properties of CGCNN with their ranges, in the units of the element table."""


def binned_element_features() -> Float[Tensor, "119 93"]:
    """One-hot bins of nine properties, the node features of CGCNN.

    Group (18 columns), period (9), electronegativity (10), covalent radius (10), valence electrons
    (12), logarithm of the first ionization energy (10), electron affinity (10), block (4) and
    logarithm of the atomic volume (10), side by side. As in the paper there are nine periods: the
    lanthanides, 57 to 71, are the eighth and the actinides, 89 to 103, the ninth.

    A value outside the range falls into the nearest end bin. A value that is not known leaves all
    the bins of its property at zero. So does atomic number 0, which no crystal may hold. Distinct
    elements may share a row (heavy lanthanides do); a model that must distinguish them learns an
    embedding in addition.

    Returns:
        Float32 rows to be indexed with atomic numbers.

    Source: T. Xie, J. C. Grossman, Phys. Rev. Lett. 120, 145301 (2018),
    doi 10.1103/PhysRevLett.120.145301, supplement.

    >>> binned_element_features()[11, :18].argmax().item() + 1  # sodium is in group 1
    1
    """
    blocks = []
    for bins in CGCNN_BINS:
        values = _values(bins.name)
        if bins.log:
            values = np.log(values)
        known = np.isfinite(values)
        position = (values[known] - bins.low) / (bins.high - bins.low) * bins.count
        one_hot = np.zeros((values.size, bins.count), dtype=np.float32)
        one_hot[known, np.clip(np.floor(position), 0, bins.count - 1).astype(int)] = 1
        blocks.append(one_hot)
    return torch.from_numpy(np.concatenate(blocks, axis=1))


CONTINUOUS: Final[tuple[str, ...]] = (
    *(bins.name for bins in CGCNN_BINS),
    "vdw_radius",
    "lowest_oxidation_state",
    "highest_oxidation_state",
    "common_oxidation_state",
)
"""The properties of the continuous features, named as in the element table."""
_LOGARITHMIC: Final = {"first_ionization_energy", "atomic_volume"}


def continuous_element_features() -> Float[Tensor, "119 features"]:
    """Thirteen properties as plain numbers: those of CGCNN, a second radius, oxidation states.

    Each property is standardised over the elements whose value is known, the ionization energy and
    the atomic volume as logarithms; the block is four one-hot columns. Where some value is not
    known it is set to 0, the mean, and a further column says so with 1. Atomic number 0 is all
    zeros. The columns are named by `continuous_element_columns`.

    Returns:
        Float32 rows to be indexed with atomic numbers.
    """
    return torch.from_numpy(np.stack([*_continuous().values()], axis=1).astype(np.float32))


def continuous_element_columns() -> tuple[str, ...]:
    """Name the columns of `continuous_element_features`.

    >>> continuous_element_columns()[:4]
    ('group', 'group unknown', 'period', 'electronegativity')
    """
    return tuple(_continuous())


def one_hot_element_features() -> Float[Tensor, "119 119"]:
    """One-hot vectors of the elements: the input of an embedding of Z alone.

    Returns:
        Float32 rows to be indexed with atomic numbers.
    """
    return torch.eye(MAX_ATOMIC_NUMBER + 1)


def _continuous() -> dict[str, Float[np.ndarray, "119"] | Bool[np.ndarray, "119"]]:
    columns: dict[str, Float[np.ndarray, "119"] | Bool[np.ndarray, "119"]] = {}
    for name in CONTINUOUS:
        values = property_of(name)
        if name == "block":
            columns |= {f"block {letter}": values == i for i, letter in enumerate(BLOCKS)}
            continue
        if name in _LOGARITHMIC:
            values = np.log(values)
        known = np.isfinite(values)
        columns[name] = np.where(known, (values - values[known].mean()) / values[known].std(), 0.0)
        if not known[1:].all():
            columns[f"{name} unknown"] = ~known & (np.arange(values.size) > 0)
    return columns


def _values(name: str) -> Float[np.ndarray, "119"]:
    """A property as CGCNN counts it: lanthanides and actinides are periods of their own."""
    values = property_of(name).copy()
    if name == "period":
        values[57:72] = 8
        values[89:104] = 9
    return values


ElementFeatures = Literal["binned", "continuous", "embedding"]
"""What an `ElementEmbedding` starts from."""


@final
class ElementEmbedding(OfElements):
    """A linear map from the features of an element to the vector of an atom.

    With ``binned`` or ``continuous`` features, elements that resemble each other start near each
    other, and one that is rare in training borrows from its relatives. ``embedding`` knows nothing
    of an element but that it is another one: a vector for each, drawn from a normal distribution,
    as models that start from the bare atomic number have it.

    Args:
        width: Length of an atom's vector.
        features: ``binned``, ``continuous`` or ``embedding``.
        rows: The elements that have a vector, where it is not made of properties; None for all.

    Raises:
        ConfigError: If there are no such features.
    """

    elements: Tensor

    def __init__(
        self, width: int, features: str = "binned", rows: ElementRows | None = None
    ) -> None:
        super().__init__()
        if features not in get_args(ElementFeatures):
            known = ", ".join(get_args(ElementFeatures))
            raise ConfigError(f"element features must be one of {known}, got {features!r}")
        make = {
            "binned": binned_element_features,
            "continuous": continuous_element_features,
            "embedding": one_hot_element_features,
        }
        columns = make[features]()
        learned = features == "embedding"
        if learned and rows is not None:
            columns = columns[:, list(rows.numbers)]
        self.element_axes = {"weight": 1} if learned else {}
        self.register_buffer("elements", columns, persistent=False)
        linear = nn.Linear(self.elements.shape[1], width)
        self.weight, self.bias = linear.weight, linear.bias
        if learned:
            nn.init.normal_(self.weight)
            nn.init.zeros_(self.bias)

    def table(self) -> Float[Tensor, "elements width"]:
        """Return the vector of each element, by atomic number."""
        elements = self.elements.to(self.weight.dtype)
        return functional.linear(elements, self.weight, self.bias)

    def forward(self, graph: Graph) -> Float[Tensor, "atoms width"]:
        """Return the vector of each atom; of a disordered site the mean by occupancy."""
        return rows_of_elements(self.table(), graph)


def rows_of_elements(
    table: Float[Tensor, "elements width"], graph: Graph
) -> Float[Tensor, "atoms width"]:
    """Take the row of each atom's element; of a disordered site the mixture by occupancy.

    x_i = Σ_s w_s T[s] over the elements s of a site. A vacancy adds zeros, so x is linear in the
    occupancies, and goes to T[s] as w_s goes to 1.
    """
    rows = gather(table, graph.number)
    if not len(graph.share):
        return rows
    there = graph.share * (graph.share_species != 0)
    parts = gather(table, graph.share_species) * there.to(table.dtype).unsqueeze(-1)
    mixed = segment_sum(parts, graph.share_atom, len(rows))
    return torch.where(graph.disordered.unsqueeze(-1), mixed, rows)
