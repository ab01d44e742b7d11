"""Crystals that the neighbour strategy refuses are rows with a reason, and stop nothing else."""

import csv

import pandas as pd
import pytest

import xtalgraph
from xtalgraph.conventions.errors import ConfigError, GraphError, InputError
from xtalgraph.graphs.nearest import KNearest

SETTINGS = [
    "model.width=12",
    "model.depth=2",
    "training.batch_size=8",
    "training.threads=1",
    "graph.strategy=knn",
    "graph.cutoff=5.5",
]
REASON = "the 12 nearest neighbours of every atom must lie within 5.5 Å"


@pytest.fixture
def mixed(table, stretched, tmp_path):
    """The table with two crystals among them that cannot be served."""
    rows = pd.concat([table[:7], stretched[:1], table[7:30], stretched[1:], table[30:]])
    path = tmp_path / "mixed.csv"
    rows.drop(columns=["structure", "charges"]).to_csv(path, index=False)
    return path


def train(data, out, **options):
    given = {"target": "energy", "kind": "extensive", "epochs": 2, "progress": False}
    return xtalgraph.train(data, out=out, **{"overrides": SETTINGS, **given, **options})


def rejected_of(folder):
    with (folder / "rejected.csv").open(encoding="utf-8") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def test_a_training_stops_before_it_starts_and_names_them_all(mixed, tmp_path):
    with pytest.raises(InputError, match="2 rows cannot be used") as caught:
        train(mixed, tmp_path / "run")
    assert f"row 7): {REASON}" in str(caught.value)
    found = rejected_of(tmp_path / "run")
    assert {name: row["row"] for name, row in found.items()} == {"wide0": "7", "wide1": "31"}
    assert not (tmp_path / "run" / "config.yaml").exists()


def test_a_training_without_them_is_that_of_a_table_without_them(mixed, knn_run, tmp_path):
    done = train(mixed, tmp_path / "run", on_error="skip").folder
    assert set(rejected_of(done)) == {"wide0", "wide1"}
    for name in ("predictions/energy.csv", "split.json", "model.safetensors"):
        assert (done / name).read_bytes() == (knn_run / name).read_bytes(), name


@pytest.mark.long
def test_other_bad_rows_are_told_with_them(mixed, tmp_path):
    rows = pd.read_csv(mixed)
    rows.loc[3, "cif"] = rows.loc[3, "cif"][:200]
    rows.to_csv(mixed, index=False)
    done = train(mixed, tmp_path / "run", on_error="skip").folder
    assert [row["row"] for row in rejected_of(done).values()] == ["3", "7", "31"]


def test_where_all_are_refused_nothing_is_trained(stretched, tmp_path):
    with pytest.raises(GraphError, match=f"of any of the 2 crystals: {REASON}"):
        train(stretched, tmp_path / "run", on_error="skip")


@pytest.mark.long
def test_the_neighbours_of_good_crystals_are_searched_once(csv_path, tmp_path, monkeypatch):
    seen = []
    search = KNearest.edges

    def counting(self, crystal):
        seen.append(crystal)
        return search(self, crystal)

    monkeypatch.setattr(KNearest, "edges", counting)
    train(csv_path, tmp_path / "run", overrides=[*SETTINGS, "data.store=false"])
    assert len(seen) == 48


def test_a_split_that_cannot_be_is_refused_before_the_graphs_are_built(
    csv_path, tmp_path, monkeypatch
):
    monkeypatch.setattr(KNearest, "edges", lambda *_: pytest.fail("graphs are built"))
    with pytest.raises(ConfigError, match="did you mean 'part'"):
        train(csv_path, tmp_path / "run", split="column:prat")


def test_predict_gives_them_their_reason(knn_run, mixed, tmp_path, caplog):
    with caplog.at_level("WARNING", logger="xtalgraph"):
        done = xtalgraph.predict(knn_run, mixed, out=tmp_path / "p.csv", progress=False)
    assert (done.good, done.bad) == (48, 2)
    found = pd.read_csv(done.path).set_index("id")
    bad = found[found["prediction"].isna()]
    assert list(bad.index) == ["wide0", "wide1"]
    assert bad["error"].str.startswith(REASON).all()
    alone = xtalgraph.load(knn_run).predict(mixed.parent / "mixed.csv").set_index("id")
    rest = found["prediction"].dropna()
    pd.testing.assert_series_equal(rest, alone["prediction"].dropna())
    own = pd.read_csv(knn_run / "predictions" / "energy.csv").set_index("id")["prediction"]
    pd.testing.assert_series_equal(rest[own.index], own, rtol=1e-4)


def test_predict_stops_at_them_where_it_should(knn_run, mixed, tmp_path):
    with pytest.raises(InputError, match=f"wide0: {REASON}"):
        xtalgraph.predict(knn_run, mixed, out=tmp_path / "p.csv", on_error="raise", progress=False)


def test_evaluate_leaves_them_out_and_says_so(knn_run, mixed, csv_path, caplog):
    with caplog.at_level("WARNING", logger="xtalgraph"):
        found = xtalgraph.evaluate(knn_run, mixed, progress=False)
    assert "2 rows cannot be used" in caplog.text
    assert [row["id"] for row in found["rejected"]] == ["wide0", "wide1"]
    assert found["crystals"] == 48
    whole = xtalgraph.evaluate(knn_run, csv_path, progress=False)
    mae = whole["targets"]["energy"]["metrics"]["mae"]["value"]
    assert found["targets"]["energy"]["metrics"]["mae"]["value"] == pytest.approx(mae, rel=1e-5)
    with pytest.raises(InputError, match="2 rows cannot be used"):
        xtalgraph.evaluate(knn_run, mixed, on_error="raise", progress=False)


def test_where_all_are_refused_there_is_nothing_to_evaluate(knn_run, stretched):
    with pytest.raises(InputError, match="2 were rejected"):
        xtalgraph.evaluate(knn_run, stretched, progress=False)
