"""Functions of graphs in space, compiled once for graphs of any size."""

import dataclasses
import logging
import operator
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Final, final

import torch
from jaxtyping import Int
from torch import Tensor
from torch.fx import GraphModule, Node

from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.element_groups import ElementGroups
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.neighborhoods import Neighborhoods, arrange
from xtalgraph.graphs.pairs import Pairs
from xtalgraph.nn.equivariant.neighbor_sum import plain_sums

Function = Callable[..., tuple[Tensor, ...]]
_FIELDS: Final = tuple(field.name for field in dataclasses.fields(CrystalGraph))
_STARTS: Final = ("crystal_of_atom", "crystal_of_edge", "edge_starts", "degree")
"""What depends on the edges of a graph alone, a tensor each."""
_PAIRS: Final = tuple(field.name for field in dataclasses.fields(Pairs))
_SPARE: Final = 2
"""Atoms by which the list of each element is longer, so that none has 0 or 1: a compiler takes
these numbers for constants."""
_INTO: Final[Mapping[Any, tuple[Any, str]]] = MappingProxyType(
    {
        torch.ops.aten.mul.out: (torch.ops.aten.mul.Tensor, "out"),
        torch.ops.aten.index_select.out: (torch.ops.aten.index_select.default, "out"),
        torch.ops.aten.sigmoid_backward.grad_input: (
            torch.ops.aten.sigmoid_backward.default,
            "grad_input",
        ),
        torch.ops.aten.silu_backward.grad_input: (
            torch.ops.aten.silu_backward.default,
            "grad_input",
        ),
    }
)
"""Operations that write into a tensor: those that do not, and the name of that tensor."""


@final
class GraphFunction:
    """A function of a graph and of further tensors, compiled for graphs of any size.

    What the function computes is recorded for one graph, with its numbers of atoms, edges and so on
    as symbols, and compiled. Weights are read as they are at each call.

    Args:
        function: Takes a graph and further tensors, and returns tensors without derivatives.
        elements: Atomic numbers that the graphs hold, ascending.
        graph: An example, for which `serves` must hold. One of a single crystal stands for graphs
            of one crystal, and one of several for several.
        *more: An example of the further tensors; their lengths may change, too.

    Raises:
        RuntimeError: If the function cannot be recorded for graphs of any size. A compiler raises
            whatever it likes.
    """

    def __init__(
        self, function: Function, elements: Sequence[int], graph: CrystalGraph, *more: Tensor
    ) -> None:
        self.elements = tuple(sorted(elements))
        """Atomic numbers."""
        self._of_edges: tuple[Tensor | None, ...] = 4 * (None,)
        self._kept: list[Tensor] = []
        inputs = [*more, *self.inputs(graph)]
        self._compiled = _compiled(_traced(function, graph, self.elements, len(more), inputs))
        self._call(inputs)

    def __call__(self, graph: CrystalGraph, *more: Tensor) -> tuple[Tensor, ...]:
        """Return what the function returns.

        Args:
            graph: `serves` must hold for it.
            *more: The further tensors.
        """
        return self._call([*more, *self.inputs(graph)])

    def inputs(self, graph: CrystalGraph) -> list[Tensor]:
        """Return all that is read of a graph; what follows from its edges is kept for the next."""
        of_edges = graph.number, graph.center, graph.neighbor, graph.image
        if not all(map(operator.is_, of_edges, self._of_edges)):
            self._of_edges = of_edges
            pairs, degree = graph.pairs, graph.degree
            length = int(degree.max()) + 1  # an empty slot, whatever the edges
            at = arrange(graph.center, graph.neighbor, degree, ordered=True, slots=length)
            self._kept = [
                *(getattr(graph, name) for name in _STARTS),
                *(getattr(pairs, name) for name in _PAIRS),
                *(at.slot, at.neighbor.view(at.shape)),
                *_sorted_by_element(graph.number, self.elements),
            ]
        return [*(getattr(graph, name) for name in _FIELDS), *self._kept]

    def _call(self, inputs: list[Tensor]) -> tuple[Tensor, ...]:
        with warnings.catch_warnings(), torch.no_grad(), _any_size():
            warnings.simplefilter("ignore")
            made: tuple[Tensor, ...] = self._compiled(*inputs)
        return made


def serves(graph: CrystalGraph) -> bool:
    """Whether a graph can be given to a compiled function: also there are several atoms and edges.

    Args:
        graph: Any.
    """
    several = min(len(graph.number), len(graph.center) // 2) > 1
    return several and why_not_served(graph) is None


def why_not_served(graph: Graph) -> str | None:
    """Return why no compiled function can read a graph, were it one of many crystals."""
    if not isinstance(graph, CrystalGraph):
        return "a graph is reduced by symmetry"
    if len(graph.share):
        return "a site is disordered"
    if len(graph.receiving_edge) or graph.conditions.shape[1]:
        return "a graph has angles or conditions"
    if len(graph.center) and (graph.edge_starts is None or graph.pairs is None):
        return "an edge has no reverse: the neighbors are not all within a radius"
    return None


def _graph_of(
    like: CrystalGraph, elements: Sequence[int], inputs: Sequence[Tensor]
) -> CrystalGraph:
    """Return a graph of given tensors: the opposite of `GraphFunction.inputs`."""
    values = iter(inputs)
    graph = like.replace(**{name: next(values) for name in _FIELDS})
    kept: dict[str, Any] = {name: next(values) for name in _STARTS}
    kept["pairs"] = Pairs(*(next(values) for _ in _PAIRS))
    slot, neighbor = next(values), next(values)
    shape = neighbor.shape[0], neighbor.shape[1]
    kept["neighborhoods"] = Neighborhoods(shape, slot, neighbor.flatten())
    element, rank, *parts = values
    counts = [part.shape[0] for part in parts]
    kept["element_groups"] = ElementGroups(
        torch.tensor(elements), element, counts, torch.cat(parts), rank
    )
    kept["elements"] = tuple(elements)
    graph.__dict__.update(kept)
    return graph


def _sorted_by_element(number: Int[Tensor, " atoms"], elements: Sequence[int]) -> list[Tensor]:
    """Return the element of each atom, its place in the list of all, and the atoms of each."""
    element = torch.searchsorted(torch.tensor(elements), number)
    rank, parts, start = torch.empty_like(element), [], 0
    for row in range(len(elements)):
        atoms = (element == row).nonzero().squeeze(-1)
        rank[atoms] = start + torch.arange(len(atoms))
        parts.append(torch.cat([atoms, atoms.new_zeros(_SPARE)]))
        start += len(parts[-1])
    return [element, rank, *parts]


@contextmanager
def _any_size() -> Iterator[None]:
    """Take no two sizes for the same because they are so once; show no hints of the compiler."""
    from torch.fx.experimental import _config

    patch: Any = _config.patch  # type: ignore[attr-defined]
    hints = logging.getLogger("torch._inductor.ir")
    before = hints.level
    hints.setLevel(logging.ERROR)
    try:
        with patch(use_duck_shape=False):
            yield
    finally:
        hints.setLevel(before)


def _traced(
    function: Function,
    like: CrystalGraph,
    elements: Sequence[int],
    count: int,
    inputs: Sequence[Tensor],
) -> GraphModule:
    """Return the operations of a function."""
    from torch.fx.experimental.proxy_tensor import make_fx

    def of_inputs(*inputs: Tensor) -> tuple[Tensor, ...]:
        return function(_graph_of(like, elements, inputs[count:]), *inputs[:count])

    with warnings.catch_warnings(), plain_sums(), _any_size():
        warnings.simplefilter("ignore")
        of_inputs(*inputs)  # what is computed once and kept is not to be recorded
        record = make_fx(of_inputs, tracing_mode="symbolic", _allow_non_fake_inputs=True)
        traced: GraphModule = record(*inputs)
    _prepare(traced)
    of_graph = [node for node in traced.graph.nodes if node.op == "placeholder"][count:]
    _check_sizes(of_graph)
    return traced


def _compiled(traced: GraphModule) -> Function:
    options: dict[str, Any] = {
        "cpp_wrapper": True,  # one file instead of hundreds: minutes less
        "guard_filter_fn": lambda guards: [False] * len(guards),  # `serves` tells it before
    }
    compiled: Function = torch.compile(traced, dynamic=True, fullgraph=True, options=options)
    return compiled


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
        if node.target in _INTO:
            _write_after(traced, node)
        tags = getattr(node.target, "tags", ())
        known = node.target is operations.index.Tensor or node.kwargs.get("output_size") is not None
        if varies in tags and not known:
            raise RuntimeError(f"the length of {node.target} follows from numbers")
    traced.recompile()


def _write_after(traced: GraphModule, node: Node) -> None:
    """Make two operations of one that writes what it computes into a part of a tensor."""
    target, name = _INTO[node.target]
    kwargs = {key: value for key, value in node.kwargs.items() if key != name}
    with traced.graph.inserting_before(node):
        value = traced.graph.call_function(target, node.args, kwargs)
        copy = torch.ops.aten.copy_.default
        written = traced.graph.call_function(copy, (node.kwargs[name], value))
    node.replace_all_uses_with(written)
    traced.graph.erase_node(node)


def _check_sizes(inputs: Sequence[Node]) -> None:
    """Raise a `RuntimeError` if the number of rows of an input is that of the example alone."""
    for node in inputs:
        rows = node.meta["val"].shape[:1]
        if any((_constant(count) or 0) > 1 for count in rows):
            raise RuntimeError(f"it serves {rows[0]} rows of input {node.name} alone")


def _constant(size: int | torch.SymInt) -> int | None:
    """Return a size that is not a symbol."""
    known: int | None = size.node.maybe_as_int() if isinstance(size, torch.SymInt) else size
    return known
