"""A model of another package as a run folder: what it predicts, and what it is not."""

from pathlib import Path

import numpy as np
import pytest

import xtalgraph
from xtalgraph.cli.main import main
from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.crystals.convert import to_ase
from xtalgraph.crystals.crystal import Crystal

ARCHIVE = Path(__file__).parents[1] / "models" / "references" / "salt.npz"


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    with np.load(ARCHIVE) as archive:
        return dict(archive)


@pytest.fixture(scope="module")
def crystal(arrays) -> Crystal:
    return Crystal(
        *(arrays[f"crystal0/{name}"] for name in ("cell", "positions", "numbers", "pbc"))
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return xtalgraph.convert(ARCHIVE, out=tmp_path_factory.mktemp("converted") / "run").folder


def test_the_calculator_has_its_energy_forces_and_stress(run, arrays, crystal):
    atoms = to_ase(crystal)
    atoms.calc = xtalgraph.calculator(run)
    assert atoms.get_potential_energy() == pytest.approx(arrays["crystal0/energy"].item(), rel=1e-9)
    np.testing.assert_allclose(atoms.get_forces(), arrays["crystal0/forces"], rtol=0, atol=1e-9)
    stress = arrays["crystal0/stress"].reshape(3, 3)
    np.testing.assert_allclose(atoms.get_stress(voigt=False), stress, rtol=0, atol=1e-11)
    assert atoms.calc.compiled is None
    assert xtalgraph.calculator(run, compile=True).compiled is not None


def test_it_predicts(run, arrays, crystal):
    table = xtalgraph.load(run).predict([crystal])
    predicted = table.loc[table.property == "energy", "prediction"].item()
    assert predicted == pytest.approx(arrays["crystal0/energy"].item(), rel=1e-9)


def test_it_is_verified_on_built_in_crystals_of_its_elements(run):
    verified = xtalgraph.verify(run, sample=1, progress=False)
    assert verified.document["part"] == "built-in"
    assert verified.verification is not None
    assert verified.verification.failures == ()


def test_the_command_says_what_came_of_it(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["convert", str(ARCHIVE), "--out", str(tmp_path / "run")])
    assert not ended.value.code
    assert capsys.readouterr().out == f"mace, 4.5 Å, Na, Cl: {tmp_path / 'run'}\n"


def test_what_is_no_archive_is_an_error(tmp_path):
    table = tmp_path / "a.npz"
    table.write_text("id,energy\n")
    with pytest.raises(InputError, match="is no archive of plain weights"):
        xtalgraph.convert(table, out=tmp_path / "run")
    np.savez(table, positions=np.zeros(3))
    with pytest.raises(InputError, match="no archive of weights that can be read"):
        xtalgraph.convert(table, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_weights_that_are_missing_are_named(tmp_path, arrays):
    np.savez(tmp_path / "a.npz", **{k: v for k, v in arrays.items() if k != "layer0/up/0e"})
    with pytest.raises(InputError, match="lacks 'up/0e'"):
        xtalgraph.convert(tmp_path / "a.npz", out=tmp_path / "run")


def test_no_folder_is_written_over(tmp_path):
    with pytest.raises(ConfigError, match="is there already"):
        xtalgraph.convert(ARCHIVE, out=tmp_path)
