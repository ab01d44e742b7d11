"""Names that users bring from elsewhere lead to the settings of ours."""

import pytest

from xtalgraph.workflows.setting_names import _ALSO, _by_key, settings_called


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
    ],
)
def test_options_of_others_are_found(name, setting):
    assert settings_called(name) == [setting]


def test_what_means_nothing_is_not_guessed():
    assert settings_called("--frobnicate") == []
    assert set(_ALSO.values()) <= set(_by_key())
