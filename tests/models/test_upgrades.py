"""Files of older versions are read with the names of today."""

import torch

from xtalgraph.models.upgrades import (
    FORMAT,
    upgrade_division,
    upgrade_intervals,
    upgrade_log,
    upgrade_model,
    upgrade_sections,
    upgrade_training_set,
    upgrade_weights,
)


def old_model(encoder: str, kinds: dict[str, str], **known) -> dict:
    first, *others = [{"name": name, "kind": kind} for name, kind in kinds.items()]
    model = {"encoder": encoder, "readout": "auto", "target": first, **known}
    return {"format": 1, "model": model | ({"beside": others} if others else {})}


def test_a_model_of_an_older_format_gets_the_names_of_today():
    old = old_model("cgcnn", {"a": "extensive"}, fold_tolerance=0.001)
    assert upgrade_model(old) == {
        "format": FORMAT,
        "members": 1,
        "manifest": False,
        "model": {
            "encoder": "cgcnn",
            "targets": [{"name": "a", "kind": "extensive"}],
            "readouts": ["sum"],
            "reduction_tolerance": 0.001,
            "conditions": {"numbers": [], "fidelity": "", "fidelities": []},
            "variance": False,
            "disorder": "refuse",
        },
    }
    assert old["model"]["fold_tolerance"] == 0.001, "what is read is not changed"


def test_the_weights_tell_which_readout_an_older_model_has():
    old = old_model("xgn", {"a": "intensive", "b": "extensive", "c": "intensive"})
    assert upgrade_model(old)["model"]["readouts"] == ["mean", "sum", "mean"]
    weights = ["beside.1.readout.pooling.score.0.weight", "beside.1.readout.head.1.weight"]
    assert upgrade_model(old, weights)["model"]["readouts"] == ["mean", "sum", "attention"]
    weights = ["readout.pooling.score.0.weight", "beside.0.readout.head.1.weight"]
    assert upgrade_model(old, weights)["model"]["readouts"] == ["attention", "sum", "mean"]
    lstm = upgrade_model(old, ["readout.pooling.lstm.bias_ih_l0"])
    assert lstm["model"]["readouts"] == ["set2set", "sum", "mean"]
    named = old_model("xgn", {"a": "intensive"}, readout="set2set")
    assert upgrade_model(named)["model"]["readouts"] == ["set2set"]


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


def test_settings_from_before_the_reduction_leave_graphs_whole():
    assert upgrade_sections({"graph": {"cutoff": 5.0}})["graph"]["reduction_tolerance"] == 0.0


def test_the_first_divisions_have_the_checksum_of_the_model():
    assert upgrade_division({"how": "random"}, {"data_sha256": "ab"}) == {
        "drawn": {"kind": "random"},
        "data_sha256": "ab",
    }
    assert upgrade_division({"data_sha256": "cd"}, {"data_sha256": "ab"}) == {"data_sha256": "cd"}


def test_intervals_got_the_name_of_the_standard_deviation():
    old = {"e": {"floor": 1.0, "by_spread": True, "scores": [0.5]}}
    assert upgrade_intervals(old, {"e": 1}) == {
        "e": {"floor": 1.0, "by_std": True, "scores": [0.5]}
    }


def test_each_target_of_an_older_format_becomes_a_head():
    old = old_model("gcn", {"a": "intensive", "b": "atomic"})
    assert [one["name"] for one in upgrade_model(old)["model"]["targets"]] == ["a", "b"]
    names = {
        "encoder.embed.weight": "encoder.embed.weight",
        "readout.head.1.weight": "heads.0.readouts.0.head.1.weight",
        "scaler.shift": "heads.0.scalers.0.shift",
        "beside.0.readout.head.1.weight": "heads.1.readouts.0.head.1.weight",
        "beside.0.scaler.scale": "heads.1.scalers.0.scale",
        "states.mean": "condition_scaler.mean",
        "deviations.1.readout.head.1.weight": "heads.1.deviations.0.readout.head.1.weight",
    }
    weights = {name: torch.full((1,), float(n)) for n, name in enumerate(names)}
    current = {names[name]: one for name, one in weights.items()}
    assert upgrade_weights(weights, old) == current
    assert upgrade_weights(current, {"format": FORMAT}) == current


def test_the_names_in_a_training_set_are_those_of_today():
    old = {"latent": 1, "latent_threshold": 2, "piles": 3, "elements": 4}
    assert upgrade_training_set(old) == {
        **{"embedding": 1, "embedding_threshold": 2, "compositions": 3, "elements": 4},
    }


def test_the_numbers_of_a_list_become_one_target_with_one_head():
    def number(index):
        part = {"column": "v", "index": index, "size": 2}
        return {"name": f"v[{index}]", "kind": "intensive", "component": part}

    first = {"name": "a", "kind": "extensive"}
    last = {"name": "b", "kind": "atomic"}
    model = {"target": first, "beside": [number(0), number(1), last]}
    old = {"format": 5, "model": model | {"fold_tolerance": 0.0, "readout": "auto"}}
    whole = {"name": "v", "kind": "intensive", "tensor": {"copies": 2}}
    assert upgrade_model(old)["model"]["targets"] == [first, whole, last]
    assert upgrade_model(old)["model"]["readouts"] == ["sum", "mean", "atom"]
    names = {
        "readout.w": "heads.0.readouts.0.w",
        "beside.0.readout.w": "heads.1.readouts.0.w",
        "beside.1.readout.w": "heads.1.readouts.1.w",
        "beside.1.scaler.scale": "heads.1.scalers.1.scale",
        "beside.2.readout.w": "heads.2.readouts.0.w",
        "deviations.2.readout.w": "heads.1.deviations.1.readout.w",
    }
    weights = {name: torch.full((1,), float(n)) for n, name in enumerate(names)}
    assert upgrade_weights(weights, old) == {names[name]: one for name, one in weights.items()}


def test_format_6_had_a_head_for_each_number_of_a_list():
    targets = [
        {
            "name": f"v[{n}]",
            "kind": "intensive",
            "component": {"column": "v", "index": n, "size": 2},
        }
        for n in range(2)
    ]
    total = {"name": "e", "kind": "extensive"}
    model = {"targets": [total, *targets], "readouts": ["sum", "mean", "mean"]}
    old = {"format": 6, "model": model}
    whole = {"name": "v", "kind": "intensive", "tensor": {"copies": 2}}
    assert upgrade_model(old)["model"] == {"targets": [total, whole], "readouts": ["sum", "mean"]}
    names = [f"heads.{n}.readouts.0.w" for n in range(3)]
    weights = {name: torch.full((1,), float(n)) for n, name in enumerate(names)}
    expected = ["heads.0.readouts.0.w", "heads.1.readouts.0.w", "heads.1.readouts.1.w"]
    assert upgrade_weights(weights, old) == dict(zip(expected, weights.values(), strict=True))


def test_a_list_of_an_older_format_keeps_the_intervals_of_its_numbers():
    first = {"floor": 1.0, "by_std": True, "scores": [0.5, 0.75]}
    second = {"floor": 2.0, "by_std": True, "scores": [0.25]}
    whole = {"floor": [1.0, 2.0], "by_std": [True, True], "scores": [(0.5, 0.25), (0.75, None)]}
    assert upgrade_intervals({"v[0]": first, "v[1]": second}, {"v": 2}) == {"v": whole}
    assert upgrade_intervals({"v[0]": first}, {"v": 1}) == {"v": first}
    assert upgrade_intervals({"v": first, "w": second}, {"v": 1, "w": 2}) == {
        "v": first,
        "w": second,
    }
