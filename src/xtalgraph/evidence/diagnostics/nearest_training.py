"""The training crystals that are nearest to a crystal: as the model sees it, and by composition."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from jaxtyping import Float, Int

from xtalgraph.baselines.composition_features import count_elements, element_fractions
from xtalgraph.data.refusals import build_supported
from xtalgraph.evidence.diagnostics.evaluator import Evaluator
from xtalgraph.models.inference import infer

_BATCH: Final = 256
"""Crystals in a batch."""


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest training crystals of some crystals, the nearest first."""

    rows: Int[np.ndarray, "crystals k"]
    """Their rows in the table."""
    distance: Float[np.ndarray, "crystals k"]
    """How far they are."""


def embeddings_of(
    tested: Evaluator, rows: Int[np.ndarray, " crystals"]
) -> Float[np.ndarray, "crystals width"]:
    """Return the mean of the atoms' final vectors of each crystal; NaN where it has no graph.

    The vectors of several members stand one after the other.

    Args:
        tested: Whose encoders are asked.
        rows: Of the table.
    """
    predictor = tested.predictor
    graph_settings = predictor.spec.make_graph_settings()
    width = sum(member.encoder.width for member in predictor.members)
    found = np.full((len(rows), width), np.nan)
    for start in range(0, len(rows), _BATCH):
        part = rows[start : start + _BATCH]
        graph, unsupported = build_supported([tested.crystals[row] for row in part], graph_settings)
        if graph is None:
            continue
        bad = {one.index for one in unsupported}
        good = [n for n in range(len(part)) if n not in bad]
        graph = tested.with_states(graph, part[good])
        (batch,) = infer(predictor.members, [graph], device=predictor.device)
        atom = torch.cat([output.features.atom for output in batch.outputs], dim=1).double().cpu()
        weight = graph.atom_multiplicity.double()[:, None]
        empty = torch.zeros(len(graph), atom.shape[1], dtype=torch.float64)
        total = empty.index_add(0, graph.crystal_of_atom, atom * weight)
        count = empty[:, :1].index_add(0, graph.crystal_of_atom, weight)
        found[start + np.array(good)] = (total / count).numpy()
    return found


def nearest_embedding(tested: Evaluator, rows: Int[np.ndarray, " some"], k: int) -> Nearest:
    """Find the training crystals that the encoder finds most alike, of several members all.

    The distance is that of `embeddings_of`, each column in units of its standard deviation over
    the training part, over the root of their number.

    Args:
        tested: What is examined.
        rows: Of the table.
        k: How many, at most.
    """
    train = np.asarray(tested.split.train)
    known = embeddings_of(tested, train)
    own = embeddings_of(tested, rows)
    train, known = train[np.isfinite(known).all(axis=1)], known[np.isfinite(known).all(axis=1)]
    std = known.std(axis=0)
    used = std > 1e-9 * max(float(std.max()), 1e-300)
    scale = std[used] * np.sqrt(max(int(used.sum()), 1))
    return _nearest(own[:, used] / scale, known[:, used] / scale, train, k)


def nearest_composition(tested: Evaluator, rows: Int[np.ndarray, " some"], k: int) -> Nearest:
    """Find the training crystals whose composition is nearest.

    The distance is the share of the atoms that would have to be of another element, 0 to 1.

    Args:
        tested: What is examined.
        rows: Of the table.
        k: How many, at most.
    """
    train = np.asarray(tested.split.train)
    fractions = element_fractions(count_elements(tested.crystals))
    return _nearest(fractions[rows], fractions[train], train, k, order=1)


def _nearest(
    own: np.ndarray, known: np.ndarray, train: np.ndarray, k: int, order: int = 2
) -> Nearest:
    k = min(k, len(train))
    rows, distances = np.empty((len(own), k), dtype=np.int64), np.empty((len(own), k))
    for place, one in enumerate(own):
        apart = np.abs(known - one)
        distance = 0.5 * apart.sum(axis=1) if order == 1 else np.sqrt((apart**2).sum(axis=1))
        nearest = np.argsort(distance, kind="stable")[:k]
        rows[place], distances[place] = train[nearest], distance[nearest]
    return Nearest(rows, distances)
