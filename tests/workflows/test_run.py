"""A run opened again: the same crystals in the same parts, or a reason."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from xtalgraph.conventions.errors import InputError, RunError
from xtalgraph.models.manifest import write_manifest
from xtalgraph.workflows.run import Run


def test_the_data_of_a_run_are_read_again_as_they_were(run):
    opened = Run.open(run)
    data = opened.data()
    stated = pd.read_csv(run / "predictions" / "energy.csv").set_index("id")
    assert sum(len(rows) for rows in data.split.parts().values()) == len(data.dataset.table)
    for part, rows in data.split.parts().items():
        ids = [data.dataset.table.ids[i] for i in rows]
        assert list(stated.index[stated["split"] == part]) == ids
        values = data.dataset.labels.of("energy", rows)
        np.testing.assert_array_equal(values, stated.loc[ids, "target"])
    crystals = [data.dataset.table.crystals[i] for i in data.split.test]
    (said,) = opened.predictor.predict_crystals(crystals).predictions.values.arrays.values()
    ids = [data.dataset.table.ids[i] for i in data.split.test]
    np.testing.assert_allclose(said, stated.loc[ids, "prediction"], rtol=1e-5)


def test_other_data_than_those_of_the_run_are_refused(run, table, tmp_path):
    moved = table.drop(columns=["structure", "charges"]).assign(energy=table["energy"] + 1e-9)
    moved.to_csv(tmp_path / "moved.csv", index=False)
    with pytest.raises(InputError, match="are not those that"):
        Run.open(run).data(tmp_path / "moved.csv")
    with pytest.raises(InputError, match="not there"):
        Run.open(run).data(tmp_path / "gone.csv")


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(RunError, match="holds no model"):
        Run.open(tmp_path)


def test_a_run_from_before_manifests_is_read_with_a_warning(run, table, tmp_path, caplog):
    old = shutil.copytree(run, tmp_path / "run")
    (old / "manifest.json").unlink()
    document = json.loads((old / "model.json").read_text())
    document["manifest"] = False
    (old / "model.json").write_text(json.dumps(document))
    assert Run.is_finished(old)
    crystal = table["structure"].tolist()[:1]
    with caplog.at_level("WARNING", logger="xtalgraph"):
        said = Run.open(old).predictor.predict(crystal)
    assert "wrote no manifest" in caplog.text
    pd.testing.assert_frame_equal(said, Run.open(run).predictor.predict(crystal))


@pytest.mark.parametrize("harm", [{"test": 7}, {"test": ["nowhere"]}, {"data_sha256": None}, {}])
def test_a_division_of_another_run_is_refused(run, tmp_path, harm):
    folder = shutil.copytree(run, tmp_path / "run")
    path = folder / "split.json"
    document = json.loads(path.read_text()) | harm if harm else {}
    path.write_text(json.dumps(document))
    write_manifest(folder)
    with pytest.raises((RunError, InputError)):
        Run.open(folder).data()
