"""Energy, forces and stress of potentials as one compiled function, where that can be had."""

import time
from collections.abc import Sequence
from typing import Final, TypeGuard, final

import torch
from torch import Tensor

from xtalgraph.conventions.logs import log
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.encoder import Features
from xtalgraph.models.graph_function import GraphFunction, serves
from xtalgraph.models.potential import Potential

Results = list[tuple[dict[str, Tensor], Features]]
"""Of each potential what `Potential.evaluate` returns."""

_BY: Final = ("position", "strain")
_NAMES: Final = ("energy", *_BY)
_MOST: Final = 8
"""Functions that are compiled at most, each of which takes a minute."""
_TOLERANCE: Final = {torch.float32: 2e-5, torch.float64: 1e-8}


@final
class CompiledPotentials:
    """Potentials whose energy, forces and stress are compiled for the crystals that come.

    A function is compiled for the elements of a crystal, and serves for all others of the same
    elements, of any size. It is compared with the potentials themselves before it is used. Where
    one cannot be made, or returns something else, the potentials are evaluated as they are, and a
    warning says why.

    Args:
        potentials: With weights that hold no gradients, all of one precision and one cutoff.
    """

    def __init__(self, potentials: Sequence[Potential]) -> None:
        self.potentials = tuple(potentials)
        self.functions: dict[tuple[int, ...], GraphFunction] = {}
        """By the atomic numbers of the elements."""
        self.refused = False
        """Whether the potentials are evaluated as they are from now on."""
        self._last: CrystalGraph | None = None
        if reason := _why_not(self.potentials):
            self._refuse(reason)

    def evaluate(self, graph: Graph, *by: str) -> Results:
        """Return the energy and its derivatives for each potential.

        Args:
            graph: Not reduced by symmetry. Only a graph of one crystal is compiled.
            *by: ``position``, ``strain``; a compiled function returns both.

        Raises:
            GraphError: If a potential cannot read the graph.
        """
        if self.refused or not _serves(graph):
            return self._plain(graph, *by)
        graph = self._kept(graph)
        if graph.elements not in self.functions:
            plain = self._plain(graph, *_BY)
            self._compile(graph)
            return plain
        return self._named(self.functions[graph.elements](graph))

    def _plain(self, graph: Graph, *by: str) -> Results:
        with torch.no_grad():
            return [potential.evaluate(graph, *by) for potential in self.potentials]

    def _refuse(self, reason: str) -> None:
        self.refused = True
        self.functions.clear()
        log.warning("the potential is not compiled, and evaluated as it is: %s", reason)

    def _kept(self, graph: CrystalGraph) -> CrystalGraph:
        """Return the graph, with what follows from its edges where the last one had the same."""
        names = "number", "center", "neighbor", "image"
        last = self._last
        if last is not None and all(
            torch.equal(getattr(last, name), getattr(graph, name)) for name in names
        ):
            return last.moved(graph.position, graph.cell)
        self._last = graph
        return graph

    def _compile(self, graph: CrystalGraph) -> None:
        """Make the function for the elements of a graph, or refuse to make any."""
        if len(self.functions) == _MOST:
            self._refuse(f"{_MOST} lists of elements have been compiled")
            return
        log.info("compiling the potential, which takes a minute or more")
        began = time.monotonic()
        try:
            moved = graph.moved(*_moved(graph))
            function = GraphFunction(self._all, graph.elements, moved)
            for at in (moved, graph):
                if worst := _difference(self._plain(at, *_BY), self._named(function(at))):
                    self._refuse(f"compiled, its {worst} would be another")
                    return
        except Exception as error:  # whatever it is, the potentials are there as they are
            self._refuse(" ".join(f"{type(error).__name__}: {error}".split("\n")[:2]))
            return
        self.functions[graph.elements] = function
        log.info("compiled in %.0f s", time.monotonic() - began)

    def _all(self, graph: CrystalGraph) -> tuple[Tensor, ...]:
        """Return all results in one row."""
        made: list[Tensor] = []
        for values, features in self._plain(graph, *_BY):
            made += [*(values[name] for name in _NAMES), features.atom]
        return tuple(made)

    def _named(self, made: Sequence[Tensor]) -> Results:
        columns = len(_NAMES) + 1
        rows = [made[first : first + columns] for first in range(0, len(made), columns)]
        return [(dict(zip(_NAMES, values, strict=True)), Features(atom)) for *values, atom in rows]


def _why_not(potentials: Sequence[Potential]) -> str | None:
    """Return why potentials cannot be compiled, as far as that is known without trying."""
    for potential in potentials:
        encoder = potential.encoder
        if encoder.reads.angles:
            return f"{type(encoder).__name__} reads angles, whose number changes with each step"
        if encoder.reads.condition:
            return f"{type(encoder).__name__} reads conditions"
        if potential.terms:
            return f"it has the terms {', '.join(potential.terms)}"
        if next(potential.parameters()).device.type != "cpu":
            return "only computations on a CPU are compiled"
    return None


def _serves(graph: Graph) -> TypeGuard[CrystalGraph]:
    """Whether a graph can be given to a compiled function."""
    return isinstance(graph, CrystalGraph) and len(graph) == 1 and serves(graph)


def _moved(graph: CrystalGraph) -> tuple[Tensor, Tensor]:
    """Return other positions and cells: with them what does not follow these is noticed."""
    generator = torch.Generator().manual_seed(0)
    step = torch.randn(graph.position.shape, generator=generator, dtype=graph.position.dtype)
    return 1.001 * graph.position + 0.01 * step, 1.001 * graph.cell


def _difference(plain: Results, made: Results) -> str | None:
    """Return in what results differ, None if in nothing."""
    for (values, features), (others, vectors) in zip(plain, made, strict=True):
        tolerance = _TOLERANCE[features.atom.dtype]
        pairs = {name: (values[name], others[name]) for name in _NAMES}
        for name, (expected, value) in (
            pairs | {"features": (features.atom, vectors.atom)}
        ).items():
            largest = 1.0 + float(expected.abs().max())
            if not float((value - expected).abs().max()) <= tolerance * largest:
                return name
    return None
