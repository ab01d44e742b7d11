"""A readout serves the kinds of target for which it scales as it must, and no others."""

import math

import pytest
import torch

from xtalgraph.conventions.errors import TargetError
from xtalgraph.data.targets import Kind, Target, kind_named
from xtalgraph.models.cgcnn import CGCNN
from xtalgraph.models.head import Head
from xtalgraph.models.megnet import MEGNet
from xtalgraph.models.readouts import DEFAULT_READOUT, READOUTS, SumReadout
from xtalgraph.models.registry import ENCODERS
from xtalgraph.models.requirements import readout_named
from xtalgraph.models.spec import ModelSpec
from xtalgraph.models.xgn import XGN
from xtalgraph.testing.crystals import contract_crystals


@pytest.mark.parametrize("kind", Kind)
def test_the_kind_decides(kind):
    readout = readout_named("auto", Target("y", kind), CGCNN)
    assert readout.name == DEFAULT_READOUT[kind]
    assert readout.serves is kind


@pytest.mark.parametrize(("encoder", "recommended"), [(MEGNet, "set2set"), (XGN, "attention")])
def test_the_recommended_readout_is_taken_where_it_serves_the_target(encoder, recommended):
    found = {kind: readout_named("auto", Target("y", kind), encoder).name for kind in Kind}
    assert found == {Kind.EXTENSIVE: "sum", Kind.INTENSIVE: recommended, Kind.ATOMIC: "atom"}


@pytest.mark.parametrize("encoder", ENCODERS.values())
def test_the_readouts_that_are_recommended_are_known(encoder):
    assert encoder.recommended.readout in (None, *READOUTS)


@pytest.mark.parametrize(
    ("name", "kind"),
    [(n, k) for n, r in READOUTS.items() for k in Kind if k is not r.serves],
)
def test_a_mismatch_is_refused_and_explained(name, kind):
    atomic = Kind.ATOMIC in (kind, READOUTS[name].serves)
    why = "one has a value for each atom" if atomic else "wrong by a factor of two"
    with pytest.raises(TargetError, match=why):
        readout_named(name, Target("e_form", kind), CGCNN)


def test_a_head_refuses_a_mismatch_too():
    with pytest.raises(TargetError, match="Use the readout 'mean', 'attention', 'set2set', or"):
        Head(Target("gap", Kind.INTENSIVE), [SumReadout(4)])


def test_unknown_names_are_refused():
    with pytest.raises(TargetError, match=r"auto or one of sum, linear, mean, atom, .*, got 'max'"):
        readout_named("max", Target("y", Kind.EXTENSIVE), CGCNN)
    with pytest.raises(TargetError, match="kind must be one of"):
        kind_named("total")


def test_nothing_nonlinear_follows_the_sum():
    """Two crystals side by side in one batch entry give the sum of their totals."""
    from xtalgraph.graphs.build import build_graph
    from xtalgraph.graphs.strategies import Radius
    from xtalgraph.models.encoder import Features

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
        num_shares=graph.num_shares[:1],
        has_angles=graph.has_angles[:1],
        conditions=graph.conditions[:1],
        fidelity=graph.fidelity[:1],
    )
    torch.testing.assert_close(
        readout(features, whole), readout(features, graph).sum().unsqueeze(0)
    )


def test_a_total_over_many_atoms_keeps_the_digits_of_its_contributions():
    """In float32 the sum of 10⁵ contributions of about 1 eV is known to 10⁻² eV."""
    from xtalgraph.graphs.build import build_graph
    from xtalgraph.graphs.strategies import Radius
    from xtalgraph.models.head import Scaler

    crystal = contract_crystals()["triclinic"]
    copies = 100_000 // len(crystal) + 1
    many = build_graph(crystal, Radius(0.1)).select([0] * copies)
    one = many.select([0])
    whole = many.replace(
        num_atoms=many.num_atoms.sum().unsqueeze(0),
        num_edges=many.num_edges.sum().unsqueeze(0),
        cell=one.cell,
        pbc=one.pbc,
        **{
            name: getattr(one, name)
            for name in ("num_triplets", "num_shares", "has_angles", "conditions", "fidelity")
        },
    )
    contributions = 1.0 + torch.rand(len(whole.number))
    exact = math.fsum(contributions.tolist())
    total = SumReadout(4).aggregate(contributions, whole)
    assert float(total) == pytest.approx(exact, rel=1e-12)
    scaler, target = Scaler(), Target("e", Kind.EXTENSIVE, "eV")
    scaler.shift.fill_(-3.7)
    assert float(scaler(total, whole, target)) == pytest.approx(
        exact - 3.7 * len(whole.number), rel=1e-9
    )


@pytest.mark.parametrize(("readout", "vectors"), [(("sum", "mean"), 1), (("sum", "attention"), 2)])
def test_the_embedding_holds_a_shared_mean_once_and_learned_poolings_side_by_side(readout, vectors):
    targets = (Target("e", Kind.EXTENSIVE, "eV"), Target("gap", Kind.INTENSIVE, "eV"))
    spec = ModelSpec("gcn", {"width": 5, "depth": 1}, readout, "radius", {"cutoff": 4.0}, targets)
    model, graph = spec.make_model(), spec.make_graph(contract_crystals()["cubic"])
    features = model(graph).features
    embedding = model.embedding(features, graph)
    assert embedding.shape == (1, 5 * vectors)
    torch.testing.assert_close(embedding[:, :5], features.atom.mean(dim=0, keepdim=True))
