"""A readout serves the kinds of target for which it scales as it must, and no others."""

import pytest
import torch

from xtalgraph.conventions.errors import TargetError
from xtalgraph.data.targets import Kind, Target, kind_named
from xtalgraph.models.property_model import PropertyModel
from xtalgraph.models.readouts import DEFAULT_READOUT, READOUTS, SumReadout, readout_named
from xtalgraph.models.spec import ModelSpec


@pytest.mark.parametrize("kind", Kind)
def test_the_kind_decides(kind):
    target = Target("y", kind)
    readout = readout_named("auto", target)
    assert readout.name == DEFAULT_READOUT[kind]
    assert kind in readout.serves


@pytest.mark.parametrize(
    ("name", "kind"),
    [(n, k) for n, r in READOUTS.items() for k in Kind if k not in r.serves],
)
def test_a_mismatch_is_refused_and_explained(name, kind):
    with pytest.raises(TargetError, match="wrong by a factor of two"):
        readout_named(name, Target("e_form", kind))


def test_the_final_model_refuses_a_mismatch_too():
    spec = ModelSpec("cgcnn", {"width": 4}, "auto", "radius", {}, Target("gap", Kind.INTENSIVE))
    encoder = spec.make_model().encoder
    with pytest.raises(TargetError, match="Use the readout 'mean'"):
        PropertyModel(encoder, SumReadout(4), Target("gap", Kind.INTENSIVE))


def test_unknown_names_are_refused():
    with pytest.raises(TargetError, match="auto or one of sum, mean, atom, got 'max'"):
        readout_named("max", Target("y", Kind.EXTENSIVE))
    with pytest.raises(TargetError, match="kind must be one of"):
        kind_named("total")


def test_nothing_nonlinear_follows_the_sum():
    """Two crystals side by side in one batch entry give the sum of their totals."""
    from xtalgraph.graphs.build import build_graph
    from xtalgraph.graphs.strategies import Radius
    from xtalgraph.models.encoder import Features
    from xtalgraph.testing.crystals import contract_crystals

    crystals = list(contract_crystals().values())
    graph = build_graph(crystals, Radius())
    features = Features(torch.randn(len(graph.number), 4, dtype=torch.float64))
    readout = SumReadout(4).double()
    whole = build_graph(crystals, Radius()).replace(
        num_atoms=graph.num_atoms.sum().unsqueeze(0),
        num_edges=graph.num_edges.sum().unsqueeze(0),
        num_triplets=graph.num_triplets.sum().unsqueeze(0),
        cell=graph.cell[:1],
        pbc=graph.pbc[:1],
    )
    torch.testing.assert_close(
        readout(features, whole), readout(features, graph).sum().unsqueeze(0)
    )
