"""What labels show before a training: constants, outliers, totals that are called means."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ase.build import bulk

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.convert import from_any
from xtalgraph.crystals.transforms import supercell
from xtalgraph.data.dataset import Divided, read_dataset
from xtalgraph.data.splits import random_split
from xtalgraph.data.targets import Kind, Target, Task
from xtalgraph.evidence.assessment import assess_labels
from xtalgraph.evidence.text.data import about_labels

SHARED = Path(__file__).parents[3] / "shared" / "data"
SALT = from_any(bulk("NaCl", "rocksalt", a=5.64))


def frame(labels, sizes=None, name="y"):
    """Rock salt, in cells of as many formulas as `sizes` says."""
    sizes = [1] * len(labels) if sizes is None else sizes
    crystals = [supercell(SALT, (int(n), 1, 1)) for n in sizes]
    ids = [f"s{n:02d}" for n in range(len(labels))]
    return pd.DataFrame({"id": ids, "structure": crystals, name: labels})


def told(data, target):
    dataset = read_dataset(data, target)
    split = random_split(len(dataset.table), val=0.1, test=0.2, seed=0)
    found = assess_labels(Divided(dataset, split))
    sentences = [
        sentence
        for one in dataset.targets
        for sentence in about_labels(found[one.name].as_dict(), one)
    ]
    assert all(sentence.alarm for sentence in sentences)
    return [sentence.text.replace("\u00a0", " ") for sentence in sentences]


def test_ordinary_labels_are_not_spoken_of():
    labels = np.random.default_rng(0).normal(size=40)
    assert told(frame(labels), Target("y", Kind.INTENSIVE, "eV")) == []
    assert told(frame(labels), Target("y", Kind.EXTENSIVE, "eV/cell")) == []


def test_a_constant_is_told_for_numbers_and_for_classes():
    (text,) = told(frame([1.5] * 40), Target("y", Kind.INTENSIVE))
    assert text.startswith("All 40 labels 'y' are 1.5, so there is nothing to learn from them")
    (text,) = told(frame([1] * 40), Target("y", Kind.INTENSIVE, task=Task.CLASSIFICATION))
    assert "All 40 labels 'y' are 1" in text


def test_a_constant_training_part_is_told():
    labels = np.ones(40)
    labels[random_split(40, val=0.1, test=0.2, seed=0).test[:2]] = 2.0
    texts = told(frame(labels), Target("y", Kind.INTENSIVE))
    assert "All 28 labels 'y' of the training part are 1" in texts[0]


def test_an_outlier_is_named_with_id_row_and_value():
    labels = np.random.default_rng(0).normal(size=40)
    labels[7] = 5000.0
    (text,) = told(frame(labels), Target("y", Kind.INTENSIVE, "eV"))
    assert text.startswith("1 label 'y' differs from all others")
    assert "s07 (row 7): 5000." in text


def test_an_outlier_of_a_total_is_looked_for_by_atom():
    sizes = np.arange(1, 41)
    labels = -4.0 * 2 * sizes + np.random.default_rng(0).normal(size=40)
    assert told(frame(labels, sizes), Target("y", Kind.EXTENSIVE)) == []
    labels[39] = -4.0 * 2 * 8
    assert any("s39" in text for text in told(frame(labels, sizes), Target("y", Kind.EXTENSIVE)))


def test_labels_that_single_precision_cannot_tell_apart():
    labels = 1e9 + np.random.default_rng(0).normal(size=40)
    (text,) = told(frame(labels), Target("y", Kind.INTENSIVE))
    assert "rounded to 60 in single precision" in text


def test_a_total_called_intensive_is_told_with_the_numbers():
    sizes = np.random.default_rng(0).integers(12, 33, size=40)
    energy = sizes * 2 * np.random.default_rng(1).normal(-3.4, 0.05, size=40)
    (text,) = told(frame(energy, sizes), Target("y", Kind.INTENSIVE, "eV"))
    assert (
        "declared intensive, but its labels behave like totals of the cell. The cells have 24 to"
        in text
    )
    assert "Use --kind extensive" in text
    assert told(frame(energy, sizes), Target("y", Kind.EXTENSIVE, "eV")) == []
    mean = energy / sizes / 2
    (text,) = told(frame(mean, sizes), Target("y", Kind.EXTENSIVE, "eV"))
    assert "declared extensive, but its labels behave like means" in text


def test_a_unit_of_another_kind_is_told():
    labels = np.random.default_rng(0).normal(size=40)
    (text,) = told(frame(labels), Target("y", Kind.EXTENSIVE, "eV/atom"))
    assert "its unit eV/atom is that of a mean. Use --kind intensive" in text
    (text,) = told(frame(labels), Target("y", Kind.INTENSIVE, "eV/cell"))
    assert "is that of a total of the cell. Use --kind extensive" in text


def test_each_of_several_targets_is_looked_at():
    data = frame(np.random.default_rng(0).normal(size=40))
    data["z"] = [None] * 10 + [7.0] * 30
    (text,) = told(data, [Target("y", Kind.INTENSIVE), Target("z", Kind.INTENSIVE)])
    assert "All 30 labels 'z' are 7" in text


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (1e300, "is 1e[+]300: labels beyond 1e[+]30 overflow in single precision"),
        (-1e31, "labels beyond"),
        (10**400, "larger than any number|more than 300 digits"),
        (float("inf"), "is not finite: inf"),
        ("3.2 eV", "is not a number: '3.2 eV'"),
        ("x" * 5000, "is not a number: 'x{50,60}"),
    ],
)
def test_labels_that_cannot_be_are_rejected_with_their_row(bad, reason):
    data = frame([1.0, 2.0, 3.0])
    data["y"] = data["y"].astype(object)
    data.at[1, "y"] = bad
    dataset = read_dataset(data, Target("y", Kind.INTENSIVE))
    (rejected,) = dataset.table.rejected
    assert (rejected.id, rejected.row) == ("s01", 1)
    assert re.search(reason, rejected.reason)


def test_labels_that_vanish_in_single_precision_are_refused():
    with pytest.raises(InputError, match="at most 3e-40, which vanishes"):
        read_dataset(frame([1e-40, 2e-40, 3e-40]), Target("y", Kind.INTENSIVE))


@pytest.mark.parametrize(
    ("file", "column", "total"),
    [
        ("carbon.csv.gz", "energy_per_atom", False),
        ("matbench_phonons.json.gz", "last phdos peak", False),
        ("jarvis_multi.json.gz", "formation_energy_peratom", False),
        ("jarvis_multi.json.gz", "bulk_modulus_kv", False),
        ("dielectric_tensors.json.gz", "n", False),
        ("potentials/Si_train.extxyz", "energy", True),
        ("potentials/Li_test.extxyz", "energy", True),
    ],
)
def test_real_columns_are_told_apart(file, column, total):
    if not (SHARED / file).is_file():
        pytest.skip(f"{SHARED / file} is not there")
    from xtalgraph.data.label_evidence import kind_evidence
    from xtalgraph.data.table import read_table

    table = read_table(SHARED / file)
    values = table.columns[column].to_numpy(dtype=float)
    atoms = np.array([len(crystal) for crystal in table.crystals])
    there = np.isfinite(values)
    evidence = kind_evidence(values[there], atoms[there])
    assert (evidence.kind is Kind.EXTENSIVE) == total
    scaled = values / atoms if total else values * atoms
    assert kind_evidence(scaled[there], atoms[there]).kind is (
        Kind.INTENSIVE if total else Kind.EXTENSIVE
    )


@pytest.mark.parametrize(
    ("label", "kind", "reason"),
    [
        (
            np.zeros((2, 3)),
            Kind.ATOMIC,
            "forces are learned with the energy that they are derivatives of",
        ),
        (np.zeros((2, 3)), Kind.INTENSIVE, "another vector is declared with --tensor vector"),
        (np.zeros((3, 3)), Kind.INTENSIVE, "declare it, as in --tensor dielectric"),
        (np.zeros(2), Kind.INTENSIVE, "say --kind atomic"),
        (np.zeros(6), Kind.INTENSIVE, "say data.size=6 for a list of 6 numbers"),
        (1.0, Kind.ATOMIC, "one value for each of the 2 atoms, got shape ()"),
    ],
)
def test_labels_of_another_shape_say_what_is_supported(label, kind, reason):
    data = frame([0.0, 0.0])
    data["y"] = [label, label]
    with pytest.raises(InputError) as unsupported:
        read_dataset(data, Target("y", kind))
    assert reason in str(unsupported.value)
