"""The log before a training: targets, split, labels and graphs."""

import logging
from collections.abc import Mapping
from typing import Any

import torch

from xtalgraph.data.dataset import Dataset
from xtalgraph.data.divided import Divided
from xtalgraph.data.stored_graphs import StoredGraphs
from xtalgraph.evidence.data_assessment import assess_labels
from xtalgraph.evidence.text.data import about_division, about_labels
from xtalgraph.evidence.text.training import (
    about_conditions,
    about_isolated_atoms,
    about_long_edges,
    about_target,
)
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.model import Model
from xtalgraph.models.spec import ModelSpec
from xtalgraph.nn.radial import RadialBasis, edges_beyond
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.graph_source import SURVEYED, Survey
from xtalgraph.workflows.prepared import Prepared

log = logging.getLogger("xtalgraph")


def announce_all(config: RunConfig) -> None:
    """Say how the targets are understood, and which conditions of a crystal are read."""
    for target in config.targets:
        log.info("%s", about_target(target))
    for sentence in about_conditions(config.spec.conditions):
        log.info("%s", sentence)


def tell_split(divided: Divided, division: Mapping[str, Any]) -> None:
    """Say how the crystals are divided, what the parts share, and which labels are missing.

    Args:
        divided: Crystals, labels and parts.
        division: The content of ``split.json``.
    """
    dataset, split = divided.dataset, divided.split
    counts = ", ".join(f"{len(rows)} {name}" for name, rows in split.parts().items())
    log.info("%d crystals: %s (%s)", len(dataset), counts, split.description)
    for text, alarm in about_division(division, dataset.targets):
        log.log(logging.WARNING if alarm else logging.INFO, "%s", text)
    for target in dataset.targets:
        known = int(dataset.labels.known(target.name).sum())
        if known < len(dataset):  # the other crystals are learned from all the same
            log.info("target %s: %d of %d crystals have a label", target.name, known, len(dataset))


def warn_about_labels(divided: Divided) -> None:
    """Warn of what is remarkable about the labels.

    Args:
        divided: Crystals, labels and parts.
    """
    assessed = assess_labels(divided)
    for target in divided.dataset.targets:
        for sentence in about_labels(assessed[target.name].as_dict(), target):
            log.warning("%s", sentence.text)


def warn_about_graphs(spec: ModelSpec, prepared: Prepared) -> None:
    """Say which crystals have atoms without a neighbour, and what the model cannot see.

    Args:
        spec: Of the model.
        prepared: What is learned from.
    """
    _warn_about_edges(prepared.survey, prepared.dataset)
    _warn_about_reach(spec.make_model(), prepared.graphs.source)


def _warn_about_edges(seen: Survey, dataset: Dataset) -> None:
    if seen.alone:
        log.warning("%s", about_isolated_atoms([dataset.table.ids[i] for i in seen.alone]))


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
            log.warning("%s", about_long_edges(longer / every, basis.reach, longest))
