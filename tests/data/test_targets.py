"""What a target may declare, and what it may not."""

import pytest

from xtalgraph.conventions.errors import TargetError
from xtalgraph.data.targets import Kind, Target, Task


def test_a_class_has_neither_unit_nor_best_end():
    target = Target("metal", Kind.INTENSIVE, task=Task.CLASSIFICATION)
    assert target.is_class
    assert target.best is None
    with pytest.raises(TargetError, match="a class has no unit, got 'eV' for 'metal'"):
        Target("metal", Kind.INTENSIVE, "eV", task=Task.CLASSIFICATION)


@pytest.mark.parametrize(
    ("unit", "each"),
    [
        ("eV/cell", "eV/atom"),
        ("meV / unit cell", "meV/atom"),
        ("eV per cell", "eV/atom"),
        ("eV", "eV/atom"),
        ("e Å", "e Å per atom"),
        ("J/mol", "J/mol per atom"),
        ("", "per atom"),
    ],
)
def test_a_total_over_the_atoms_has_the_unit_of_one_atom(unit, each):
    assert Target("e", Kind.EXTENSIVE, unit).unit_per_atom == each


def test_an_extensive_class_is_refused_and_explained():
    with pytest.raises(TargetError, match="a class does not add up over atoms"):
        Target("metal", Kind.EXTENSIVE, task=Task.CLASSIFICATION)


def test_names_of_classes_are_two_and_belong_to_classes():
    with pytest.raises(TargetError, match="two different classes"):
        Target("metal", Kind.INTENSIVE, task=Task.CLASSIFICATION, classes=("a", "a"))
    with pytest.raises(TargetError, match="say task classification"):
        Target("metal", Kind.INTENSIVE, classes=("a", "b"))


@pytest.mark.parametrize(
    "target",
    [
        Target("e", Kind.EXTENSIVE, "eV", "high"),
        Target("m", Kind.ATOMIC, task=Task.CLASSIFICATION, classes=("low", "high")),
    ],
)
def test_a_declaration_survives_plain_values(target):
    assert Target.from_dict(target.as_dict()) == target


def test_the_plain_values_of_a_number_are_those_of_the_first_format():
    plain = Target("e", Kind.EXTENSIVE, "eV").as_dict()
    assert plain == {"name": "e", "kind": "extensive", "unit": "eV", "best": "low"}


def test_what_a_newer_version_declared_is_refused():
    with pytest.raises(TargetError, match="a target has no rank: it may have been declared by"):
        Target.from_dict({"name": "e", "kind": "intensive", "rank": 2})
