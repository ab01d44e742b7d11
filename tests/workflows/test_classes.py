"""Two classes, from the table to the report."""

import json
import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score
from sklearn.model_selection import StratifiedKFold

import xtalgraph
from xtalgraph.conventions.errors import ConfigError, InputError, TargetError
from xtalgraph.data.catalogue import CATALOGUE
from xtalgraph.data.dataset import read_dataset
from xtalgraph.data.row import Rejection
from xtalgraph.data.targets import Kind, Target, Task
from xtalgraph.evidence.run_files import COLUMNS
from xtalgraph.models.registry import DEFAULT
from xtalgraph.models.upgrades import FORMAT
from xtalgraph.workflows.data_settings import DataConfig
from xtalgraph.workflows.prepared import make_split

SMALL = ["model.width=12", "model.depth=2", "training.batch_size=8", "training.threads=1"]
NAMES = ["insulator", "metal"]


def trained(data, out, **options):
    given = {"task": "classification", "epochs": 2, "progress": False}
    overrides = [*SMALL, *options.pop("overrides", [])]
    return xtalgraph.train(data, out=out, overrides=overrides, **{**given, **options})


@pytest.fixture(scope="module")
def classes(table) -> pd.DataFrame:
    """Whether a crystal is denser than the median of its composition, as 0 and 1, and in words."""
    formula = table["structure"].map(lambda s: s.composition.reduced_formula)
    median = table.groupby(formula)["energy_per_atom"].transform("median")
    dense = (table["energy_per_atom"] > median).astype(int)
    sites = [[int(z == 8) for z in s.atomic_numbers] for s in table["structure"]]
    return table.assign(dense=dense, word=[NAMES[c] for c in dense], oxygen=sites)


@pytest.fixture(scope="module")
def class_run(classes, tmp_path_factory):
    out = tmp_path_factory.mktemp("classes") / "run"
    # As many epochs as it takes to learn something; a second of time.
    overrides = ["training.learning_rate=0.01", "training.ema_decay=0.9"]
    return trained(classes, out, target="dense", epochs=30, overrides=overrides)


def test_predictions_are_probabilities_and_metrics_those_of_scikit_learn(class_run):
    table = pd.read_csv(class_run.folder / "predictions" / "dense.csv")
    assert tuple(table.columns) == COLUMNS
    assert table["prediction"].between(0, 1).all()
    assert set(table["target"]) == {0.0, 1.0}
    assert class_run.metrics["targets"]["dense"]["target"]["task"] == "classification"
    model = json.loads((class_run.folder / "model.json").read_text())
    assert model["format"] == FORMAT, "an older reader would take log-odds for values"
    for part in ("train", "test"):
        found = class_run.metrics["targets"]["dense"]["models"][DEFAULT][part]
        rows = table[table["split"] == part]
        said = rows["prediction"] >= 0.5
        area = roc_auc_score(rows["target"], rows["prediction"])
        assert found["roc_auc"]["value"] == pytest.approx(area)
        assert found["f1"]["value"] == pytest.approx(f1_score(rows["target"], said))
        accuracy = balanced_accuracy_score(rows["target"], said)
        assert found["balanced_accuracy"]["value"] == pytest.approx(accuracy)
    train = class_run.metrics["targets"]["dense"]["models"][DEFAULT]["train"]
    assert train["roc_auc"]["value"] > 0.8, "the density can be learned"
    assert class_run.metrics["targets"]["dense"]["models"]["mean"]["test"]["roc_auc"]["value"] in (
        0.5,
        None,
    )
    log = pd.read_csv(class_run.folder / "log.csv")
    assert log["val_log_loss"].notna().all()


def test_the_start_of_training_is_the_prevalence(classes, tmp_path):
    run = trained(classes, tmp_path / "run", target="dense", epochs=1)
    start = float(run.predictor.members[0].heads[0].scalers[0].shift[0])
    split = json.loads((run.folder / "split.json").read_text())
    share = classes.set_index("id")["dense"][split["train"]].mean()
    assert start == pytest.approx(np.log(share / (1 - share)))


def test_predict_and_evaluate_say_the_same_probabilities(class_run, classes, tmp_path):
    table = class_run.predictor.predict(classes).set_index("id")
    written = pd.read_csv(class_run.folder / "predictions" / "dense.csv").set_index("id")
    np.testing.assert_allclose(table["prediction"][written.index], written["prediction"], atol=1e-6)
    found = xtalgraph.evaluate(class_run.folder, classes, progress=False)
    assert found["targets"]["dense"]["metrics"]["roc_auc"]["value"] == pytest.approx(
        roc_auc_score(written["target"], written["prediction"]), abs=1e-9
    )


def test_the_report_speaks_of_classes(class_run):
    page = xtalgraph.report(class_run.folder).read_text()
    for words in ("ROC-AUC", "Balanced accuracy", "Log loss", "Brier", "With a threshold of 0.5"):
        assert words in page
    assert "Mean absolute error" not in page
    for name in ("roc", "reliability", "confusion", "comparison", "learning"):
        assert (class_run.folder / "figures" / f"{name}.svg").is_file()
    assert not (class_run.folder / "figures" / "parity.svg").exists()


def test_words_are_refused_until_they_are_named(classes, tmp_path):
    with pytest.raises(InputError, match="or false or true, got 'metal'; name the two"):
        trained(classes, tmp_path / "a", target="word")
    named = ["data.classes=[insulator, metal]"]
    run = trained(classes, tmp_path / "b", target="word", overrides=named)
    plain = trained(classes, tmp_path / "c", target="dense")
    assert run.metrics["targets"]["word"]["target"]["classes"] == NAMES
    own, others = (one.metrics["targets"] for one in (run, plain))
    assert own["word"]["models"] == others["dense"]["models"]
    assert "share of metal found" in xtalgraph.report(run.folder).read_text()
    with pytest.raises(ConfigError, match="must name class 0 and then class 1"):
        trained(classes, tmp_path / "d", target="word", overrides=["data.classes=[metal]"])


def test_each_site_has_its_class(classes, tmp_path):
    run = trained(classes, tmp_path / "run", target="oxygen", kind="atomic", epochs=8)
    table = pd.read_csv(run.folder / "predictions" / "oxygen.csv")
    assert table["prediction"].between(0, 1).all()
    composition = run.metrics["targets"]["oxygen"]["models"]["composition"]["test"]
    assert composition["roc_auc"]["value"] == 1.0, "the element tells"
    assert composition["log_loss"]["value"] > 0, "but is no certainty"
    assert "site" in run.predictor.predict(classes[:2]).columns


def test_one_class_cannot_be_learned(classes, tmp_path):
    with pytest.raises(InputError, match=r"the training part holds only class 1 of 'same'"):
        trained(classes.assign(same=1), tmp_path / "run", target="same")


def test_an_extensive_class_is_refused(classes, tmp_path):
    with pytest.raises(TargetError, match="a class does not add up"):
        trained(classes, tmp_path / "run", target="dense", kind="extensive")


def test_the_first_line_says_what_is_predicted(classes, tmp_path, caplog):
    named = ["data.classes=[insulator, metal]"]
    with caplog.at_level(logging.INFO, "xtalgraph"):
        trained(classes, tmp_path / "run", target="word", epochs=1, overrides=named)
    assert caplog.messages[0] == "Target word, a class: the probability of 'metal' is predicted."


def test_an_official_task_of_classes_knows_its_folds(classes):
    """Rows whose crystal was rejected count in the drawing, as they did in that of Matbench."""
    target = Target("dense", Kind.INTENSIVE, task=Task.CLASSIFICATION)
    known = replace(CATALOGUE["matbench_mp_is_metal"], num_rows=len(classes), target="dense")
    config = DataConfig("x", "dense", task="classification", split="folds", fold=1)
    dataset = read_dataset(classes.drop(columns="fold"), target)
    kfold = StratifiedKFold(n_splits=5, random_state=18012019, shuffle=True)
    test = list(kfold.split(np.zeros(len(classes)), classes["dense"]))[1][1]
    assert make_split(dataset, config, known, 0).test.tolist() == test.tolist()
    fewer = dataset.reject({int(test[0]): "for a test"})
    split = make_split(fewer, config, known, 0)
    assert [fewer.table.rows[i] for i in split.test] == test[1:].tolist()
    table = replace(fewer.table, rejected=(Rejection("c0", "", int(test[0]), "no label"),))
    with pytest.raises(ConfigError, match="c0 has no class: no label"):
        make_split(replace(fewer, table=table), config, known, 0)
