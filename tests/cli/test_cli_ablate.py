"""`xtalgraph ablate`."""

import pytest

from xtalgraph.data.ionic.load import ionic_perovskites


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "ionic.parquet"
    ionic_perovskites(40).to_parquet(path, index=False)
    return path


@pytest.mark.long
def test_a_grid_prints_its_table_and_names_its_page(small, tmp_path, xtalgraph_command):
    out = tmp_path / "grid"
    settings = [f"--set={s}" for s in ("model.width=8", "training.threads=1")]
    told = ["--target", "excess_energy", "--kind", "extensive", "--epochs", 1, "--quiet"]
    sweeps = ["--sweep", "model.depth=1", "--sweep", "graph.max_neighbors=6,12"]
    code, text, _ = xtalgraph_command("ablate", small, "--out", out, *told, *settings, *sweeps)
    assert code == 0
    assert "validation MAE" in text
    assert "Lowest validation error: model.depth" in text
    assert (out / "ablate.html").is_file()
    assert len(list((out / "points").iterdir())) == 2


def test_lists_of_folds_are_numbers(small, tmp_path, xtalgraph_command):
    code, _, error = xtalgraph_command(
        "ablate", small, "--out", tmp_path / "g", "--sweep", "model.depth=1", "--fold", "0,x"
    )
    assert code == 2
    assert "'x' is not a valid integer" in error
