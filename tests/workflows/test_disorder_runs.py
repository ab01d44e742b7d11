"""A series of solid solutions, trained, remembered and predicted; what cannot read it says so."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from xtalgraph.cli.graph import graph
from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.writing import to_cif
from xtalgraph.models.predictor import Predictor
from xtalgraph.models.upgrades import FORMAT
from xtalgraph.workflows.diagnose import diagnose
from xtalgraph.workflows.evaluate import evaluate
from xtalgraph.workflows.predict import predict
from xtalgraph.workflows.report import report
from xtalgraph.workflows.train import train
from xtalgraph.workflows.verify import verify

EDGE = {11: 5.64, 19: 6.29, 37: 6.58}
LEVEL = {11: 0.0, 19: 1.0, 37: 1.4}
ANION = {9: -1.0, 17: 0.0, 35: 0.4}


def solution(one: int, other: int, x: float, anion: int = 17) -> Crystal:
    """Rock salt of two cations, on a lattice after Vegard."""
    edge = (1 - x) * EDGE[one] + x * EDGE[other]
    held = {one: 1.0} if one == other else {one: 1 - x, other: x}
    sites = np.array([[0, 0, 0], [edge / 2] * 3])
    return Crystal.from_sites(edge / 2 * (1 - np.eye(3)), sites, [held, {anion: 1.0}])


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rows = [
        {
            "id": f"{one}-{other}-{anion}-{x:g}",
            "cif": to_cif(solution(one, other, x, anion)),
            "y": (1 - x) * LEVEL[one] + x * LEVEL[other] + ANION[anion],
        }
        for one, other in ((11, 19), (19, 37), (11, 37))
        for anion in ANION
        for x in (0.1, 0.25, 0.4, 0.6, 0.75, 0.9)
    ]
    rows += [
        {"id": f"{z}-{a}", "cif": to_cif(solution(z, z, 0.0, a)), "y": LEVEL[z] + ANION[a]}
        for z in LEVEL
        for a in ANION
    ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def run(table, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mixed") / "run"
    settings = ["training.batch_size=8", "model.width=32", "model.filters=32", "model.depth=1"]
    return train(
        table,
        target="y",
        out=folder,
        epochs=30,
        model="schnet",
        disorder="mix",
        overrides=settings,
        progress=False,
    ).folder


def test_the_default_refuses_and_says_what_can_be_done(table, tmp_path):
    with pytest.raises(InputError, match="partial occupancy"):
        train(table, target="y", out=tmp_path / "run", epochs=1, progress=False)


def test_a_series_is_predicted_between_its_ends(run):
    series = [solution(11, 19, x) for x in (0.0, 0.25, 0.5, 0.75, 1.0)]
    said = Predictor.load(run).predict(series)["prediction"].to_numpy()
    assert (np.diff(said) > 0).all()
    assert said == pytest.approx([0, 0.25, 0.5, 0.75, 1], abs=0.3)


def test_the_run_remembers_the_choice_and_can_be_told_another(run, table, tmp_path):
    half = table[table["id"] == "11-19-17-0.4"]
    remembered = predict(run, half, out=tmp_path / "a.csv", progress=False)
    assert (remembered.good, remembered.bad) == (1, 0)
    told = predict(run, half, out=tmp_path / "b.csv", disorder="refuse", progress=False)
    assert (told.good, told.bad) == (0, 1)
    assert "partial occupancy" in (tmp_path / "b.csv").read_text(encoding="utf-8")
    found = evaluate(run, table, progress=False)
    assert found["crystals"] == len(table)
    assert not found["rejected"]
    assert json.loads((run / "model.json").read_text(encoding="utf-8"))["format"] == FORMAT


def test_a_vacancy_that_no_training_crystal_has_is_new(run):
    edge = EDGE[11]
    sites = np.array([[0, 0, 0], [edge / 2] * 3])
    cell = edge / 2 * (1 - np.eye(3))
    poor = Crystal.from_sites(cell, sites, [{11: 0.9}, {17: 1.0}])
    said = Predictor.load(run).predict([poor])
    assert said["unseen"].tolist() == ["vacancy"]
    assert np.isfinite(said["prediction"]).all()


def test_a_run_on_vacancies_is_read_again_and_knows_them(tmp_path):
    cell, sites = 2.98 * (1 - np.eye(3)), np.array([[0, 0, 0], [2.98] * 3])
    poor = [
        Crystal.from_sites(cell * (1 + 0.01 * n), sites * (1 + 0.01 * n), [{11: x}, {17: 1.0}])
        for n in range(8)
        for x in (0.6, 0.9)
    ]
    rows = [{"cif": to_cif(one), "y": float(one.num_atoms)} for one in poor]
    options = {"target": "y", "kind": "extensive", "disorder": "mix", "model": "gcn", "epochs": 2}
    run = train(pd.DataFrame(rows), out=tmp_path / "run", progress=False, **options)
    said = Predictor.load(run.folder).predict(poor[:2])
    assert said["unseen"].tolist() == ["", ""]
    assert report(run.folder).is_file()


def test_verify_holds_for_mixtures(run, table):
    found = verify(run, on=table.head(2), sample=2, progress=False)
    assert not found.verification.failures


def test_what_reads_one_element_says_so(run, table):
    with pytest.raises(InputError, match="diagnose reads one atom on each site, and 54 crystals"):
        diagnose(run, table, progress=False)


def test_an_ordering_has_no_total_of_the_cell_of_its_file(table, tmp_path):
    few = table[table["id"].isin(["11-19-17-0.25", "11-17"])]
    options = {"target": "y", "kind": "extensive", "disorder": "order", "epochs": 1}
    with pytest.raises(InputError, match=r"the ordering has 4 times the cell.* the total 'y'"):
        train(few, out=tmp_path / "run", progress=False, **options)


def test_an_atomic_target_has_no_value_on_a_mixture(table, tmp_path):
    for disorder in ("mix", "order"):
        with pytest.raises(ConfigError, match="'y' is declared atomic"):
            train(
                table,
                target="y",
                kind="atomic",
                disorder=disorder,
                out=tmp_path / "run",
                progress=False,
            )


def test_the_graph_of_a_file_on_the_command_line(tmp_path):
    path = tmp_path / "half.cif"
    path.write_text(to_cif(solution(11, 19, 0.5)), encoding="utf-8")
    unsupported = CliRunner().invoke(graph, [str(path)], standalone_mode=False)
    assert unsupported.return_value == 1
    assert "partial occupancy" in unsupported.output
    mixed = CliRunner().invoke(graph, [str(path), "--disorder", "mix"])
    assert mixed.exit_code == 0
    assert "K0.5Na0.5Cl" in mixed.output
    assert "(K0.5Na0.5)6" in mixed.output
    ordered = CliRunner().invoke(graph, [str(path), "--disorder", "order"])
    assert ordered.exit_code == 0
    assert "KNaCl2" in ordered.output
