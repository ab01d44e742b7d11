"""The words and the page of a comparison, from numbers made up for them."""

import copy

import numpy as np
import pytest

from xtalgraph.evidence.pages.comparison import (
    draw_leaderboard,
    render_leaderboard,
    write_leaderboard,
)
from xtalgraph.evidence.pages.markup import Html
from xtalgraph.evidence.text.comparison import verdict_of
from xtalgraph.plots.leaderboard import leaderboard_plot

LEVELS = {
    "mean": "mean",
    "composition": "composition",
    "soap-ridge": "structure descriptors",
    "pyg-cgconv": "public models",
    "cgcnn": "own models",
    "alignn": "own models",
}


def entry(name, mae="better", spearman="better", difference=-3.2):
    metric = {"value": 5.0, "low": 4.0, "high": 6.5}
    absent = {"value": None, "low": None, "high": None}
    keys = ("mae", "rmse", "r2", "spearman", "kendall", "recall@100", "recall@5%")
    metrics = dict.fromkeys(keys, metric) | {"enrichment@100": metric, "enrichment@5%": metric}
    metrics["spearman"] = absent if spearman == "undefined" else metric

    def test_of(outcome):
        value = None if outcome in ("undefined", "unknown") else difference
        ends = {"low": value and value - 1, "high": value and value + 1}
        return {"difference": value, "p": None, "outcome": outcome, **ends}

    return {
        "name": name,
        "level": LEVELS[name],
        "assessed": name == "cgcnn",
        "details": {},
        "seconds": None if name == "pyg-cgconv" else 12.0,
        "parameters": None if name == "mean" else 1200,
        "metrics": metrics,
        "folds": {k: {"values": [1.0, 2.0], "mean": 1.5, "deviation": 0.7} for k in keys},
        "against": {} if name == "cgcnn" else {"mae": test_of(mae), "spearman": test_of(spearman)},
    }


def document(*entries, not_run=()):
    return {
        "target": {"name": "gap <eV>", "kind": "intensive", "unit": "eV", "best": "low"},
        "assessed": "cgcnn",
        "split": {"kind": "column", "column": "part"},
        "folds": ["fold-0", "fold-1"],
        "rows": 400,
        "deciding": ["mae", "spearman"],
        "entries": copy.deepcopy([*entries, entry("cgcnn")]),
        "not_run": list(not_run),
        "caveats": {"published_on_other_split": [], "rejected": 3},
        "settings": {"data": {"split": "random"}},
        "record": {"Repeat": {"command": "xtalgraph compare data --out here"}},
    }


BELOW = [entry("mean", spearman="undefined"), entry("composition"), entry("soap-ridge")]


def test_a_constant_counts_as_worse():
    verdict = verdict_of(document(*BELOW, entry("pyg-cgconv")))
    assert verdict.beats
    assert verdict.complete
    assert verdict.sentences == (
        "cgcnn is significantly better than all 4 baselines in MAE and Spearman.",
        "Spearman is not defined for mean; cgcnn counts as better.",
    )


@pytest.mark.parametrize("outcome", ["worse", "no difference", "unknown"])
@pytest.mark.parametrize("measure", ["mae", "spearman"])
def test_one_failure_on_either_measure_is_enough(outcome, measure):
    verdict = verdict_of(document(*BELOW, entry("pyg-cgconv", **{measure: outcome})))
    assert not verdict.beats
    text = " ".join(verdict.sentences)
    worse = ", significantly worse than 1" if outcome == "worse" else ""
    start = f"cgcnn is significantly better than 3 of 4 baselines{worse} (MAE and Spearman)."
    assert text.startswith(start)
    called = {"mae": "MAE", "spearman": "Spearman"}[measure]
    words = {
        "worse": "significantly worse than",
        "no difference": "no significant difference from",
        "unknown": "not defined, so not compared with",
    }
    (sentence,) = (one for one in verdict.sentences if one.startswith(f"{called}: "))
    assert f"{words[outcome]} pyg-cgconv." in sentence
    assert "beat" not in text


def test_one_baseline_is_named():
    (sentence, *_) = verdict_of(
        document(entry("composition", mae="worse", spearman="no difference"))
    ).sentences
    assert sentence == (
        "cgcnn against composition: MAE significantly worse, Spearman no significant difference."
    )
    (sentence, *_) = verdict_of(document(entry("composition"))).sentences
    assert sentence == "cgcnn is significantly better than composition in MAE and Spearman."


def test_the_caveat_of_published_predictions_is_there_once():
    several = [{**entry("pyg-cgconv"), "name": f"published-{n}"} for n in range(9)]
    page = render_leaderboard(document(*several), [Html("<svg></svg>")])
    assert page.count("held out of their training") == 1


def test_our_other_models_are_no_baselines_and_missing_levels_are_verdict():
    verdict = verdict_of(document(*BELOW[:2], entry("alignn", mae="worse")))
    assert verdict.beats
    assert not verdict.complete
    assert "Not run: structure descriptors and public models" in verdict.sentences[-1]
    alone = verdict_of(document())
    assert not alone.beats
    assert alone.sentences[0] == "cgcnn was compared with no baseline."


def test_the_page_shows_every_entry_and_loads_nothing(tmp_path):
    missing = {"name": "soap-forest", "level": "structure descriptors", "reason": "pip <install>"}
    found = document(*BELOW, entry("pyg-cgconv"), not_run=[missing])
    page = write_leaderboard(tmp_path, found).read_text()
    for name in (*LEVELS, "soap-forest"):
        assert name in page or name == "alignn"
    assert "gap &lt;eV&gt;" in page
    assert "pip &lt;install&gt;" in page
    assert "better (n/a)" in page
    assert "significantly better" in page
    assert "−3.2, −4.2 to −2.2" in page
    assert "3 rows could not be used" in page
    assert "://" not in page.replace("http://www.w3.org", "")
    assert (tmp_path / "figures" / "leaderboard.svg").is_file()
    assert "xtalgraph compare data" in (tmp_path / "card.md").read_text()


def test_classes_have_their_own_columns():
    found = document(*BELOW)
    classes = ("log_loss", "brier", "roc_auc", "balanced_accuracy", "f1")
    for one in found["entries"]:
        one["metrics"] = {key: {"value": 0.4, "low": 0.3, "high": 0.5} for key in classes}
        one["folds"] = dict.fromkeys(("log_loss", "roc_auc"), one["folds"]["mae"])
        values = list(one["against"].values())
        one["against"] = dict(zip(("log_loss", "roc_auc"), values, strict=False))
    found["deciding"] = ["log_loss", "roc_auc"]
    found["target"] |= {"task": "classification", "unit": "", "best": None}
    assert "in log loss and ROC-AUC" in verdict_of(found).sentences[0]
    assert "balanced accuracy" in render_leaderboard(found, [Html("<svg></svg>")])


def test_the_figure_says_where_a_measure_is_not_defined():
    figure = draw_leaderboard(document(*BELOW))
    left, right = figure.axes
    assert [label.get_text() for label in left.get_yticklabels()] == [
        "mean",
        "composition",
        "soap-ridge",
        "cgcnn",
    ]
    assert [text.get_text() for text in right.texts] == ["n/a"]
    assert left.get_xlabel() == "test MAE (eV)"
    assert left.get_xscale() == "linear"
    wide = np.array([[500.0, 30.0], [450.0, 28.0], [550.0, np.nan]])
    other = leaderboard_plot(["a", "b"], ["mean", "own models"], wide, wide / 600, model="b")
    assert other.axes[0].get_xscale() == "log"
    other.draw_without_rendering()
    ticks = [label.get_text() for label in other.axes[0].get_xticklabels()]
    assert {"50", "100", "200"} <= set(ticks)
    empty = leaderboard_plot([], [], np.zeros((3, 0)), np.zeros((3, 0)), model="b")
    assert "nothing to compare" in empty.axes[0].texts[0].get_text()
