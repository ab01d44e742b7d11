"""The receptive field of the trained model: how far does an atom really see?"""

from itertools import product
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Float

from xtalgraph.conventions.errors import ConfigError, GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.transforms import supercell
from xtalgraph.evidence.diagnostics.evaluator import Evaluator
from xtalgraph.evidence.diagnostics.result import (
    DiagnosticResult,
    Examined,
    Picture,
    Verdict,
    not_applicable,
)
from xtalgraph.evidence.numbers import plain
from xtalgraph.graphs.settings import GraphSettings
from xtalgraph.models.receptive_field import receptive_field
from xtalgraph.plots.curves import Curve, curves_plot

NAME: Final = "reach"
TITLE: Final = "Receptive field"
_ATOMS: Final = 600
"""About how many atoms the supercell has."""


def reach(tested: Evaluator) -> Examined:
    """Measure by gradients which atoms of a supercell the features of one depend on.

    The crystal is the smallest of the test, repeated until its cell is about as long each way; the
    atom is one with the most neighbours. Every member is measured, and the one that sees least far
    is shown.

    Args:
        tested: What is examined.
    """
    spec, members = tested.predictor.spec, tested.predictor.members
    row = int(tested.test[np.argmin(tested.sizes[tested.test])])
    crystal = _enlarged(tested.crystals[row])
    graph_settings = GraphSettings(spec.make_strategy(), 0.0, spec.make_angles())
    try:
        graph = tested.as_read(graph_settings.build(crystal), [row])
        atom = int(graph.degree.argmax())
        fields = [receptive_field(member.encoder, graph, atom) for member in members]
        with torch.no_grad():
            layers = len(members[0].encoder(graph).layers) - 1
    except (ConfigError, GraphError) as error:
        return not_applicable(NAME, TITLE, f"{error}.")
    place = min(range(len(fields)), key=lambda n: fields[n].reach)
    field = fields[place]
    hops, sensitivity = field.hops.numpy(), field.sensitivity.numpy()
    farthest = int(hops.max())
    seen, possible = field.reach, min(layers, farthest)
    by_hop = [float(sensitivity[hops == hop].sum()) for hop in range(farthest + 1)]
    share = np.array(by_hop) / sum(by_hop)
    radius = float(_distances(crystal, atom)[sensitivity > 0].max())
    figure = curves_plot(
        [[Curve(np.arange(len(share), dtype=float), 100.0 * share, "", "model", dots=True)]],
        xlabel="hops from the atom",
        ylabel="share of the sensitivity, %",
    )
    verdict = Verdict.ALARM if seen < possible else Verdict.OK
    details: dict[str, Any] = {
        "crystal": tested.ids[row],
        "atoms of the supercell": len(crystal),
        "layers": layers,
        "member": place + 1,
        "hops seen": seen,
        "hops there are": farthest,
        "share of the sensitivity by hop": share,
        "radius": radius,
    }
    says = (
        f"In {tested.crystals[row].formula}, repeated to {len(crystal)} atoms, the vector of an "
        f"atom depends on atoms up to {seen} hops away, {plain(radius, 2)} Å; there are {layers} "
        f"layers, and {farthest} hops to the farthest atom. The atom itself has "
        f"{100 * share[0]:.0f} % of the sensitivity, its neighbours {_percent(share, 1)}, theirs "
        f"{_percent(share, 2)}. "
    )
    says += (
        "A layer passes nothing on: it costs time and does nothing."
        if verdict is Verdict.ALARM
        else "What lies farther away cannot enter the prediction, but by the readout."
        if seen <= layers and seen < farthest
        else "Every atom is seen."
    )
    says += tested.member_shown(place, "that sees least far")
    result = DiagnosticResult(
        name=NAME,
        title=TITLE,
        verdict=verdict,
        says=says,
        measure="hops over which an atom sees",
        number=float(seen),
        threshold=float(possible),
        side="below",
        reason="It is the number of layers, or of the hops that the crystal has: each layer of "
        "messages reaches one hop farther, and one that does not is dead.",
        details=details,
        pictures=(
            Picture(NAME, "How much the vector of an atom depends on those around it, by hops."),
        ),
    )
    return Examined(result, {NAME: figure})


def _percent(share: np.ndarray, hop: int) -> str:
    return f"{100 * share[hop]:.2g} %" if hop < len(share) else "nothing, as there are none"


def _distances(crystal: Crystal, atom: int) -> Float[np.ndarray, " atoms"]:
    """Distance of an atom to the nearest image of each, Å."""
    images = np.array(list(product((-1, 0, 1), repeat=3))) * crystal.pbc
    away = crystal.positions - crystal.positions[atom]
    found: np.ndarray = np.linalg.norm(away[None] + (images @ crystal.cell)[:, None], axis=2)
    return found.min(axis=0)


def _enlarged(crystal: Crystal) -> Crystal:
    """Repeat the shortest lattice vector that repeats, until there are enough atoms."""
    multiples = np.ones(3, dtype=np.int64)
    lengths = np.where(crystal.pbc, np.linalg.norm(crystal.cell, axis=1), np.inf)
    if crystal.pbc.any():
        while len(crystal) * int(np.prod(multiples)) < _ATOMS:
            multiples[np.argmin(multiples * lengths)] += 1
    one, two, three = multiples.tolist()
    return supercell(crystal, (one, two, three))
