"""Energy, forces and stress of potentials as one compiled function, where that can be had."""

import dataclasses
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeGuard, final

import torch
from torch import Tensor
from torch.fx import GraphModule

from xtalgraph.conventions.logs import log
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.neighborhoods import Neighborhoods
from xtalgraph.graphs.padded_edges import NO_SIZE, EdgeSize, edge_size, pad_edges
from xtalgraph.graphs.pairs import Pairs
from xtalgraph.models.encoder import Features
from xtalgraph.models.potential import Potential
from xtalgraph.nn.equivariant.neighbor_sum import plain_sums

Results = list[tuple[dict[str, Tensor], Features]]
"""Of each potential what `Potential.evaluate` returns."""
Function = Callable[..., tuple[Tensor, ...]]
Key = tuple[tuple[int, ...], EdgeSize]
"""Atomic numbers, and the size that edges are made up to."""

_BY: Final = ("position", "strain")
_NAMES: Final = ("energy", *_BY)
_MOST: Final = 8
"""Functions that are compiled at most, each of which takes a minute."""
_TOLERANCE: Final = {torch.float32: 2e-5, torch.float64: 1e-8}
_STARTS: Final = ("crystal_of_atom", "crystal_of_edge", "edge_starts", "degree")
"""What depends on the edges of a graph alone, a tensor each."""


@final
class CompiledPotentials:
    """Potentials whose energy, forces and stress are compiled for the crystals that come.

    A function is compiled for a list of elements and a number of edges. Edges are made up to that
    number, so that it serves as long as the edges are not many more, as in dynamics. Each function
    is compared with the potentials themselves before it is used. Where one cannot be made, or
    returns something else, the potentials are evaluated as they are, and a warning says why.

    Args:
        potentials: With weights that hold no gradients, all of one precision and one cutoff.
    """

    def __init__(self, potentials: Sequence[Potential]) -> None:
        self.potentials = tuple(potentials)
        self.functions: dict[Key, Function] = {}
        self.refused = False
        """Whether the potentials are evaluated as they are from now on."""
        self._sizes: dict[tuple[int, ...], EdgeSize] = {}
        self._last: tuple[CrystalGraph, CrystalGraph] | None = None
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
        numbers = tuple(graph.number.tolist())
        padded = self._padded(graph, numbers)
        key = numbers, self._sizes[numbers]
        if padded.pairs is None:
            return self._plain(graph, *by)
        if key not in self.functions:
            plain = self._plain(graph, *_BY)
            self._compile(key, graph, padded)
            return plain
        return self._named(self.functions[key](*_inputs(padded)))

    def _plain(self, graph: Graph, *by: str) -> Results:
        with torch.no_grad():
            return [potential.evaluate(graph, *by) for potential in self.potentials]

    def _refuse(self, reason: str) -> None:
        self.refused = True
        self.functions.clear()
        log.warning("the potential is not compiled, and evaluated as it is: %s", reason)

    def _padded(self, graph: CrystalGraph, numbers: tuple[int, ...]) -> CrystalGraph:
        """Return the graph with more edges; those of the last one, where they are the same."""
        if self._last is not None:
            before, padded = self._last
            names = "number", "center", "neighbor", "image"
            if all(torch.equal(getattr(before, name), getattr(graph, name)) for name in names):
                return padded.moved(graph.position, graph.cell)
        size = edge_size(graph, self._sizes.get(numbers, NO_SIZE))
        self._sizes[numbers] = size
        padded = pad_edges(graph, size, self.potentials[0].encoder.cutoff)
        for name in ("pairs", "element_groups", *_STARTS):
            getattr(padded, name)  # kept with the graph from here on
        self._last = graph, padded
        return padded

    def _compile(self, key: Key, graph: CrystalGraph, padded: CrystalGraph) -> None:
        """Make the function of a graph, or refuse to make any."""
        if len(self.functions) == _MOST:
            self._refuse(f"{_MOST} lists of elements and numbers of edges have been compiled")
            return
        log.info("compiling the potential for %d atoms, which takes a minute or more", len(key[0]))
        began = time.monotonic()
        position, cell = _moved(graph)
        try:
            function = self._traced(padded.moved(position, cell))
            for at in ((position, cell), (graph.position, graph.cell)):
                made = self._named(function(*_inputs(padded.moved(*at))))
                if worst := _difference(self._plain(graph.moved(*at), *_BY), made):
                    self._refuse(f"compiled, its {worst} would be another")
                    return
        except Exception as error:  # whatever it is, the potentials are there as they are
            self._refuse(" ".join(f"{type(error).__name__}: {error}".split("\n")[:2]))
            return
        self.functions[key] = function
        log.info("compiled in %.0f s", time.monotonic() - began)

    def _traced(self, graph: CrystalGraph) -> Function:
        """Return the compiled function of the potentials for graphs like one."""
        from torch.fx.experimental.proxy_tensor import make_fx

        def function(*inputs: Tensor) -> tuple[Tensor, ...]:
            made: list[Tensor] = []
            for values, features in self._plain(_graph(graph, inputs), *_BY):
                made += [*(values[name] for name in _NAMES), features.atom]
            return tuple(made)

        with warnings.catch_warnings(), torch.no_grad(), plain_sums():
            warnings.simplefilter("ignore")
            traced = make_fx(function)(*_inputs(graph))
        _prepare(traced)
        compiled = torch.compile(traced, dynamic=False, fullgraph=True)

        def quietly(*inputs: Tensor) -> tuple[Tensor, ...]:
            with torch.no_grad():
                made: tuple[Tensor, ...] = compiled(*inputs)
            return made

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            quietly(*_inputs(graph))
        return quietly

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
    """Whether a graph can be padded."""
    return isinstance(graph, CrystalGraph) and len(graph) == 1 and not len(graph.share)


def _fields(graph: CrystalGraph) -> list[str]:
    """Return the fields that are inputs; elements are not."""
    return [field.name for field in dataclasses.fields(graph) if field.name != "number"]


def _inputs(graph: CrystalGraph) -> list[Tensor]:
    """Return all that a compiled function reads of a padded graph."""
    pairs, around = graph.pairs, graph.neighborhoods
    made = [getattr(graph, name) for name in (*_fields(graph), *_STARTS)]
    made += [getattr(pairs, field.name) for field in dataclasses.fields(Pairs)]
    return [*made, around.slot, around.neighbor]


def _graph(like: CrystalGraph, inputs: Sequence[Tensor]) -> CrystalGraph:
    """Return a graph of given tensors: the opposite of `_inputs`."""
    names = _fields(like)
    values = iter(inputs)
    graph = like.replace(**{name: next(values) for name in names})
    kept: dict[str, Any] = {name: next(values) for name in _STARTS}
    kept["pairs"] = Pairs(*(next(values) for _ in dataclasses.fields(Pairs)))
    kept["neighborhoods"] = Neighborhoods(like.neighborhoods.shape, *values)
    graph.__dict__.update(kept, element_groups=like.element_groups)
    return graph


def _moved(graph: CrystalGraph) -> tuple[Tensor, Tensor]:
    """Return other positions and cells: with them what does not follow these is noticed."""
    generator = torch.Generator().manual_seed(0)
    step = torch.randn(graph.position.shape, generator=generator, dtype=graph.position.dtype)
    return 1.001 * graph.position + 0.01 * step, 1.001 * graph.cell


def _prepare(traced: GraphModule) -> None:
    """Make what was traced ready for a compiler, which may lay tensors out otherwise.

    Args:
        traced: Changed in place.

    Raises:
        RuntimeError: If a length in it follows from numbers.
    """
    operations, varies = torch.ops.aten, torch.Tag.dynamic_output_shape
    traced.graph.eliminate_dead_code()
    for node in traced.graph.nodes:
        if node.target is operations.view.default:
            node.target = operations.reshape.default
        tags = getattr(node.target, "tags", ())
        known = node.target is operations.index.Tensor or node.kwargs.get("output_size") is not None
        if varies in tags and not known:
            raise RuntimeError(f"the length of {node.target} follows from numbers")
    traced.recompile()


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
