"""The search: by validation alone, resumable, and the test read once."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

import xtalgraph
from xtalgraph.conventions.errors import ConfigError, RunError
from xtalgraph.models.registry import DEFAULT, ENCODERS
from xtalgraph.workflows import tune as module
from xtalgraph.workflows.run import Run
from xtalgraph.workflows.search_space import SEARCH, Choice, Range, default_space, parse_space

SMALL = ["model.width=8", "model.depth=1", "training.batch_size=16", "training.threads=1"]
NESTED = {"split": "folds", "fold": 0, "inner_folds": 2}


def tuned(data, out, trials, **options):
    given = {"target": "energy", "kind": "extensive", "epochs": 1, "progress": False}
    space = ["training.learning_rate=1e-3..1e-2:log"]
    return xtalgraph.tune(
        data, out=out, trials=trials, space=space, overrides=SMALL, **{**given, **options}
    )


@pytest.fixture
def planted(monkeypatch):
    """Trials that are not trained; their error is the distance to 0.004, their rows are kept."""
    read = []

    def error(preparations, config, folder, session):
        folder.mkdir(parents=True)
        prepared = preparations.for_validation(config)
        rows = np.array([int(one.removeprefix("c")) for one in prepared.dataset.table.ids])
        read.append(SimpleNamespace(**{k: rows[v] for k, v in prepared.split.parts().items()}))
        return {"validation error": abs(config.training.learning_rate - 0.004)}

    monkeypatch.setattr(module, "validation_errors", error)
    return read


def test_the_test_part_is_in_no_trial_and_in_one_run(csv_path, table, tmp_path, planted):
    found = tuned(csv_path, tmp_path / "out", 4, **NESTED)
    assert len(planted) == 8, "two inner folds for each trial"
    test = set(np.flatnonzero(table["fold"] == 0))
    for one in planted:
        assert not test & set(one.train)
        assert not test & set(one.val)
        assert set(one.train) | set(one.val) == set(range(len(table))) - test
        assert len(one.test) == 0
    assert set(planted[0].val) & set(planted[1].val) == set()
    errors = [one["validation error"] for one in found.trials]
    assert found.trials[0]["settings"]["training.learning_rate"] == 3e-3, "the settings as given"
    assert found.best["validation error"] == min(errors)
    assert (
        found.run.config.training.learning_rate == found.best["settings"]["training.learning_rate"]
    )
    assert found.run.config.data.inner_folds is None
    assert len(found.run.division["test"]) == len(test)
    document = json.loads((tmp_path / "out" / "tune.json").read_text())
    assert document["trials"] == [dict(one) for one in found.trials]


@pytest.mark.long
def test_a_killed_search_goes_on_and_an_ended_one_does_not(csv_path, tmp_path, monkeypatch):
    calls = []

    def error(preparations, config, folder, session):
        calls.append(config.training.learning_rate)
        folder.mkdir(parents=True, exist_ok=True)
        if len(calls) == 3:
            raise KeyboardInterrupt
        if len(calls) == 5:
            raise ValueError("planted")
        return {"validation error": config.training.learning_rate}

    monkeypatch.setattr(module, "validation_errors", error)
    with pytest.raises(KeyboardInterrupt):
        tuned(csv_path, tmp_path / "out", 4)
    found = tuned(csv_path, tmp_path / "out", 4)
    assert len(calls) == 5
    assert calls[3] == calls[2], "the trial that was cut off is made again"
    assert len(set(calls)) == 4, "and no other is drawn twice"
    assert [one["reason"] for one in found.trials] == [None, None, None, "ValueError('planted')"]
    again = tuned(csv_path, tmp_path / "out", 4)
    assert len(calls) == 5
    assert again.best == found.best
    with pytest.raises(RunError, match="more trials would choose with the test known"):
        tuned(csv_path, tmp_path / "out", 5)
    with pytest.raises(RunError, match="other data, settings or ranges"):
        tuned(csv_path, tmp_path / "out", 4, seed=1)


@pytest.mark.long
def test_a_trial_is_what_train_would_validate(csv_path, tmp_path):
    found = tuned(csv_path, tmp_path / "out", 1)
    metrics = Run.open(tmp_path / "out" / "best").metrics["targets"]["energy"]
    own = metrics["models"][DEFAULT]["val"]["mae"]["value"]
    assert found.best["validation error"] == pytest.approx(own, rel=1e-5)
    assert not list((tmp_path / "out" / "trials").glob("*/*")), "no state is left behind"


@pytest.mark.parametrize(
    ("space", "said"),
    [
        (["model.deph=1..3"], "unknown key model.deph; did you mean 'depth'"),
        (["model.depht"], "no range is declared for model.depht, .*; did you mean 'model.depth'"),
        (["model.depth=1..x"], "a range is of numbers"),
        (["model.depth=3..1"], "from a lower to a higher"),
        (["training.learning_rate=0..1:log"], "must begin above 0"),
        (["model.depth=1..3:lin"], "ends in :log or nothing"),
        (["model.basis=gaussian"], "two values or more"),
        (["model.basis=gaussian,sinus"], "model.basis must be one of"),
        (["data.val_fraction=0.1..0.2"], "settings of graph, model and training"),
        (["training.seed=1..5"], "none that can be"),
        (["model.depth", "model.depth=1..2"], "is there already"),
    ],
)
def test_what_cannot_be_searched_is_refused_first(csv_path, tmp_path, space, said):
    with pytest.raises(ConfigError, match=said):
        xtalgraph.tune(
            csv_path, out=tmp_path / "out", trials=1, space=space, target="energy", progress=False
        )
    assert not (tmp_path / "out").exists()


def test_spaces_are_read():
    assert parse_space(["model.depth=2..5", "model.basis=gaussian,bessel", "model.width"]) == {
        "model.depth": Range(2, 5),
        "model.basis": Choice(("gaussian", "bessel")),
        "model.width": SEARCH["model.width"],
    }
    rate = parse_space(["training.learning_rate=1e-4..1e-2:log"])["training.learning_rate"]
    assert rate == Range(1e-4, 1e-2, log=True)
    assert not rate.whole
    assert parse_space(["model.depth=2..5"])["model.depth"].whole


def test_the_declared_ranges_hold_the_defaults_and_are_taken(csv_path):
    from xtalgraph.workflows.request import Request

    seen = set()
    for model in (DEFAULT, "cgcnn"):  # which together have every key
        request = Request.of(csv_path, {"target": "energy", "model": model})
        config = request.config()
        sections = config.sections()
        sections["training"]["weight_decay"] = config.training.decay(
            ENCODERS[model].recommended.weight_decay  # not null
        )
        for key, there in SEARCH.items():
            section, _, name = key.partition(".")
            if name in sections[section]:
                seen.add(key)
                assert there.holds(sections[section][name]), key
                for value in there.ends:
                    request.config({key: value})
    assert seen == set(SEARCH)
    assert set(default_space(request.config())) <= set(SEARCH)
    assert "model.depth" in default_space(request.config())
