"""What a training says of its targets and graphs before it begins."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from xtalgraph.data.dataset import Dataset
from xtalgraph.data.divided import Divided
from xtalgraph.data.stored_graphs import StoredGraphs
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.model import Model
from xtalgraph.models.spec import ModelSpec
from xtalgraph.nn.radial import RadialBasis, edges_beyond
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.graph_source import SURVEYED, Survey
from xtalgraph.workflows.prepared import Prepared

log = logging.getLogger("xtalgraph")

_KIND_MEANS: Mapping[Kind, str] = {
    Kind.EXTENSIVE: "a total of the cell, a sum over its atoms",
    Kind.INTENSIVE: "does not grow with the cell; say --kind extensive for a total of the cell",
    Kind.ATOMIC: "one value for each atom",
}


def announce(target: Target) -> None:
    """Say how a target is taken."""
    if target.is_class:
        wanted = "class 1" if target.classes is None else repr(target.classes[1])
        log.info("target %s, a class: the probability of %s is predicted", target.name, wanted)
        return
    unit = f" in {target.unit}" if target.unit else " (no unit given; say --unit)"
    log.info("target %s%s, %s: %s", target.name, unit, target.kind, _KIND_MEANS[target.kind])


def announce_all(config: RunConfig) -> None:
    """Say how the targets are taken, and what is read as conditions of a crystal."""
    for target in config.targets:
        announce(target)
    conditions = config.spec.conditions
    if conditions.numbers:
        log.info("state of a crystal: %s", ", ".join(conditions.numbers))
    if conditions.fidelity:
        methods = ", ".join(conditions.fidelities)
        log.info("method of a label: %s, one of %s", conditions.fidelity, methods)


def tell_split(divided: Divided, division: Mapping[str, Any]) -> None:
    """Say how the crystals are divided, what the parts share, and which labels are missing.

    Args:
        divided: Crystals, labels and parts.
        division: The content of ``split.json``.
    """
    dataset, split = divided.dataset, divided.split
    counts = ", ".join(f"{len(rows)} {name}" for name, rows in split.parts().items())
    log.info("%d crystals: %s (%s)", len(dataset), counts, split.how)
    for message in division["said"]:
        log.log(logging.WARNING if message["alarm"] else logging.INFO, "%s", message["text"])
    for target in dataset.targets:
        known = int(dataset.labels.known(target.name).sum())
        if known < len(dataset):  # the other crystals are learned from all the same
            log.info("target %s: %d of %d crystals have a label", target.name, known, len(dataset))


def warn_about_graphs(spec: ModelSpec, prepared: Prepared) -> None:
    """Say which crystals have atoms without a neighbour, and what the model cannot see.

    Args:
        spec: Of the model.
        prepared: What is learned from.
    """
    _warn_about_edges(prepared.survey, prepared.dataset)
    _warn_about_reach(spec.make_model(), prepared.graphs.source)


def _warn_about_edges(seen: Survey, dataset: Dataset) -> None:
    alone = seen.alone
    if alone:
        names = ", ".join(dataset.table.ids[i] for i in alone[:5])
        log.warning(
            "%d crystals have atoms without a neighbour within the cutoff (%s%s): such an atom "
            "is known to the model by its element alone",
            len(alone),
            names,
            ", ..." if len(alone) > 5 else "",
        )


def _warn_about_reach(model: Model, source: Graph | StoredGraphs) -> None:
    """Say, once a run, how many edges are longer than a radial basis of the model reaches."""
    for basis in {m for m in model.modules() if isinstance(m, RadialBasis)}:
        every = longer = 0
        longest = 0.0
        for part in torch.arange(len(source)).split(SURVEYED):
            graph = source.select(part)
            times = graph.edge_multiplicity * graph.atom_multiplicity[graph.center]
            every += int(times.sum())
            longer += int(times[edges_beyond(basis, graph.distance)].sum())
            longest = max(longest, float(graph.distance.max())) if len(times) else longest
        if longer:
            log.warning(
                "%.1f %% of the edges are longer than the radial basis reaches, %g Å, the longest "
                "%.2f Å: the model cannot tell their lengths apart; lower graph.cutoff, or take a "
                "basis that reaches to it",
                100 * longer / every,
                basis.reach,
                longest,
            )


def about_copies(copies: Sequence[tuple[int, int]]) -> str:
    """Say that members of an ensemble are copies, and what that does.

    Args:
        copies: Pairs of members, from 0.
    """
    pairs = ", ".join(f"{second + 1} of {first + 1}" for first, second in copies)
    return (
        f"members are copies: {pairs}. They say the same of every crystal, so that the spread is "
        "too small; train them again"
    )
