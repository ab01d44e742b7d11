"""Generators on the command line."""

import numpy as np
import pandas as pd
import pytest

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.writing import to_cif

SMALL = ["generator.atom_width=8", "generator.passes=1", "generator.waves=2"]
SITES = np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0]])


@pytest.fixture
def trained(tmp_path, xtalgraph_command):
    """The folder of a run, and what its command said."""
    rows = [
        to_cif(Crystal.from_fractional((3.7 + 0.02 * n) * np.eye(3), SITES, np.array(numbers)))
        for n, numbers in enumerate([[12, 22, 8], [20, 22, 8], [38, 40, 8], [56, 40, 16]] * 3)
    ]
    pd.DataFrame({"cif": rows}).to_csv(tmp_path / "t.csv", index=False)
    settings = [word for setting in SMALL for word in ("--set", setting)]
    code, shown, told = xtalgraph_command(
        "train-generator", tmp_path / "t.csv", "--out", tmp_path / "run", "--epochs", "1",
        "--quiet", *settings,
    )  # fmt: skip
    assert code == 0, told
    return tmp_path / "run", shown


def test_the_losses_are_said_and_the_card_says_what_it_is(trained, xtalgraph_command):
    folder, shown = trained
    assert "sites" in shown
    assert "shapes" in shown
    assert str(folder / "report.html") in shown
    code, card, _ = xtalgraph_command("models", "info", folder)
    assert code == 0
    assert "it predicts nothing" in card
    assert "6 train" in card


def test_a_generator_is_compared_with_baselines(trained, tmp_path, xtalgraph_command):
    folder, _ = trained
    code, shown, told = xtalgraph_command(
        "assess-generator", folder, "--out", tmp_path / "assessed", "--crystals", "1",
        "--copies", "1", "--steps", "2", "--quiet",
    )  # fmt: skip
    assert code == 0, told
    sources = [line.split("  ")[0] for line in shown.splitlines()[1:5]]
    assert sources == ["model", "nearest template", "commonest prototype", "random search"]
    assert str(tmp_path / "assessed" / "generated.html") in shown
