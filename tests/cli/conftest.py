"""Run the command in this process."""

import logging
from collections.abc import Callable

import numpy as np
import pytest

from xtalgraph.cli.main import main
from xtalgraph.crystals import transforms
from xtalgraph.crystals.writing import write_cif
from xtalgraph.testing.crystals import contract_crystals


@pytest.fixture(scope="session", autouse=True)
def quick(without_report) -> None:
    """Train without a report; a test that reads one asks for it."""


@pytest.fixture
def xtalgraph_command(capsys) -> Callable[..., tuple[int, str, str]]:
    """Run `xtalgraph ...`; return its exit code and what it printed."""

    def run(*args: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(arg) for arg in args])
        printed = capsys.readouterr()
        logging.getLogger("xtalgraph").handlers.clear()
        logging.getLogger("xtalgraph").propagate = True
        return int(ended.value.code or 0), printed.out, printed.err

    return run


@pytest.fixture
def quick_training(tmp_path) -> list[str]:
    """The words of a training that takes a second, but for its --out."""
    folder = tmp_path / "data"
    folder.mkdir()
    strains = np.linspace(-0.05, 0.05, 20)
    for i, strain in enumerate(strains):
        crystal = transforms.strain(contract_crystals()["cubic"], strain * np.eye(3))
        write_cif(crystal, folder / f"s{i}.cif")
    (folder / "id_prop.csv").write_text("".join(f"s{i},{s}\n" for i, s in enumerate(strains)))
    words = ["train", str(folder), "--quiet", "--model", "cgcnn", "--target", "target"]
    words += ["--epochs", "6"]
    for setting in ("model.width=8", "model.depth=1", "training.threads=1"):
        words += ["--set", setting]
    return words
