"""The command as a stranger uses it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from xtalgraph.cli.main import VERBS
from xtalgraph.crystals import transforms
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.writing import write_cif
from xtalgraph.graphs.neighbors import neighbors_within
from xtalgraph.graphs.strategies import strategy_spec
from xtalgraph.models.checkpoint import save_model
from xtalgraph.testing.crystals import contract_crystals
from xtalgraph.workflows.config import RunConfig

ROCK_SALT = Crystal.from_fractional(
    2.82 * (np.ones((3, 3)) - np.eye(3)), np.array([[0, 0, 0], [0.5] * 3]), np.array([11, 17])
)
SMALL = ["--quiet"]
for setting in ("model.width=12", "model.depth=2", "training.threads=1"):
    SMALL += ["--set", setting]


@pytest.fixture
def salt(tmp_path) -> Path:
    return write_cif(ROCK_SALT, tmp_path / "NaCl.cif") or tmp_path / "NaCl.cif"


@pytest.fixture
def cgcnn_folder(tmp_path) -> Path:
    """The layout of the CGCNN code, without its atom_init.json."""
    folder = tmp_path / "cgcnn"
    folder.mkdir()
    rng = np.random.default_rng(0)
    lines = []
    for i in range(30):
        crystal = transforms.strain(
            contract_crystals()["cubic"], np.diag(rng.uniform(-0.06, 0.06, 3))
        )
        write_cif(crystal, folder / f"s{i}.cif")
        lines.append(f"s{i},{np.exp(-neighbors_within(crystal, 5.0).distance).sum()}\n")
    (folder / "id_prop.csv").write_text("".join(lines))
    return folder


def test_help_lists_every_verb_and_train_fits_on_a_screen(xtalgraph_command):
    code, out, _ = xtalgraph_command("--help")
    assert code == 0
    assert all(verb in out for verb in VERBS)
    code, out, _ = xtalgraph_command("train", "--help")
    assert code == 0
    assert len(out.splitlines()) <= 53
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["trian"], "did you mean 'train'"),
        (["train", "x.csv", "--targt", "y", "--out", "r"], "--target"),
        (
            ["train", "x.csv", "--target", "y", "--out", "r", "--set", "training.epohcs=3"],
            "did you mean 'epochs'",
        ),
        (["train", "gone.csv", "--target", "y", "--out", "r"], "gone.csv"),
        (["train", "x.csv", "--target", "y", "--out", "r", "--model", "cgcn"], "'cgcnn'"),
        (["predict", "nowhere", "x.cif", "--out", "p.csv"], "no run folder"),
        (["report", "nowhere"], "no run folder"),
        (["graph", "nothing.cif"], "nothing.cif"),
        (["data", "fetch", "matbench_phonon"], "did you mean 'matbench_phonons'"),
    ],
)
def test_mistakes_end_with_a_message_and_exit_code_2(
    xtalgraph_command, args, said, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.csv").write_text("id,cif,y\n", encoding="utf-8")
    code, out, err = xtalgraph_command(*args)
    assert code == 2
    assert said in err
    assert "Traceback" not in out + err


def test_graph_in_words_json_and_pictures(xtalgraph_command, salt, tmp_path):
    code, out, _ = xtalgraph_command("graph", salt, "--cutoff", 4)
    assert code == 0
    assert "2 atoms, 36 directed edges of 2.820 to 3.988 Å; degree 18" in out
    assert "Na 0: coordination 6 Cl6, nearest at 2.820 Å" in out
    assert "reduced by symmetry at 0.001 Å: 2 -> 2 atoms (1 Na; 1 Cl), 36 -> 4 edges" in out
    assert "6 at 2.820, 12 at 3.988, 8 at 4.884" in out
    assert "atoms of each degree" not in out
    page, picture, plot = (tmp_path / name for name in ("salt.html", "salt.png", "g.svg"))
    options = (
        "--json",
        "--cutoff",
        4,
        "--html",
        page,
        "--png",
        picture,
        "--plot",
        plot,
        "--color",
        "class",
    )
    code, out, _ = xtalgraph_command("graph", salt, *options)
    (found,) = json.loads(out)
    assert (found["formula"], found["num_atoms"], found["num_edges"]) == ("NaCl", 2, 36)
    assert found["degrees"] == [18, 18]
    assert [site["coordination"] for site in found["sites"]] == [6, 6]
    assert (found["reduced"]["num_edges"], found["degree_histogram"][18]) == (4, 2)
    radial = found["radial_distribution"]
    assert sum(radial["count"][: radial["edges"].index(4.0)]) == 18
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "<svg" in plot.read_text("utf-8")
    assert "3Dmol" in page.read_text("utf-8")
    assert '"color":"class","hasClasses":true' in page.read_text("utf-8")


def test_graph_draws_degrees_that_differ_and_folds_at_any_tolerance(xtalgraph_command, tmp_path):
    crystal = contract_crystals()["distorted"]
    path = tmp_path / "distorted.cif"
    write_cif(crystal, path)
    wide = ("--strategy", "radius:5")
    code, out, _ = xtalgraph_command("graph", path, *wide, "--plot", tmp_path / "plot.png")
    assert code == 0
    assert "atoms of each degree:" in out
    total = sum(int(line.split()[-1]) for line in out.splitlines() if "█" in line)
    assert total == len(crystal)
    edges = []
    for tolerance in (0.001, 0.5):
        options = ("--json", *wide, "--reduction-tolerance", tolerance)
        (found,) = json.loads(xtalgraph_command("graph", path, *options)[1])
        edges.append(found["reduced"]["num_edges"])
    assert edges[0] > edges[1]
    code, _, err = xtalgraph_command("graph", path, "--plot", tmp_path / "plot.pdf")
    assert code == 2
    assert ".png or .svg" in err


def test_graph_goes_on_after_a_bad_file(xtalgraph_command, salt, tmp_path):
    bad = tmp_path / "bad.cif"
    bad.write_text("")
    code, out, _ = xtalgraph_command("graph", bad, salt, "--strategy", "hybrid", "--json")
    assert code == 1
    first, second = json.loads(out)
    assert first["error"]
    assert second["degrees"] == [18, 18]
    code, _, err = xtalgraph_command("graph", salt, "--strategy", "radius", "--neighbors", 3)
    assert code == 2
    assert "--strategy hybrid" in err


def test_graph_takes_every_strategy_in_a_word(xtalgraph_command, salt):
    for word, degree in (("radius:4", 18), ("knn:6", 6), ("hybrid:12:8", 18), ("bonded", 6)):
        code, out, _ = xtalgraph_command("graph", salt, "--strategy", word)
        assert code == 0
        assert f"degree {degree}" in out
    code, out, _ = xtalgraph_command("graph", salt, "--strategy", "knn", "--neighbors", 6)
    assert "degree 6" in out
    code, _, err = xtalgraph_command("graph", salt, "--strategy", "knn:6", "--neighbors", 6)
    assert code == 2
    assert "either in --strategy knn:6 or by" in err
    code, _, err = xtalgraph_command("graph", salt, "--strategy", "hybird")
    assert code == 2
    assert "did you mean 'hybrid'?" in err


def test_graph_shows_what_train_would_use_and_says_which(xtalgraph_command, salt, tmp_path):
    sections = {"data": {"path": "any", "target": "any"}}
    of_train = RunConfig.from_sections(sections).spec.make_strategy()
    page = tmp_path / "salt.html"
    code, out, err = xtalgraph_command("graph", salt, "--html", page)
    assert code == 0
    assert f"{strategy_spec(of_train)}: {of_train.rule}" in out
    for where in (err, page.read_text("utf-8")):
        assert "the 6 bonds of first shells, by distance; not the 36 directed edges" in where
    (found,) = json.loads(xtalgraph_command("graph", salt, "--json")[1])
    assert (found["strategy"], found["cutoff"]) == (strategy_spec(of_train), of_train.cutoff)
    assert found["num_bonds"] == 6
    assert strategy_spec(of_train) in page.read_text("utf-8")
    shorter = json.loads(xtalgraph_command("graph", salt, "--cutoff", 3, "--json")[1])[0]
    assert (shorter["strategy"], shorter["degrees"]) == ("hybrid:12:3", [6, 6])


def test_graph_shows_what_a_run_reads(xtalgraph_command, salt, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    sections = {
        "data": {"path": "any", "target": "any"},
        "graph": {"strategy": "radius", "cutoff": 4.0, "reduction_tolerance": 0.0},
    }
    spec = RunConfig.from_sections(sections).spec
    save_model(run, spec.make_model(), spec, {"elements": ["Cl", "Na"], "members": 1})
    code, out, err = xtalgraph_command("graph", salt, "--run", run)
    assert code == 0, err
    assert "radius:4: all neighbours within 4 Å" in out
    assert "not reduced by symmetry" in out
    code, _, err = xtalgraph_command("graph", salt, "--run", run, "--cutoff", 5)
    assert code == 2
    assert "--run takes the graph of the run" in err
    code, _, err = xtalgraph_command("graph", salt, "--strategy", "knn", "--compare", "radius:4")
    assert code == 2
    assert "--compare names its strategies itself" in err


def test_graph_compares_strategies(xtalgraph_command, salt):
    words = ("radius:4", "knn:6", "hybrid:12:8")
    code, out, _ = xtalgraph_command("graph", salt, "--compare", *words)
    assert code == 0
    lines = [line.split() for line in out.splitlines()[2:]]
    assert [line[:5] for line in lines] == [
        ["radius:4", "36", "18", "3.988", "1"],
        ["knn:6", "12", "6", "2.820", "1"],
        ["hybrid:12:8", "36", "18", "3.988", "1"],
    ]
    code, out, _ = xtalgraph_command("graph", salt, "--compare", *words, "--json")
    (found,) = json.loads(out)
    assert [one["num_edges"] for one in found["graphs"]] == [36, 12, 36]
    assert [one["reduced_edges"] for one in found["graphs"]] == [4, 2, 4]


def test_a_strategy_that_refuses_a_crystal_is_told_beside_the_others(xtalgraph_command, salt):
    code, out, _ = xtalgraph_command("graph", salt, "--compare", "radius:4", "knn:12:3")
    assert code == 1
    assert "radius:4" in out
    assert "knn:12:3: the 12 nearest neighbours of every atom must lie within 3 Å" in out
    code, out, _ = xtalgraph_command("graph", salt, "--strategy", "knn:12:3")
    assert code == 1
    assert "must lie within 3 Å" in out


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--compare"], "--compare"),
        (["--compare", "--json"], "--compare"),
        (["--compare", "radius:far"], "must be a number"),
        (["--compare", "radius", "--png", "x.png"], "draws no picture"),
        (["--compare", "radius", "--plot", "x.png"], "draws no picture"),
        (["--reduction-tolerance", "-1"], "must be larger than 0"),
    ],
)
def test_a_comparison_that_cannot_be_made_is_explained(xtalgraph_command, salt, args, said):
    code, _, err = xtalgraph_command("graph", salt, *args)
    assert code == 2
    assert said in err


def test_what_is_counted_is_singular_where_there_is_one(xtalgraph_command, tmp_path):
    copper = Crystal.from_fractional(
        3.61 / 2 * (np.ones((3, 3)) - np.eye(3)), np.zeros((1, 3)), np.array([29])
    )
    write_cif(copper, tmp_path / "copper.cif")
    code, out, _ = xtalgraph_command("data", "info", tmp_path / "copper.cif", "--quiet")
    assert code == 0
    assert out.startswith("1 crystal, 0 rows that cannot be used")
    code, out, _ = xtalgraph_command("graph", tmp_path / "copper.cif", "--cutoff", 3)
    assert code == 0
    assert "  1 atom, 12 directed edges" in out
    assert "1 -> 1 atom (1 Cu), 12 -> 1 edge\n" in out


def test_data_list_and_info(xtalgraph_command, cgcnn_folder):
    code, out, _ = xtalgraph_command("data", "list")
    assert code == 0
    assert out.count("matbench_") == 13
    assert "ionic_perovskites" in out
    code, out, _ = xtalgraph_command("data", "info", cgcnn_folder, "--quiet")
    assert code == 0
    assert "30 crystals, 0 rows that cannot be used" in out
    assert "target: " in out
    assert "asymmetric unit" not in out


def test_data_info_measures_graphs(xtalgraph_command, salt, tmp_path):
    code, out, _ = xtalgraph_command("data", "info", salt, "--graph", "radius:4", "--quiet")
    assert code == 0
    lines = [line.split() for line in out.splitlines() if "radius:4" in line]
    assert [line[-4:] for line in lines] == [
        ["1", "2.00", "36.00", "1.00"],
        ["1", "2.00", "4.00", "9.00"],
        ["1", "2.00", "36.00", "1.00"],
        ["1", "2.00", "4.00", "9.00"],
    ]
    options = ("--graph", "knn:12:3", "--graph", "hybrid", "--quiet")
    code, out, _ = xtalgraph_command("data", "info", salt, *options)
    assert code == 1
    assert "knn:12:3 refused 1 of 1 crystals" in out
    assert "must lie within 3 Å" in out
    options = ("--graph", "radius:4", "--reduction-tolerance", 0, "--quiet")
    code, out, _ = xtalgraph_command("data", "info", salt, *options)
    assert code == 0
    assert "not reduced" in out
    assert len([line for line in out.splitlines() if "radius:4" in line]) == 3
    code, _, err = xtalgraph_command("data", "info", salt, "--graph", "radius", "--symprec", 0)
    assert code == 2
    assert "symprec must be larger than 0 Å" in err


def test_a_slab_has_no_space_group_and_can_be_used(xtalgraph_command, salt, tmp_path):
    slab = tmp_path / "slab.xyz"
    slab.write_text(
        '2\nLattice="4 0 0 0 4 0 0 0 30" Properties=species:S:1:pos:R:3 pbc="T T F"\n'
        "Na 0 0 10\nCl 2 2 10\n"
    )
    code, out, _ = xtalgraph_command("data", "info", slab, "--graph", "radius:4", "--quiet")
    assert code == 0
    units = [line.split()[-4:] for line in out.splitlines() if "asymmetric unit" in line][1:]
    assert units == [["0", "n/a", "n/a", "n/a"]] * 2
    assert "no space group: 1 of 1 crystals" in out


def test_nothing_is_folded_where_the_tolerance_is_zero(xtalgraph_command, salt, tmp_path):
    page = tmp_path / "salt.html"
    options = ("--strategy", "radius:4", "--reduction-tolerance", 0)
    code, out, _ = xtalgraph_command("graph", salt, *options, "--html", page)
    assert code == 0
    assert "  not reduced by symmetry" in out
    assert page.is_file()
    code, out, _ = xtalgraph_command("graph", salt, *options, "--json")
    assert json.loads(out)[0]["reduced"] is None
    options = ("--compare", "radius:4", "--reduction-tolerance", 0)
    code, out, _ = xtalgraph_command("graph", salt, *options)
    assert code == 0
    assert out.splitlines()[-1].endswith("not reduced")


def test_train_predict_evaluate_report(xtalgraph_command, cgcnn_folder, with_report, tmp_path):
    run = tmp_path / "run"
    args = ("train", cgcnn_folder, "--target", "target", "--kind", "extensive", "--unit", "eV/cell")
    code, out, err = xtalgraph_command(*args, "--epochs", 2, "--out", run, *SMALL)
    assert code == 0, err
    for word in ("MAE", "Spearman", "top-100", "xgn", "composition", "mean", "eV/cell", "n/a"):
        assert word in out
    assert str(run / "report.html") in out
    assert (run / "report.html").is_file()
    (cgcnn_folder / "broken.cif").write_text("data_x\n")
    (cgcnn_folder / "id_prop.csv").unlink()
    table = tmp_path / "new.csv"
    code, out, _ = xtalgraph_command("predict", run, cgcnn_folder, "--out", table, "--quiet")
    assert code == 1
    assert "30 predictions, 1 row that could not be used" in out
    assert pd.read_csv(table)["prediction"].notna().sum() == 30
    code, out, _ = xtalgraph_command("report", run)
    assert code == 0
    code, _, err = xtalgraph_command(*args, "--out", run, *SMALL)
    assert code == 2
    assert "did you mean" in err or "holds a run already" in err


def test_evaluate_prints_metrics_with_intervals(xtalgraph_command, cgcnn_folder, tmp_path):
    run = tmp_path / "run"
    args = ("train", cgcnn_folder, "--target", "target", "--epochs", 2, "--out", run)
    assert xtalgraph_command(*args, *SMALL)[0] == 0
    code, out, _ = xtalgraph_command("evaluate", run, cgcnn_folder, "--quiet")
    assert code == 0
    assert "95 % interval" in out
    code, out, _ = xtalgraph_command("evaluate", run, cgcnn_folder, "--quiet", "--json")
    assert json.loads(out)["crystals"] == 30


@pytest.mark.parametrize("verb", ["train", "compare", "ablate", "tune"])
def test_an_unknown_option_points_to_its_setting(xtalgraph_command, verb, tmp_path):
    code, _, err = xtalgraph_command(verb, "data.csv", "--out", tmp_path / "run", "--lr", "0.1")
    assert code == 2
    assert "No such option '--lr'; it is a setting: write --set training.learning_rate=VALUE" in err
    assert not (tmp_path / "run").exists()
    code, _, err = xtalgraph_command("predict", "run", "data.csv", "--lr", "0.1")
    assert code == 2
    assert "--set" not in err
