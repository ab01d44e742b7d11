"""Voigt's notation against pymatgen and against the work that strains do."""

import numpy as np
import pytest

from xtalgraph.conventions.tensors import TensorType
from xtalgraph.conventions.voigt import (
    NAMED,
    from_subscripts,
    from_voigt,
    name_of,
    subscripts,
    to_subscripts,
    to_voigt,
    voigt_shape,
)

RNG = np.random.default_rng(4)


def drawn(tensor, rows=()):
    return tensor.from_components(RNG.normal(size=(*rows, tensor.num_components)))


@pytest.mark.parametrize("name", NAMED)
def test_every_form_goes_there_and_back(name):
    tensor = NAMED[name]
    values = drawn(tensor, rows=(2, 3))
    form = to_voigt(tensor, values)
    assert form.shape == (2, 3, *voigt_shape(tensor))
    np.testing.assert_allclose(from_voigt(tensor, form), values, atol=1e-12)
    printed = to_subscripts(tensor, values)
    assert printed.shape == (2, 3, len(subscripts(tensor)))
    np.testing.assert_allclose(from_subscripts(tensor, printed), values, atol=1e-12)
    assert name_of(tensor) == name


def test_it_is_that_of_pymatgen():
    from pymatgen.analysis.elasticity import ComplianceTensor, ElasticTensor
    from pymatgen.analysis.piezo import PiezoTensor

    matrix = RNG.normal(size=(6, 6))
    matrix = matrix + matrix.T + 12.0 * np.eye(6)
    stiffness = ElasticTensor.from_voigt(matrix)
    np.testing.assert_allclose(from_voigt(NAMED["elastic"], matrix), stiffness, atol=1e-12)
    compliance = np.linalg.inv(matrix)
    np.testing.assert_allclose(
        from_voigt(NAMED["compliance"], compliance),
        ComplianceTensor.from_voigt(compliance),
        atol=1e-12,
    )
    small = RNG.normal(size=(3, 6))
    np.testing.assert_allclose(
        from_voigt(NAMED["piezoelectric"], small), PiezoTensor.from_voigt(small), atol=1e-12
    )


def test_piezoelectric_strain_constants_give_the_strain_of_a_field():
    given, field = RNG.normal(size=(3, 6)), RNG.normal(size=3)
    full = from_voigt(NAMED["piezoelectric-strain"], given)
    strain = np.einsum("kij,k->ij", full, field)
    engineering = field @ given
    np.testing.assert_allclose(np.diag(strain), engineering[:3])
    np.testing.assert_allclose(2 * strain[[1, 0, 0], [2, 2, 1]], engineering[3:])


def test_subscripts_are_those_of_textbooks():
    stiffness = np.zeros((6, 6))
    stiffness[3, 3], stiffness[0, 1], stiffness[1, 0] = 80.0, 60.0, 60.0
    elastic = NAMED["elastic"]
    printed = to_subscripts(elastic, from_voigt(elastic, stiffness))
    named = dict(zip(subscripts(elastic), printed.tolist(), strict=True))
    assert {key for key, value in named.items() if value} == {12, 44}
    assert (named[44], named[12]) == (80.0, 60.0)
    assert subscripts(NAMED["piezoelectric"])[3] == 14
    assert subscripts(TensorType(2)) == (11, 12, 13, 21, 22, 23, 31, 32, 33)


@pytest.mark.parametrize(
    ("name", "count"), [("vector", 0), ("dielectric", 1), ("piezoelectric", 0), ("elastic", 2)]
)
def test_isotropic_tensors_are_those_of_the_degree_zero(name, count):
    tensor = NAMED[name]
    assert len(tensor.isotropic) == count
    assert count == sum(irrep == (0, 1) for irrep in tensor.irreps)
    values = drawn(tensor)
    part = tensor.isotropic_part(values)
    np.testing.assert_allclose(tensor.isotropic_part(part), part, atol=1e-12)
    if name == "dielectric":
        np.testing.assert_allclose(part, np.trace(values) / 3 * np.eye(3), atol=1e-12)
