"""The training crystals that are nearest to a crystal: as the model sees it, and by composition."""

from typing import Final

import numpy as np
import torch
from jaxtyping import Float, Int

from xtalgraph.evidence.diagnostics.evaluator import Evaluator
from xtalgraph.graphs.build import build_supported
from xtalgraph.models.inference import infer
from xtalgraph.models.novelty import (
    Nearest,
    cumulative_compositions,
    nearest_compositions,
    nearest_embeddings,
)

_BATCH: Final = 256
"""Crystals in a batch."""


def embeddings_of(
    tested: Evaluator, rows: Int[np.ndarray, " crystals"]
) -> Float[np.ndarray, "crystals width"]:
    """Return the mean of the atoms' final vectors of each crystal; NaN where it has no graph.

    The vectors of several members stand one after the other.
    """
    predictor = tested.predictor
    graph_settings = predictor.spec.make_graph_settings()
    width = sum(member.encoder.width for member in predictor.members)
    embeddings = np.full((len(rows), width), np.nan)
    for start in range(0, len(rows), _BATCH):
        part = rows[start : start + _BATCH]
        graph, unsupported = build_supported([tested.crystals[row] for row in part], graph_settings)
        if graph is None:
            continue
        bad = {skipped.index for skipped in unsupported}
        good = [n for n in range(len(part)) if n not in bad]
        graph = tested.with_conditions(graph, part[good])
        (batch,) = infer(predictor.members, [graph], device=predictor.device)
        atom = torch.cat([output.features.atom for output in batch.outputs], dim=1).double().cpu()
        weight = graph.atom_multiplicity.double()[:, None]
        empty = torch.zeros(len(graph), atom.shape[1], dtype=torch.float64)
        total = empty.index_add(0, graph.crystal_of_atom, atom * weight)
        count = empty[:, :1].index_add(0, graph.crystal_of_atom, weight)
        embeddings[start + np.array(good)] = (total / count).numpy()
    return embeddings


def nearest_embedding(tested: Evaluator, rows: Int[np.ndarray, " some"], k: int) -> Nearest:
    """Find the training crystals with the nearest embeddings, of several members all.

    The distance is that of `embeddings_of`, each column in units of its standard deviation over
    the training part, over the root of their number.

    Args:
        tested: What is examined.
        rows: Of the table.
        k: How many, at most.

    Returns:
        Their rows in the table, and how far they are.
    """
    train = np.asarray(tested.split.train)
    known, asked = embeddings_of(tested, train), embeddings_of(tested, rows)
    there = np.isfinite(known).all(axis=1)
    std = known[there].std(axis=0)
    used = std > 1e-9 * max(float(std.max()), 1e-300)
    scale = std[used] * np.sqrt(max(int(used.sum()), 1))
    nearest = nearest_embeddings(asked[:, used] / scale, known[there][:, used] / scale, k)
    return Nearest(train[there][nearest.places], nearest.distance)


def nearest_composition(tested: Evaluator, rows: Int[np.ndarray, " some"], k: int) -> Nearest:
    """Find the training crystals with the nearest composition, by the element mover's distance."""
    train = np.asarray(tested.split.train)
    cumulative = cumulative_compositions(tested.crystals)
    nearest = nearest_compositions(cumulative[rows], cumulative[train], k)
    return Nearest(train[nearest.places], nearest.distance)
