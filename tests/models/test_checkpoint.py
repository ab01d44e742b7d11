"""A model comes back from disk as it was, or says why not."""

import dataclasses
import json

import pytest
import torch

from xtalgraph.conventions.errors import ConfigError, RunError
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.invariant_graph import InvariantGraph
from xtalgraph.models.checkpoint import check_finite, load_model, save_model
from xtalgraph.models.spec import ModelSpec
from xtalgraph.models.upgrades import FORMAT
from xtalgraph.testing.crystals import contract_crystals

SPEC = ModelSpec(
    "cgcnn", {"width": 8}, "auto", "hybrid", {}, (Target("e", Kind.EXTENSIVE, "eV/cell", "low"),)
)


@pytest.fixture
def run(tmp_path):
    model = SPEC.make_model()
    model.heads[0].scalers[0].shift.normal_()
    save_model(tmp_path, model, SPEC, {"elements": ["H", "O"]})
    return tmp_path, model


def test_weights_and_spec_come_back(run):
    folder, model = run
    loaded, spec, document = load_model(folder)
    assert spec == SPEC
    assert document["elements"] == ["H", "O"]
    for name, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value)
    assert not loaded.training


def test_every_default_is_written_out(run):
    document = json.loads((run[0] / "model.json").read_text())["model"]
    assert document["settings"]["depth"] == 3
    assert document["strategy_settings"]["max_neighbors"] == 12


def test_a_record_from_before_folding_means_the_full_graph(run):
    path = run[0] / "model.json"
    document = json.loads(path.read_text())
    assert document["model"].pop("reduction_tolerance") == 0.0
    path.write_text(json.dumps(document))
    assert load_model(run[0])[1].reduction_tolerance == 0.0


def test_how_the_graph_is_folded_comes_back(tmp_path):
    spec = dataclasses.replace(SPEC, reduction_tolerance=2e-3)
    save_model(tmp_path, spec.make_model(), spec, {"elements": []})
    loaded = load_model(tmp_path)[1]
    assert loaded == spec
    assert isinstance(loaded.make_graph(contract_crystals()["cubic"]), InvariantGraph)


def test_a_damaged_file_is_noticed(run):
    weights = run[0] / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content))
    with pytest.raises(RunError, match="does not match the checksum"):
        load_model(run[0])


HUGE = {"width": 4096}, {"depth": 128}, {"width": 9}, {"depth": 4}


@pytest.mark.parametrize("settings", HUGE)
def test_a_size_that_the_weights_have_not_is_refused_before_memory_is_taken(run, settings):
    path = run[0] / "model.json"
    document = json.loads(path.read_text())
    document["model"]["settings"] |= settings
    path.write_text(json.dumps(document))
    with pytest.raises(RunError, match=r"model\.safetensors.*another run, or damaged"):
        load_model(run[0])


@pytest.mark.parametrize("settings", [{"width": 10**9}, {"depth": 10**6}, {"width": -1}, []])
def test_a_size_that_no_model_has_is_refused(run, settings):
    path = run[0] / "model.json"
    document = json.loads(path.read_text())
    document["model"]["settings"] = settings
    path.write_text(json.dumps(document))
    with pytest.raises(RunError, match=r"model\.json"):
        load_model(run[0])


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_not_finite_are_refused_with_their_name(run, value):
    folder, model = run
    check_finite(model, folder)
    with torch.no_grad():
        model.encoder.embed.weight[0, 0] = value
    with pytest.raises(RunError, match=r"encoder\.embed\.weight are not all finite"):
        check_finite(model, folder)


def test_a_newer_format_and_broken_json_are_refused(run):
    path = run[0] / "model.json"
    path.write_text(path.read_text().replace(f'"format": {FORMAT}', '"format": 99'))
    with pytest.raises(RunError, match="install a newer xtalgraph"):
        load_model(run[0])
    path.write_text("{")
    with pytest.raises(RunError, match="is damaged"):
        load_model(run[0])


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(RunError, match=r"holds no model\.json"):
        load_model(tmp_path)


def test_names_are_checked_with_the_nearest_right_one():
    target = Target("e", Kind.EXTENSIVE)
    with pytest.raises(ConfigError, match="did you mean 'cgcnn'"):
        ModelSpec("cgcn", {}, "auto", "hybrid", {}, (target,))
    with pytest.raises(ConfigError, match="did you mean 'hybrid'"):
        ModelSpec("cgcnn", {}, "auto", "hybird", {}, (target,))
    with pytest.raises(ConfigError, match=r"unknown key model\.widht; did you mean 'width'"):
        ModelSpec("cgcnn", {"widht": 3}, "auto", "hybrid", {}, (target,))
    with pytest.raises(ConfigError, match=r"unknown key graph\.max_neighbors"):
        ModelSpec("cgcnn", {}, "auto", "radius", {"max_neighbors": 3}, (target,))
    of_another = SPEC.as_dict() | {"encoder": "mine"}
    with pytest.raises(ConfigError, match=r"unknown model 'mine'.* register an architecture"):
        ModelSpec.from_dict(of_another)


@pytest.mark.parametrize("encoder", ["tfn", "nequip", "allegro"])
def test_a_run_from_before_the_number_of_neighbors_was_measured_keeps_its_own(encoder):
    spec = ModelSpec(encoder, {"channels": 4, "depth": 1}, "auto", "radius", {}, SPEC.targets)
    document = json.loads(json.dumps(spec.as_dict()))
    for name in ("neighbors", "elements"):
        assert document["settings"].pop(name) is None
    read = ModelSpec.from_dict(document)
    assert (read.settings["neighbors"], read.settings["elements"]) == (16.0, None)
    assert read.make_model().encoder.neighbors ** -0.5 == 0.25
