"""A run is diagnosed: what is written, what is kept, what is refused."""

import json
import shutil
from dataclasses import replace

import pandas as pd
import pytest

import xtalgraph
from xtalgraph.conventions.errors import ConfigError, InputError, RunError
from xtalgraph.evidence.diagnostics.registry import DIAGNOSTICS
from xtalgraph.evidence.diagnostics.result import Verdict
from xtalgraph.evidence.pages.diagnosis import sentence_of
from xtalgraph.models.manifest import write_manifest
from xtalgraph.workflows import diagnose as module
from xtalgraph.workflows.diagnose import NAMES

OF_PROPERTIES = tuple(n for n in NAMES if DIAGNOSTICS[n].asked_of != "potential")
QUICK = ["order", "size", "smoothing"]


@pytest.fixture
def copied(run, tmp_path):
    return shutil.copytree(run, tmp_path / "run")


def texts_of(value):
    """Every text in a document."""
    if isinstance(value, str):
        return [value]
    each = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for one in each for text in texts_of(one)]


def test_every_question_has_an_answer_on_one_page_that_loads_nothing(copied):
    found = xtalgraph.diagnose(copied, retrain=True, progress=False)
    assert tuple(one.name for one in found.results) == OF_PROPERTIES
    for one in found.results:
        if one.verdict in (Verdict.OK, Verdict.ALARM) and one.number is not None:
            assert one.threshold is not None
            assert DIAGNOSTICS[one.name].measured
            assert DIAGNOSTICS[one.name].reason
        for drawn in DIAGNOSTICS[one.name].drawn(one, found.quantity):
            assert (copied / "diagnose" / f"{drawn.name}.svg").stat().st_size > 1000
            assert (copied / "diagnose" / f"{drawn.name}.png").stat().st_size > 1000
    document = json.loads((copied / "diagnose.json").read_text(encoding="utf-8"))
    assert all(len(text.split()) <= 5 for text in texts_of(document)), "numbers, no sentences"
    page = found.page.read_text(encoding="utf-8")
    assert "<script" not in page
    for loading in ("src=", "@import", 'http-equiv="refresh"'):
        assert loading not in page
    assert all(f'<section id="{name}">' in page for name in OF_PROPERTIES)
    assert len(page) < 5e6
    retrained = next(one for one in found.results if one.name == "retrained")
    assert "1 epochs, the model 4" in sentence_of(retrained, found.quantity)


@pytest.mark.parametrize(
    ("which", "names"),
    [
        ("run_of_members", tuple(name for name in OF_PROPERTIES if name != "retrained")),
        ("run_of_members_on_a_fold", ("cutoff-path", "cutoff", "smoothing", "reach")),
    ],
)
def test_of_several_members_the_mean_is_asked(which, names, request, table, tmp_path):
    folder = shutil.copytree(request.getfixturevalue(which), tmp_path / "run")
    found = xtalgraph.diagnose(folder, only=names, sample=12, progress=False)
    assert tuple(one.name for one in found.results) == names
    by_name = {one.name: one for one in found.results}
    (path,) = (folder / "predictions").iterdir()
    predicted = pd.read_csv(path).set_index("id")["prediction"]
    predicted /= table.set_index("id")["structure"].map(len)  # totals are compared for each atom
    cutoff = by_name["cutoff"].numbers
    moved = dict(zip(cutoff.changes, cutoff.moved, strict=True))
    assert moved[0.0] == 0.0
    if which == "run_of_members_on_a_fold":  # the other graph ends before its cutoff
        assert moved[-0.25] > 0.0
    for one in by_name["worst"].numbers.cases if "worst" in names else ():
        assert one["prediction"] == pytest.approx(predicted[one["id"]], rel=1e-5)
    for name in ("smoothing", "reach"):
        assert by_name[name].numbers.member in (1, 2, 3)
        assert "of 3" in sentence_of(by_name[name], found.quantity)


def test_a_diagnosis_of_other_members_is_not_kept(run_of_members, tmp_path):
    folder = shutil.copytree(run_of_members, tmp_path / "run")
    xtalgraph.diagnose(folder, only=["order"], progress=False)
    before = json.loads((folder / "diagnose.json").read_text(encoding="utf-8"))["of"]
    for name in ("model.json", "model.safetensors"):
        shutil.copy(folder / "members" / "1" / name, folder / "members" / "2" / name)
    write_manifest(folder)
    xtalgraph.diagnose(folder, only=["size"], progress=False)
    after = json.loads((folder / "diagnose.json").read_text(encoding="utf-8"))
    first, second, _ = before["weights_sha256"]
    assert after["of"]["weights_sha256"] == [first, second, second]
    assert [one["name"] for one in after["results"]] == ["size"]


def test_what_was_found_is_kept_for_the_same_model_and_data(copied, monkeypatch):
    first = xtalgraph.diagnose(copied, only=QUICK, progress=False)
    assert [one.name for one in first.results] == ["order", "size", "smoothing"]

    def refuse(tested):
        raise AssertionError("asked again")

    _measured_by(monkeypatch, refuse, *NAMES)
    again = xtalgraph.diagnose(copied, only=QUICK, progress=False)
    assert [one.as_dict() for one in again.results] == [one.as_dict() for one in first.results]
    with pytest.raises(AssertionError, match="asked again"):
        xtalgraph.diagnose(copied, only=["order"], sample=3, progress=False)
    (copied / "diagnose" / "order.svg").unlink()
    xtalgraph.diagnose(copied, only=["order"], progress=False)
    assert (copied / "diagnose" / "order.svg").is_file()  # drawn from the numbers


def _measured_by(monkeypatch, measure, *names):
    changed = {name: replace(module.DIAGNOSTICS[name], measure=measure) for name in names}
    monkeypatch.setattr(module, "DIAGNOSTICS", {**module.DIAGNOSTICS, **changed})


def test_results_are_written_one_by_one(copied, monkeypatch):
    def break_off(tested):
        raise KeyboardInterrupt

    _measured_by(monkeypatch, break_off, "size")
    with pytest.raises(KeyboardInterrupt):
        xtalgraph.diagnose(copied, only=QUICK, progress=False)
    document = json.loads((copied / "diagnose.json").read_text(encoding="utf-8"))
    assert [one["name"] for one in document["results"]] == ["order"]
    assert (copied / "diagnose.html").is_file()


def test_what_cannot_be_asked_is_refused(copied, csv_path, tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'order'"):
        xtalgraph.diagnose(copied, only=["oder"], progress=False)
    with pytest.raises(ConfigError, match="say --retrain"):
        xtalgraph.diagnose(copied, only=["retrained"], progress=False)
    with pytest.raises(ConfigError, match="is of a potential, and the run is none"):
        xtalgraph.diagnose(copied, only=["forces"], progress=False)
    with pytest.raises(ConfigError, match="sample must be at least 1"):
        xtalgraph.diagnose(copied, sample=0, progress=False)
    with pytest.raises(ConfigError, match="has no target 'enrgy'"):
        xtalgraph.diagnose(copied, target="enrgy", progress=False)
    with pytest.raises(InputError, match="not there"):
        xtalgraph.diagnose(copied, tmp_path / "gone.csv", progress=False)
    with pytest.raises(RunError, match="holds no model"):
        xtalgraph.diagnose(tmp_path, progress=False)


def test_a_target_of_sites_is_refused(table, tmp_path):
    small = ["model.width=12", "model.depth=1", "training.threads=1"]
    options = {"target": "charges", "kind": "atomic", "epochs": 1, "overrides": small}
    xtalgraph.train(table, out=tmp_path / "sites", progress=False, **options)
    with pytest.raises(InputError, match="one number for each site"):
        xtalgraph.diagnose(tmp_path / "sites", table, progress=False)
