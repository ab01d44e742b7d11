"""Models that are asked for by a name."""

import json
import re
import zlib

import pytest

from xtalgraph.conventions.errors import ConfigError, RunError
from xtalgraph.crystals.convert import from_any
from xtalgraph.models.manifest import check_manifest
from xtalgraph.models.named_models import SHIPPED, check_not_shipped, named_models, run_folder
from xtalgraph.models.predictor import Predictor

NAMES = sorted(folder.name for folder in SHIPPED.iterdir())
ENCODERS = ["structure-encoder"]
"""Those that predict nothing."""
MEGABYTES = 12
"""That all shipped models may have in the wheel, which stays below 15."""


@pytest.fixture(autouse=True)
def nothing_added(tmp_path, monkeypatch):
    monkeypatch.setenv("XTALGRAPH_MODELS", str(tmp_path / "added"))
    return tmp_path / "added"


def test_a_name_is_the_folder_of_its_model():
    assert list(named_models()) == NAMES
    assert run_folder("copper-potential") == SHIPPED / "copper-potential"


def test_what_is_no_name_is_a_path(tmp_path):
    assert run_folder(tmp_path / "missing") == tmp_path / "missing"
    assert str(run_folder("runs/copper-potential")) == "runs/copper-potential"


def test_a_run_folder_comes_before_a_name_and_any_other_folder_after_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "copper-potential").mkdir()
    assert run_folder("copper-potential").parent == SHIPPED
    (tmp_path / "copper-potential" / "model.json").write_text("{}")
    assert str(run_folder("copper-potential")) == "copper-potential"


def test_a_misspelt_name_gives_the_nearest():
    with pytest.raises(RunError, match="did you mean 'silicon-potential'"):
        run_folder("silicon-potentail")


def test_nothing_added_takes_the_name_of_a_shipped_model(nothing_added):
    for name in ("copper-potential", "mine", "No Name"):
        (nothing_added / name).mkdir(parents=True)
        (nothing_added / name / "model.json").write_text("{}")
    assert sorted(named_models()) == sorted([*NAMES, "mine"])
    assert named_models()["copper-potential"].parent == SHIPPED


def test_nothing_is_written_into_the_package(tmp_path):
    check_not_shipped(tmp_path)
    with pytest.raises(ConfigError, match="a model of the package"):
        check_not_shipped(SHIPPED / NAMES[0])


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_model_is_whole_and_has_a_card(name):
    about = json.loads((SHIPPED / name / "about.json").read_text("utf-8"))
    assert check_manifest(SHIPPED / name, evidence=True)
    assert {"title", "trained_on", "held_out", "not_for", "license", "reference"} == about.keys()


@pytest.mark.parametrize("name", ENCODERS)
def test_an_encoder_embeds_and_predicts_nothing(name):
    predictor = Predictor.load(SHIPPED / name, without_target=True)
    found = predictor.predict_crystals([from_any(cell_of(predictor.elements))])
    assert found.embedding.shape == (1, 64)
    assert len(predictor.members) == 3
    with pytest.raises(RunError, match="pre-trained"):
        Predictor.load(SHIPPED / name)


@pytest.mark.parametrize("name", sorted({*NAMES} - {*ENCODERS}))
def test_a_shipped_model_predicts_with_what_its_card_says(name):
    predictor = Predictor.load(SHIPPED / name)
    cubic = from_any(cell_of(predictor.elements))
    found = predictor.predict_crystals([cubic], novelty=True)
    assert found.novelty[0] is not None
    if not name.endswith("-potential"):
        target = predictor.targets[0].name
        lower, upper = found.predictions.lower[target], found.predictions.upper[target]
        assert (found.predictions.std[target] > 0).all()
        assert (lower < found.predictions.values[target]).all()
        assert (found.predictions.values[target] < upper).all()


def test_no_path_of_the_machine_that_trained_them_is_shipped():
    for path in SHIPPED.rglob("*"):
        if path.suffix in (".json", ".yaml"):
            assert not re.search(r"[\s\"](/[^\s\"/]+)+/", path.read_text("utf-8")), path


def test_they_are_small_in_the_wheel():
    files = (path for path in SHIPPED.rglob("*") if path.is_file())
    assert sum(len(zlib.compress(path.read_bytes())) for path in files) < MEGABYTES * 1e6


def cell_of(elements):
    """A cell that the elements of a model can fill."""
    from ase import Atoms
    from ase.build import bulk

    if len(elements) == 1:
        return bulk(elements[0])
    return Atoms(list(elements[:5]), [[0, 0, 0], [2, 2, 2], [2, 2, 0], [2, 0, 2], [0, 2, 2]],
                 cell=[4, 4, 4], pbc=True)  # fmt: skip
