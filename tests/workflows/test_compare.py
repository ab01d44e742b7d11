"""The leaderboard: entries on small crystals, the published rows on real ones."""

import importlib
import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

import xtalgraph
from xtalgraph.conventions import extras
from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.data.catalogue import resolve_source
from xtalgraph.data.dataset import Divided
from xtalgraph.evidence.text.comparison import verdict_of
from xtalgraph.evidence.text.models import about_entry
from xtalgraph.metrics.bootstrap import interval, paired_difference
from xtalgraph.models.registry import DEFAULT
from xtalgraph.workflows.compare import Comparison
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.executor import Session
from xtalgraph.workflows.leaderboard.catalogue import published_entries
from xtalgraph.workflows.leaderboard.entry import Case
from xtalgraph.workflows.prepared import Preparations, known_folds, make_split
from xtalgraph.workflows.request import Request

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
SMALL = ["model.width=8", "model.depth=1", "training.batch_size=16", "training.threads=1"]
LEADERBOARD = ["mean", "composition-mlp", "prdf-ridge", "pyg-schnet"]


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    def quick(function):
        return lambda *args, samples=500, **options: function(*args, samples=20, **options)

    monkeypatch.setattr("xtalgraph.metrics.summary.interval", quick(interval))
    monkeypatch.setattr("xtalgraph.metrics.bootstrap.paired_difference", quick(paired_difference))
    monkeypatch.setattr("xtalgraph.workflows.train.write_report", lambda folder: None)


def compared(data, out, **options):
    given = {"target": "energy", "kind": "extensive", "unit": "eV/cell", "epochs": 2}
    given |= {"baselines": LEADERBOARD, "progress": False, "overrides": SMALL}
    return xtalgraph.compare(data, out=out, **{**given, **options})


@pytest.fixture(scope="session")
def published(table, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("published") / "peers.csv"
    noise = np.random.default_rng(0).normal(size=len(table))
    columns = {
        "id": table["id"],
        "theirs": table["energy"] + 0.01 * noise,
        "short": table["energy"],
    }
    rows = pd.DataFrame(columns).assign(words="none")
    rows.loc[3, "short"] = None
    rows.iloc[::-1].to_csv(path, index=False)
    return path


def entries_of(found: Comparison):
    return {one["name"]: one for one in found.document["entries"]}


def test_what_is_compared_has_as_many_members_as_train_makes(csv_path, tmp_path, as_recommended):
    options = {"baselines": ["mean"], "epochs": 1, "split": "folds", "fold": 0}
    found = compared(csv_path, tmp_path / "a", models=["xgn", "cgcnn"], **options)
    entries = entries_of(found)
    assert f"the mean of {as_recommended} members, the assessed" in about_entry(entries["xgn"])
    assert "members" not in about_entry(entries["cgcnn"])
    members = {
        path.name.split("-")[0]: len(xtalgraph.load(path).members)
        for path in (found.folder / "runs").iterdir()
    }
    assert members == {"xgn": as_recommended, "cgcnn": 1}
    (run,) = (found.folder / "runs").glob("xgn-*")
    stated = pd.read_csv(run / "predictions" / "energy.csv").query("split == 'test'")
    mae = (stated["prediction"] - stated["target"]).abs().mean()
    assert entries["xgn"]["metrics"]["mae"]["value"] == pytest.approx(mae)
    one = [*SMALL, "training.members=1"]
    found = compared(csv_path, tmp_path / "b", models=["xgn"], overrides=one, **options)
    assert len(xtalgraph.load(next((found.folder / "runs").iterdir())).members) == 1


def test_the_ladder_over_all_folds(csv_path, table, published, tmp_path, caplog):
    caplog.set_level(logging.INFO, "xtalgraph")
    options = {"split": "folds", "published": published}
    found = compared(csv_path, tmp_path / "all", **options)
    document, entries = found.document, entries_of(found)
    assert list(entries) == [*LEADERBOARD, "published-theirs", DEFAULT]
    assert document["folds"] == ["fold-0", "fold-1", "fold-2"]
    assert document["rows"] == len(table)
    reasons = {one["name"]: one["reason"] for one in document["not_run"]}
    assert "1 of the 16 test crystals have no prediction" in reasons["published-short"]
    assert "does not hold numbers" in reasons["published-words"]

    energy = table.set_index("id")["energy"]
    for name, one in entries.items():
        files = sorted((tmp_path / "all" / "entries" / name).glob("*.json"))
        kept = [json.loads(path.read_text()) for path in files]
        ids = [i for file in kept for i in file["ids"]]
        assert sorted(ids) == sorted(table["id"])
        said = np.concatenate([np.ravel(file["predictions"]) for file in kept])
        error = np.abs(said - energy[ids].to_numpy())
        assert one["metrics"]["mae"]["value"] == pytest.approx(error.mean(), rel=1e-12), name
        by_fold = [part.mean() for part in np.split(error, 3)]
        assert one["folds"]["mae"]["values"] == pytest.approx(by_fold, rel=1e-12)
        assert one["folds"]["mae"]["mean"] == pytest.approx(np.mean(by_fold))
        rho = spearmanr(said, energy[ids])[0]
        assert one["metrics"]["spearman"]["value"] == pytest.approx(rho, rel=1e-9)
        recall = one["metrics"]["recall@10"]["value"]
        assert one["metrics"]["enrichment@10"]["value"] == pytest.approx(recall * 4.8)
        own = entries[DEFAULT]["metrics"]["mae"]["value"]
        if name != DEFAULT:
            assert one["against"]["mae"]["difference"] == pytest.approx(own - error.mean())
    assert entries["published-theirs"]["against"]["mae"]["outcome"] == "worse"
    assert not document["verdict"]["beats"]
    assert "published-theirs" in " ".join(verdict_of(document).sentences)

    row = found.table.set_index("name").loc["published-theirs"]
    theirs = entries["published-theirs"]
    assert row["mae"] == theirs["metrics"]["mae"]["value"]
    assert row["mae low"] == theirs["metrics"]["mae"]["low"]
    assert row["mae difference low"] == theirs["against"]["mae"]["low"]
    page = (tmp_path / "all" / "compare.html").read_text()
    assert "published-words" in page
    assert "://" not in page.replace("http://www.w3.org", "")
    assert (tmp_path / "all" / "card.md").is_file()
    assert (tmp_path / "all" / "figures" / "leaderboard.png").is_file()

    caplog.clear()
    times = {p: p.stat().st_mtime_ns for p in (tmp_path / "all" / "entries").rglob("*.json")}
    again = compared(csv_path, tmp_path / "all", **options)
    said = [record.message for record in caplog.records]
    assert not [text for text in said if text.endswith(": running")]
    assert len([text for text in said if "taken from" in text]) == 3 * 6
    assert again.document["entries"] == document["entries"]
    (lost, *_) = sorted((tmp_path / "all" / "entries" / "mean").glob("*.json"))
    lost.unlink()
    compared(csv_path, tmp_path / "all", seed=1, models=["schnet"], baselines=["mean"], **options)
    after = {p: p.stat().st_mtime_ns for p in (tmp_path / "all" / "entries").rglob("*.json")}
    assert len([p for p in after if p.parent.name == "mean"]) == 2 + 3, "kept beside each other"
    assert all(after[p] == time for p, time in times.items() if p != lost)


def test_without_an_extra_the_rest_is_run_and_the_way_to_it_is_said(
    csv_path, tmp_path, monkeypatch
):
    found_before = importlib.import_module

    def refuse(module, *args):
        if module.split(".")[0] in ("dscribe", "torch_geometric"):
            raise ImportError(f"No module named {module!r}")
        return found_before(module, *args)

    monkeypatch.setattr(extras.importlib, "import_module", refuse)
    entries = ["mean", "soap-ridge", "acsf-forest", "pyg-schnet"]
    found = compared(csv_path, tmp_path / "few", baselines=entries)
    assert list(entries_of(found)) == ["mean", DEFAULT]
    reasons = {one["name"]: one["reason"] for one in found.document["not_run"]}
    assert "pip install 'xtalgraph[descriptors]'" in reasons["soap-ridge"]
    assert "pip install 'xtalgraph[descriptors]'" in reasons["acsf-forest"]
    assert "pip install 'xtalgraph[pyg]'" in reasons["pyg-schnet"]
    assert not found.document["verdict"]["complete"]
    mean = entries_of(found)["mean"]
    assert mean["metrics"]["recall@10"]["value"] is None, "10 of 5 rows are nothing to find"


def test_a_constant_has_no_correlation_counts_as_worse_and_finds_what_chance_finds(table, tmp_path):
    frame = table.drop(columns=["structure", "charges"])
    options = {"target": "energy_per_atom", "kind": "intensive", "folds": 2, "fold": 1}  # drawn
    found = compared(frame, tmp_path / "run", baselines=["mean"], **options)
    mean = entries_of(found)["mean"]
    assert mean["metrics"]["spearman"]["value"] is None
    assert mean["against"]["spearman"]["outcome"] == "undefined"
    assert mean["metrics"]["recall@10"]["value"] == 10 / 24
    assert mean["metrics"]["enrichment@10"]["value"] == 1

    # Another constant in each fold orders nothing either, though their pooled ranks correlate.
    options["split"] = "folds"
    del options["fold"]
    found = compared(frame, tmp_path / "both", baselines=["mean"], **options)
    mean = entries_of(found)["mean"]
    assert found.document["folds"] == ["fold-0", "fold-1"]
    assert mean["metrics"]["spearman"]["value"] is None
    assert mean["against"]["spearman"]["outcome"] == "undefined"
    assert mean["metrics"]["recall@10"]["value"] == 10 / 48
    assert mean["metrics"]["mae"]["value"] == pytest.approx(np.mean(mean["folds"]["mae"]["values"]))


def test_sites_and_classes_have_the_rungs_that_make_sense(table, tmp_path):
    frame = table.drop(columns=["cif"])
    options = {"kind": "atomic", "unit": "e", "target": "charges"}
    sites = compared(
        frame, tmp_path / "sites", baselines=["mean", "composition", "prdf-ridge"], **options
    )
    assert list(entries_of(sites)) == ["mean", "composition", DEFAULT]
    (reason,) = sites.document["not_run"]
    assert "one number for each crystal" in reason["reason"]
    frame = table.drop(columns=["structure", "charges"])
    frame["stable"] = (frame["energy"] > frame["energy"].median()).astype(int)
    options = {"target": "stable", "kind": "intensive", "unit": None, "task": "classification"}
    classes = compared(frame, tmp_path / "classes", **options)
    assert classes.document["deciding"] == ["log_loss", "roc_auc"]
    assert list(entries_of(classes)) == ["mean", "pyg-schnet", DEFAULT]
    assert [one["name"] for one in classes.document["not_run"]] == ["composition-mlp", "prdf-ridge"]


def test_what_makes_no_sense_is_refused(csv_path, published, tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'soap-ridge'"):
        compared(csv_path, tmp_path, baselines=["soap-rigde"])
    with pytest.raises(ConfigError, match="did you mean 'cgcnn'"):
        compared(csv_path, tmp_path, models=["cgcnnn"])
    with pytest.raises(ConfigError, match="named once"):
        compared(csv_path, tmp_path, models=["cgcnn", "cgcnn"])
    twice = tmp_path / "twice.csv"
    pd.concat([pd.read_csv(published)] * 2).to_csv(twice, index=False)
    with pytest.raises(InputError, match="more than once"):
        published_entries(twice)
    with pytest.raises(InputError, match="cannot read"):
        published_entries(tmp_path / "nothing.csv")


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no shared data sets in {SHARED}")
@pytest.mark.parametrize(
    ("column", "expected"), [("alignn", "29.54"), ("cgcnn", "57.76"), ("crabnet", "55.11")]
)
def test_published_rows_give_the_published_error_on_the_official_folds(column, expected, tmp_path):
    source, known = resolve_source(SHARED / "matbench_phonons.json.gz")
    sections = {"path": str(source), "target": "last phdos peak", "split": "folds", "fold": 0}
    config = RunConfig.from_sections({"data": sections})
    preparations = Preparations(Request(source, known, config.sections()))
    dataset = preparations.dataset(config)
    entries = published_entries(SHARED / "peers_phonons.csv.gz")
    (entry,) = [one for one in entries if one.name == f"published-{column}"]
    means = []
    for fold in known_folds(dataset, config.data, known):
        of_fold = replace(config, data=replace(config.data, fold=fold))
        split = make_split(dataset, of_fold.data, known, 0)
        case = Case(preparations, of_fold, Divided(dataset, split), tmp_path, Session())
        assert entry.why_not(case) == ""
        means.append(np.abs(entry.run(case).values - case.labels(split.test)).mean())
    assert f"{np.mean(means):.2f}" == expected
