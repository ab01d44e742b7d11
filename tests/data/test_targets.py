"""What a target may declare, and what it may not."""

import json

import pytest

from xtalgraph.conventions.errors import TargetError
from xtalgraph.conventions.tensors import TensorType
from xtalgraph.data.targets import Derivative, Kind, Target, Task
from xtalgraph.graphs.graph import Scope


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
        Target("v", Kind.INTENSIVE, tensor=TensorType(copies=3)),
        Target("c", Kind.INTENSIVE, "GPa", tensor=TensorType(4, "ijkl=jikl=klij")),
        Target(
            "f",
            Kind.ATOMIC,
            "eV/Å",
            tensor=TensorType(1),
            derivative=Derivative("e", "position"),
        ),
    ],
)
def test_a_declaration_survives_plain_values(target):
    assert Target.from_dict(json.loads(json.dumps(target.as_dict()))) == target


def test_the_plain_values_of_a_number_are_those_of_the_first_format():
    plain = Target("e", Kind.EXTENSIVE, "eV").as_dict()
    assert plain == {"name": "e", "kind": "extensive", "unit": "eV", "best": "low"}


def test_what_a_newer_version_declared_is_refused():
    with pytest.raises(TargetError, match="a target has no rank: it may have been declared by"):
        Target.from_dict({"name": "e", "kind": "intensive", "rank": 2})


def test_its_values_belong_to_a_crystal_or_to_its_atoms():
    gap, charge = Target("gap", Kind.INTENSIVE), Target("q", Kind.ATOMIC)
    assert (gap.scope, charge.scope) == (Scope.CRYSTAL, Scope.ATOM)
    assert (gap.shape(5), charge.shape(5)) == ((1,), (5,))
    assert (gap.is_one_number, charge.is_one_number) == (True, False)
    stress = Target("s", Kind.INTENSIVE, tensor=TensorType(2, "ij=ji"))
    assert stress.shape(5) == (1, 3, 3)
    assert not stress.is_one_number
    assert Target("v", Kind.INTENSIVE, tensor=TensorType(copies=4)).shape(5) == (1, 4)


def test_a_class_is_predicted_as_log_odds_and_has_no_interval():
    metal = Target("m", Kind.INTENSIVE, task=Task.CLASSIFICATION, classes=("insulator", "metal"))
    assert metal.raw_unit == "log-odds"
    gap = Target("gap", Kind.INTENSIVE, "eV")
    assert gap.raw_unit == "eV"
    assert gap.why_no_interval == ""
    assert "is a class" in metal.why_no_interval
    assert "is of sites" in Target("q", Kind.ATOMIC).why_no_interval


def test_a_derivative_is_a_force_or_a_stress():
    with pytest.raises(TargetError, match="by position, which is atomic and a tensor of rank 1"):
        Target("f", Kind.INTENSIVE, tensor=TensorType(1), derivative=Derivative("e", "position"))
    with pytest.raises(TargetError, match="by strain, which is intensive and a tensor of rank 2"):
        Target("s", Kind.INTENSIVE, derivative=Derivative("e", "strain"))
    with pytest.raises(TargetError, match="a class does not turn"):
        Target("m", Kind.INTENSIVE, task=Task.CLASSIFICATION, tensor=TensorType(1))


def test_a_tensor_is_one_thing_and_has_no_best_end():
    target = Target("eps", Kind.INTENSIVE, tensor=TensorType(2, "ij=ji"))
    assert target.is_tensor
    assert target.best is None
    assert Target.from_dict(target.as_dict()) == target
    assert target.described == "intensive eps, a tensor of rank 2"
    with pytest.raises(TargetError, match="must be one tensor, got 2"):
        Target("eps", Kind.INTENSIVE, tensor=TensorType(2, "ij=ji", copies=2))
