"""Names that users bring from elsewhere lead to the settings of ours."""

import pytest

import xtalgraph
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.workflows.setting_names import _ALSO, _by_key, setting_meant, settings_called


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("--lr", "training.learning_rate"),
        ("--learning-rate", "training.learning_rate"),
        ("--learning_rate", "training.learning_rate"),
        ("--batch-size", "training.batch_size"),
        ("--batchsize", "training.batch_size"),
        ("--weight-decay", "training.weight_decay"),
        ("--device", "training.device"),
        ("--patience", "training.patience"),
        ("--width", "model.width"),
        ("--depth", "model.depth"),
        ("--dropout", "model.dropout"),
        ("--readout", "model.readout"),
        ("--cutoff", "graph.cutoff"),
        ("--strategy", "graph.strategy"),
        ("--val-fraction", "data.val_fraction"),
        ("--num-workers", "data.workers"),
        ("--fold-tolerance", "graph.reduction_tolerance"),
        ("--state", "data.conditions"),
    ],
)
def test_options_of_others_are_found(name, setting):
    assert settings_called(name) == [setting]


@pytest.mark.parametrize(
    ("override", "meant"),
    [
        ("batch_size=3", "training.batch_size"),
        ("lr=3", "training.learning_rate"),
        ("training.lr=3", "training.learning_rate"),
        ("model.learning_rate=3", "training.learning_rate"),
        ("training.width=3", "model.width"),
        ("model.cutoff=3", "graph.cutoff"),
        ("graph.fold_tolerance=0", "graph.reduction_tolerance"),
        ("data.state=temperature", "data.conditions"),
    ],
)
def test_an_override_of_another_section_names_the_right_one(override, meant, tmp_path):
    with pytest.raises(ConfigError, match=f"did you mean '{meant}'"):
        xtalgraph.train([], out=tmp_path / "run", target="y", overrides=[override])


@pytest.mark.parametrize("path", [name for names in _by_key().values() for name in names])
def test_every_setting_is_called_what_it_is_called(path):
    assert setting_meant(path) is None


def test_what_means_nothing_is_not_guessed():
    assert settings_called("--frobnicate") == []
    assert set(_ALSO.values()) <= set(_by_key())


def test_no_setting_is_taken_for_another():
    paths = [path for paths in _by_key().values() for path in paths]
    assert "model.channels" in paths, "which users of others say for a width"
    assert [path for path in paths if setting_meant(path) is not None] == []
