"""Hard and smooth cutoffs, layers that wash out and layers that are dead."""

from dataclasses import replace

import numpy as np
import pytest

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.transforms import strain
from xtalgraph.data.targets import Kind
from xtalgraph.evidence.diagnostics.cutoffs import cutoff_change, cutoff_path
from xtalgraph.evidence.diagnostics.depth import over_smoothing, reach
from xtalgraph.evidence.diagnostics.result import Verdict
from xtalgraph.evidence.diagnostics.volume import volume_sweep
from xtalgraph.evidence.diagnostics.worst import embeddings_of, nearest_embedding
from xtalgraph.models.predictor import Predictor


def test_a_hard_cutoff_is_caught_and_the_envelope_beside_it_is_smooth(untrained):
    result = cutoff_path(untrained(envelope="none", noise=0.1))
    assert result.verdict is Verdict.ALARM
    smooth = max(result.numbers.other_jumps)
    assert smooth < 1e-3 * max(result.numbers.jumps)


@pytest.mark.parametrize("envelope", ["cosine", "polynomial"])
def test_an_envelope_raises_no_alarm_and_the_hard_cut_beside_it_jumps(untrained, envelope):
    result = cutoff_path(untrained(envelope=envelope, noise=0.1))
    assert result.verdict is Verdict.OK
    hard = max(result.numbers.other_jumps)
    assert hard > 1e3 * max(result.numbers.jumps)


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("kind", [Kind.INTENSIVE, Kind.EXTENSIVE])
def test_the_jump_is_that_of_the_prediction_at_the_cutoff(untrained, kind, members):
    """Two atoms at r_c: with the hard cut they are a pair just before it, and alone just beyond."""
    pair = [
        Crystal(np.eye(3), np.array([[0.0, 0, 0], [4.0 + 0.001 * n, 0, 0]]), np.array([11, 17]),
                np.zeros(3, dtype=bool))
        for n in range(40)
    ]  # fmt: skip
    given = {"crystals": pair, "labels": np.arange(40.0), "kind": kind, "members": members}
    tested = untrained(envelope="none", **given)
    jump = max(cutoff_path(tested).numbers.jumps)
    near, far = (
        Crystal(np.eye(3), np.array([[0.0, 0, 0], [d, 0, 0]]), np.array([11, 17]), pair[0].pbc)
        for d in (4.0 - 1e-6, 4.0 + 1e-6)
    )
    before, beyond = tested.predict([near, far], [0, 0])
    assert jump == pytest.approx(abs(before - beyond), rel=1e-3)


def test_neighbours_by_rank_are_shown_beside_the_cutoff(untrained, says):
    result = cutoff_path(untrained(strategy="hybrid", cutoff=8.0, noise=0.1))
    assert result.verdict is Verdict.OK
    assert result.numbers.rank_step > 0
    assert "selects the nearest neighbours" in says(result)


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("kind", [Kind.INTENSIVE, Kind.EXTENSIVE])
def test_under_an_envelope_a_longer_cutoff_changes_nothing(untrained, kind, members):
    result = cutoff_change(untrained(noise=0.3, kind=kind, members=members))
    changes, moved = result.numbers.changes, result.numbers.moved
    change = dict(zip(changes, moved, strict=True))
    assert change[0.0] == change[0.25] == change[0.5] == 0.0
    assert 0 < change[-0.25] < change[-0.5]
    assert result.verdict is Verdict.OK


def test_a_hard_cut_hangs_on_the_cutoff_both_ways(untrained):
    result = cutoff_change(untrained(envelope="none", noise=0.001))
    assert result.numbers.moved[3] > 0
    assert result.verdict is Verdict.ALARM


def test_over_smoothing_is_caught_and_dense_ones_are_not(untrained):
    deep = {"encoder": "gcn", "depth": 12, "alpha": "degree", "aggregator": "sum"}
    washed = over_smoothing(untrained(connections="none", **deep))
    assert washed.verdict is Verdict.ALARM
    assert washed.number < 0.01
    kept = over_smoothing(untrained(connections="dense", **deep))
    assert kept.verdict is Verdict.OK


def test_the_member_with_the_strongest_smoothing_is_found(untrained, says):
    deep = {"encoder": "gcn", "depth": 12, "alpha": "degree", "aggregator": "sum"}
    result = over_smoothing(untrained(connections="none", members=3, **deep))
    alone = [
        over_smoothing(one).number
        for one in _each_alone(untrained(connections="none", members=3, **deep))
    ]
    assert result.number == min(alone)
    assert result.numbers.member == 1 + alone.index(min(alone))
    assert f"member {result.numbers.member} of 3" in says(result)


def _each_alone(tested):
    """The same with each of the members as the only one."""
    predictor = tested.predictor
    for member in predictor.members:
        yield replace(tested, predictor=Predictor([member], predictor.spec, predictor.elements))


def test_one_kind_of_atom_cannot_be_smoothed(untrained):
    lattice = [strain(Crystal(3 * np.eye(3), np.zeros((1, 3)), np.array([29]), np.ones(3, bool)),
                      0.01 * n * np.eye(3)) for n in range(20)]  # fmt: skip
    result = over_smoothing(untrained(crystals=lattice))
    assert result.verdict is Verdict.NOT_APPLICABLE


def test_near_as_all_members_see_it(untrained):
    tested = untrained(members=3)
    rows = tested.test[:5]
    together = nearest_embedding(tested, rows, 4)
    train = np.asarray(tested.split.train)
    squared = np.zeros((len(rows), len(train)))
    for one in _each_alone(tested):
        known, own = embeddings_of(one, train), embeddings_of(one, rows)
        scale = known.std(axis=0)
        apart = (own[:, None, scale > 1e-6] - known[None, :, scale > 1e-6]) / scale[scale > 1e-6]
        squared += (apart**2).mean(axis=2) / 3
    np.testing.assert_allclose(together.distance, np.sqrt(np.sort(squared))[:, :4], rtol=1e-4)
    np.testing.assert_array_equal(together.places[:, 0], train[np.argmin(squared, axis=1)])


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_an_atom_sees_one_hop_for_each_layer(untrained, depth):
    result = reach(untrained(depth=depth, cutoff=3.0))
    assert result.verdict is Verdict.OK
    assert result.number == depth
    assert 0 < result.numbers.radius <= 3.0 * depth


@pytest.mark.parametrize("members", [1, 3])
def test_a_dead_layer_is_caught(untrained, members, says):
    def kill_the_last(encoder):
        layers = [name for name, _ in encoder.named_parameters() if "norm" in name]
        for name, weight in encoder.named_parameters():
            if name in layers[-2:]:
                weight.zero_()

    result = reach(untrained(kill_the_last, depth=3, cutoff=3.0, members=members))
    assert result.verdict is Verdict.ALARM
    assert result.number == 2
    assert result.numbers.member == members
    assert ("This is member 3 of 3" in says(result)) == (members == 3)


def test_a_sweep_is_held_against_the_truth_where_it_is_known(untrained, says):
    tested = untrained()
    unknown = volume_sweep(tested)
    assert unknown.verdict is Verdict.SHOWN
    assert "true curves are not known" in says(unknown)
    right = replace(tested, energy=lambda c: float(tested.predict([c], [0])[0]) + 100.0)
    assert volume_sweep(right).number == pytest.approx(1.0, abs=1e-6)
    turned = replace(tested, energy=lambda c: -float(tested.predict([c], [0])[0]))
    assert volume_sweep(turned).number == pytest.approx(-3.0, abs=1e-5)
    assert volume_sweep(turned).verdict is Verdict.ALARM
