"""Files of older versions are read with the names of today."""

import torch

from xtalgraph.models.upgrades import (
    FORMAT,
    upgrade_log,
    upgrade_model,
    upgrade_sections,
    upgrade_weights,
)


def test_a_model_of_an_older_format_gets_the_names_of_today():
    old = {"format": 1, "model": {"target": 0, "fold_tolerance": 0.001}}
    new = {"targets": [0], "reduction_tolerance": 0.001}
    assert upgrade_model(old) == {"format": FORMAT, "model": new}
    assert old["model"] == {"target": 0, "fold_tolerance": 0.001}


def test_a_model_of_today_stays_as_it_is():
    document = {"format": FORMAT, "model": {"encoder": "cgcnn"}}
    assert upgrade_model(document) == document


def test_sections_keep_what_was_not_renamed():
    old = {"graph": {"fold_tolerance": 0.0, "cutoff": 5.0}, "training": {"epochs": 3}}
    assert upgrade_sections(old) == {
        "graph": {"reduction_tolerance": 0.0, "cutoff": 5.0},
        "training": {"epochs": 3},
    }


def test_the_log_of_an_older_version_marks_the_selected_epoch():
    old = {"epoch": "1", "kept": "1", "val_mae": "0.5"}
    assert upgrade_log(old) == {"epoch": "1", "selected": "1", "val_mae": "0.5"}


def test_each_target_of_an_older_format_becomes_a_head():
    old = {"format": 5, "model": {"target": {"name": "a"}, "beside": [{"name": "b"}]}}
    assert upgrade_model(old)["model"] == {"targets": [{"name": "a"}, {"name": "b"}]}
    names = {
        "encoder.embed.weight": "encoder.embed.weight",
        "readout.head.1.weight": "heads.0.readouts.0.head.1.weight",
        "scaler.shift": "heads.0.scalers.0.shift",
        "beside.0.readout.head.1.weight": "heads.1.readouts.0.head.1.weight",
        "beside.0.scaler.scale": "heads.1.scalers.0.scale",
        "states.mean": "states.mean",
        "deviations.1.readout.head.1.weight": "heads.1.deviations.0.readout.head.1.weight",
    }
    weights = {name: torch.full((1,), float(n)) for n, name in enumerate(names)}
    assert upgrade_weights(weights, 5) == {names[name]: one for name, one in weights.items()}
    assert upgrade_weights(weights, FORMAT) == weights
