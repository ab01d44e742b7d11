"""What a basis tells of itself is what it was made of, not what was asked for."""

import re
from typing import get_args

import pytest
import torch
from torch import nn

from xtalgraph.nn.angular import (
    AngularName,
    FourierBasis,
    SphericalBesselBasis,
    make_angular_basis,
)
from xtalgraph.nn.basis import describe_bases
from xtalgraph.nn.radial import BasisName, GaussianBasis, NoBasis, RadialBasis, make_basis


@pytest.mark.parametrize("name", get_args(BasisName))
def test_the_number_of_functions_is_that_of_the_columns(name):
    basis = make_basis(name, 6.0, size=7)
    columns = basis(torch.tensor([1.0, 2.0])).shape[1]
    assert int(re.match(r"\d+", basis.description)[0]) == columns == basis.size
    assert f" {basis.reach:g} Å" in basis.description


def test_a_grid_is_described_as_it_was_made():
    basis = GaussianBasis(0.0, 5.05, 0.2, 0.3)  # 0.2 Å does not go into 5.05 Å
    step = float(basis.centers[1] - basis.centers[0])
    assert basis.description == (
        f"26 Gaussians from 0 to 5.05 Å every {step:.4g} Å, standard deviation 0.3 Å"
    )
    assert f"{step:.4g}" == "0.202"


@pytest.mark.parametrize("name", get_args(AngularName))
def test_angular_bases_count_their_columns(name):
    basis = make_angular_basis(name, 5)
    assert basis.description.startswith(f"{basis(torch.tensor([0.3])).shape[1]} ")


def test_a_model_tells_each_basis_once_and_not_its_parts():
    model = nn.ModuleList(
        [make_basis("bessel", 5.0, size=4), SphericalBesselBasis(4.0, 3, 2), FourierBasis(2)]
    )
    assert describe_bases(nn.ModuleList([model, model])) == {
        "radial basis": "4 Bessel functions up to 5 Å",
        "angular basis": "3 spherical harmonics of the angle, each times 2 spherical Bessel "
        "functions up to 4 Å",
        "dihedral basis": "cosines of 1 to 2 times the angle",
    }
    assert describe_bases(nn.Linear(2, 2)) == {}


def test_no_basis_has_no_columns():
    basis: RadialBasis = NoBasis()
    assert basis(torch.rand(3)).shape == (3, basis.size)
    assert describe_bases(basis) == {"radial basis": "none: distances are not read"}
