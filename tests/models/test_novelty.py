"""Distances to a training set: the element mover's by scipy, nearest neighbours by brute force."""

import numpy as np
import pytest
from scipy.spatial import distance_matrix
from scipy.stats import wasserstein_distance

from xtalgraph.conventions.element_table import property_of
from xtalgraph.conventions.elements import ATOMIC_NUMBERS
from xtalgraph.conventions.errors import RunError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.models.novelty import (
    NEIGHBORS,
    TrainingSet,
    cumulative_compositions,
    nearest_compositions,
    nearest_embeddings,
)


def made_of(*symbols: str) -> Crystal:
    sites = np.linspace(0, 1, len(symbols), endpoint=False)[:, None] * np.ones(3)
    return Crystal.from_fractional(
        8 * np.eye(3), sites, np.array([ATOMIC_NUMBERS[s] for s in symbols])
    )


def test_the_distance_of_compositions_is_the_work_to_move_the_atoms():
    rng = np.random.default_rng(0)
    symbols = list(ATOMIC_NUMBERS)[:90]
    crystals = [made_of(*rng.choice(symbols, rng.integers(1, 7))) for _ in range(12)]
    every = cumulative_compositions(crystals)
    place = property_of("mendeleev_number")
    found = nearest_compositions(every, every, 12)
    for i, one in enumerate(crystals):
        for j, distance in zip(found.places[i], found.distance[i], strict=True):
            expected = wasserstein_distance(place[one.numbers], place[crystals[j].numbers])
            assert distance == pytest.approx(expected, abs=1e-4)
    salts = cumulative_compositions([made_of("Na", "Cl"), made_of("Na", "Cl", "Na", "Br")])
    moved = nearest_compositions(salts[:1], salts[1:], 5)
    assert moved.distance == pytest.approx(0.25), "a quarter moves by one place"
    salt, bromide = cumulative_compositions([made_of("Na", "Cl"), made_of("Na", "Cl", "Na", "Br")])
    assert np.abs(salt - bromide).sum() == pytest.approx(0.25), "a quarter moves by one place"


@pytest.mark.parametrize("rows", [1, 300])  # more than are compared at a time
def test_the_nearest_embeddings_are_those_of_all_pairs(rows):
    rng = np.random.default_rng(1)
    known = rng.normal(size=(320, 4))
    apart = distance_matrix(known[:rows], known)
    found = nearest_embeddings(known[:rows], known, 7)
    np.testing.assert_array_equal(found.places, np.argsort(apart, axis=1)[:, :7])
    np.testing.assert_allclose(found.distance, np.sort(apart, axis=1)[:, :7], atol=1e-12)
    others = nearest_embeddings(known[:rows], known, 6, itself=np.arange(rows))
    np.testing.assert_array_equal(others.places, found.places[:, 1:])


def test_equal_ones_come_in_their_order_and_there_may_be_few():
    same = np.zeros((3, 2))
    assert nearest_embeddings(same[:1], same, 2).places.tolist() == [[0, 1]]
    assert nearest_embeddings(same[:1], same, 9).places.tolist() == [[0, 1, 2]]
    assert nearest_embeddings(same[:1], same[:1], 2, itself=np.array([0])).places.shape == (1, 0)
    assert nearest_embeddings(same[:0], same, 2).distance.shape == (0, 2)


def test_thresholds_and_distances_are_those_of_all_pairs():
    rng = np.random.default_rng(1)
    embedding = rng.normal(size=(80, 4))
    halogens = ["F", "Cl", "Br", "I"]
    crystals = [made_of("Na", *rng.choice(halogens, 5)) for _ in range(80)]
    known = TrainingSet.of(embedding, crystals)
    apart = np.sort(distance_matrix(embedding, embedding), axis=1)[:, 1 : NEIGHBORS + 1].mean(
        axis=1
    )
    assert known.embedding_threshold == pytest.approx(np.quantile(apart, 0.99), rel=1e-5)
    piles = cumulative_compositions(crystals)
    work = np.abs(piles[:, None] - piles).sum(-1) + 1e9 * np.eye(80)
    threshold = np.quantile(work.min(axis=1), 0.99)
    assert known.composition_threshold == pytest.approx(threshold, abs=1e-6)
    new = rng.normal(size=(3, 4))
    said = known.compare(new, [made_of("Na", "Cl"), made_of("K", "Cl"), crystals[0]])
    far = np.sort(distance_matrix(new, embedding), axis=1)[:, :NEIGHBORS].mean(axis=1)
    np.testing.assert_allclose(
        [one.embedding_distance * known.embedding_threshold for one in said], far
    )
    assert [one.unseen for one in said] == [(), ("K",), ()]
    assert said[2].composition_distance == 0
    assert "contains K, in no training crystal" in said[1].words


def test_what_is_usual_is_not_new_and_what_is_far_is():
    rng = np.random.default_rng(2)
    embedding = rng.normal(size=(500, 3))
    crystals = [made_of("C")] * 500
    known = TrainingSet.of(embedding, crystals)
    said = known.compare(rng.normal(size=(500, 3)), crystals)
    assert np.mean([one.is_new for one in said]) < 0.04
    far = known.compare(np.full((1, 3), 30.0), [made_of("C")])[0]
    assert far.embedding_distance > 10
    assert far.words == "its embedding is far from any in training"
    assert known.composition_threshold == 0, "every composition is there twice"
    assert "composition" in known.compare(embedding[:1], [made_of("C", "Si")])[0].words
    assert known.compare(embedding[:0], []) == []
    alone = TrainingSet.of(embedding[:1], crystals[:1])
    assert not alone.compare(embedding[:1], crystals[:1])[0].is_new


def test_it_is_kept_without_a_loss_and_damage_is_told(tmp_path):
    rng = np.random.default_rng(3)
    crystals = [made_of("Na", "Cl"), made_of("K", "Br"), made_of("Na", "K", "Cl")]
    known = TrainingSet.of(rng.normal(size=(3, 5)), crystals)
    known.save(tmp_path / "t.safetensors")
    back = TrainingSet.load(tmp_path / "t.safetensors")
    new = rng.normal(size=(2, 5))
    assert back.compare(new, crystals[:2]) == known.compare(new, crystals[:2])
    (tmp_path / "t.safetensors").write_bytes(b"nothing")
    with pytest.raises(RunError, match="is damaged"):
        TrainingSet.load(tmp_path / "t.safetensors")
