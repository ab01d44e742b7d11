"""Any calculator of ASE is checked: what is wrong is found, and what is right passes."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.convert import from_ase
from xtalgraph.evidence.calculator_checks import CalculatorUnderTest, check_calculator, largest_step
from xtalgraph.evidence.energy_conservation import check_conservation, conservation
from xtalgraph.evidence.text.verification import about_reason
from xtalgraph.models.check_result import Reason, Status


class Changed(EMT):
    """Copper with something wrong."""

    def __init__(self, change) -> None:
        super().__init__()
        self.change = change

    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        self.change(self.results, self.atoms)


def scaled(results, atoms):
    results["forces"] = 1.05 * results["forces"]


def signed_volume(results, atoms):
    results["stress"] = np.sign(np.linalg.det(atoms.cell.array)) * results["stress"]


def lopsided(results, atoms):
    results["forces"] = results["forces"] + [0.01, 0.0, 0.0]


def on_axes(results, atoms):
    results["energy"] += 0.05 * float(np.cos(atoms.positions[:, 0]).sum())


def counting_twice(results, atoms):
    results["energy"] += 0.02 * len(atoms) ** 2


def of_the_mean(results, atoms):
    """Extensive, and yet of all atoms together: what a pooled embedding times N is."""
    kinetic = float(np.square(results["forces"]).mean())
    results["energy"] += 0.01 * len(atoms) * kinetic**2


def rounded(results, atoms):
    for name in ("energy", "forces", "stress"):
        results[name] = np.asarray(results[name], dtype=np.float32).astype(float)


@pytest.fixture(scope="module")
def crystals():
    made = {}
    for name, seed in (("first", 0), ("second", 1)):
        atoms = bulk("Cu", cubic=True)
        atoms.rattle(0.05, seed=seed)
        made[name] = from_ase(atoms)
    return made


def failures(calculator, crystals, **options) -> set[str]:
    results = list(check_calculator(CalculatorUnderTest(calculator), crystals, **options))
    assert len(results) >= 13 - 2 * (not options.get("dynamics", True))
    return {one.check for one in results if not one.passed}


def test_a_right_one_passes(crystals):
    assert failures(EMT(), crystals) == set()


@pytest.mark.parametrize(
    ("change", "caught"),
    [
        (scaled, {"derivatives of the energy"}),
        (signed_volume, {"reflection", "lattice basis"}),
        (lopsided, {"derivatives of the energy", "sum of forces", "rotation", "reflection"}),
        (on_axes, {"derivatives of the energy", "translation"}),
        (counting_twice, {"supercell", "far fragments add up"}),
        (of_the_mean, {"far fragments add up"}),
    ],
)
def test_what_is_wrong_is_caught(change, caught, crystals):
    first = {"first": crystals["first"]}
    assert caught <= failures(Changed(change), first, dynamics=False)


def test_single_precision_is_no_failure(crystals):
    assert failures(Changed(rounded), crystals, dynamics=False) == set()


@pytest.mark.parametrize(("element", "cutoff"), [("Cu", 4.0), ("Si", 5.0)])
def test_a_hard_cutoff_is_a_step_wherever_it_is(element, cutoff):
    perfect = from_ase(bulk(element, cubic=True))
    options = {"sigma": 2.2, "epsilon": 0.2, "rc": cutoff, "ro": 0.6 * cutoff}
    hard, smooth = (
        CalculatorUnderTest(LennardJones(**options, smooth=is_smooth))
        for is_smooth in (False, True)
    )
    assert max(largest_step(hard, perfect).values()) > 1e-4
    assert max(largest_step(smooth, perfect).values()) < 1e-8


def test_a_hard_cutoff_fails_by_its_step(crystals):
    first = {"first": crystals["first"]}
    hard = LennardJones(sigma=2.3, epsilon=0.2, rc=5.0)
    assert failures(hard, first, dynamics=False) == {"steps under strain"}
    smooth = LennardJones(sigma=2.3, epsilon=0.2, rc=5.0, smooth=True)
    assert failures(smooth, first, dynamics=False) == set()


def fragments_of(calculator, crystals):
    results = check_calculator(CalculatorUnderTest(calculator), crystals, dynamics=False)
    return next(one for one in results if one.check == "far fragments add up")


def test_a_calculator_without_empty_space_is_verified_on_the_rest(crystals, caplog):
    def dense_only(results, atoms):
        if atoms.get_volume() > 50.0 * len(atoms):
            raise ValueError("isolated atoms")

    found = fragments_of(Changed(dense_only), crystals)
    assert found.status is Status.NOT_APPLICABLE
    assert "isolated atoms" in caplog.text


def test_forces_that_are_no_derivative_do_not_keep_the_energy(crystals):
    right, wrong = (
        conservation(EMT(), crystals["first"]),
        conservation(Changed(scaled), crystals["first"]),
    )
    assert right.order == pytest.approx(2.0, abs=0.2)
    assert wrong.order < 0.5
    assert right.atoms >= 8
    assert abs(right.drift) < 1e-2 * right.kinetic


def test_a_trajectory_that_ends_is_a_failure(crystals, caplog):
    def bottomless(results, atoms):
        results["energy"] = np.nan

    (found,) = check_conservation(Changed(bottomless), crystals)
    assert not found.passed
    assert found.reason is Reason.ENDED
    assert "not finite" in caplog.text


def test_the_crystal_nearest_to_equilibrium_is_moved(crystals):
    gentle = {**crystals, "perfect": from_ase(bulk("Cu", cubic=True))}
    drift, error = check_conservation(EMT(), gentle)
    assert (drift.crystal, drift.unit) == ("perfect", "eV/ps")
    assert "divides it by 4" in about_reason(error.as_dict())


def test_what_is_no_calculator_is_refused():
    with pytest.raises(InputError, match="must be one of ASE"):
        CalculatorUnderTest(3)
