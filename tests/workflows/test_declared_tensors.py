"""Tensors are declared by name, one alone or some of several targets, and shown in the log."""

import pytest

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.voigt import NAMED
from xtalgraph.evidence.text.training import about_target
from xtalgraph.workflows.config import declared_targets
from xtalgraph.workflows.data_settings import DataConfig


def declared(target, tensor, **others):
    return declared_targets(DataConfig("data.csv", target, tensor=tensor, **others))


def test_one_target_needs_the_name_alone():
    (target,) = declared("C", "elastic", unit="GPa")
    assert target.tensor == NAMED["elastic"]
    text = about_target(target)
    assert "6x6 in Voigt's notation (xx, yy, zz, yz, xz, xy; no factors, as a stress)" in text
    assert text.endswith("printed by subscripts, 11 to 66.")


def test_of_several_each_tensor_is_named():
    targets = declared(["gap", "eps", "d"], ["eps=dielectric", "d=piezoelectric-strain"])
    assert [target.tensor.rank for target in targets] == [0, 2, 3]
    assert "factors 2 as strains have" in about_target(targets[2])


@pytest.mark.parametrize(
    ("target", "tensor", "reason"),
    [
        ("C", "elastik", "data.tensor must be one of vector, axial-vector, dielectric"),
        (["gap", "eps"], "dielectric", "say of which target 'dielectric' is, as gap=dielectric"),
        (["gap", "eps"], "epsilon=dielectric", "names 'epsilon', which is no target"),
    ],
)
def test_what_cannot_be_declared_is_an_error(target, tensor, reason):
    with pytest.raises(ConfigError, match=reason):
        declared(target, tensor)


def test_a_tensor_is_no_list():
    with pytest.raises(ConfigError, match=r"data.size is for lists of invariants, and 'C'"):
        declared("C", "elastic", size=6)
