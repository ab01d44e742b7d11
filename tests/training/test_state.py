"""States on disk: whole or refused."""

import json

import pytest
import torch

from xtalgraph.conventions.errors import RunError
from xtalgraph.training import state


def test_the_newest_state_is_read_and_older_ones_are_removed(tmp_path):
    for epoch in (1, 2):
        state.save_state(tmp_path, {"w": torch.full((2,), float(epoch))}, {"epoch": epoch})
    tensors, progress = state.load_state(tmp_path)
    assert progress == {"epoch": 2}
    assert torch.equal(tensors["w"], torch.full((2,), 2.0))
    assert len(list(tmp_path.glob("epoch-*"))) == 1


def test_a_weight_under_two_names_is_saved_under_both(tmp_path):
    shared = torch.nn.Linear(2, 2)
    network = torch.nn.Sequential(shared, shared)
    state.save_state(tmp_path, network.state_dict(), {"epoch": 1})
    tensors, _ = state.load_state(tmp_path)
    assert torch.equal(tensors["0.weight"], tensors["1.weight"])
    other = torch.nn.Linear(2, 2)
    torch.nn.Sequential(other, other).load_state_dict(tensors)
    assert torch.equal(other.weight, shared.weight)


def test_a_process_killed_while_writing_leaves_the_last_state(tmp_path, monkeypatch):
    state.save_state(tmp_path, {"w": torch.zeros(2)}, {"epoch": 1})

    def die(path, content):
        path.with_name(path.name + ".part").write_bytes(content[:10])
        raise KeyboardInterrupt

    monkeypatch.setattr(state, "write_atomically", die)
    with pytest.raises(KeyboardInterrupt):
        state.save_state(tmp_path, {"w": torch.ones(2)}, {"epoch": 2})
    assert state.load_state(tmp_path)[1] == {"epoch": 1}


@pytest.mark.parametrize("harm", ["flip", "cut", "remove", "pointer"])
def test_a_damaged_state_is_refused_with_advice(tmp_path, harm):
    state.save_state(tmp_path, {"w": torch.zeros(2)}, {"epoch": 1})
    blob = tmp_path / "epoch-000001.safetensors"
    content = blob.read_bytes()
    if harm == "flip":
        blob.write_bytes(content[:-1] + b"\x01")
    elif harm == "cut":
        blob.write_bytes(content[:20])
    elif harm == "remove":
        blob.unlink()
    else:
        (tmp_path / state.POINTER).write_text(json.dumps({"file": blob.name}))
    with pytest.raises(RunError, match="Delete that folder and start again"):
        state.load_state(tmp_path)


def test_the_last_selected_row_is_that_of_the_weights_that_are_left():
    rows = [{"epoch": number, "selected": one} for number, one in ((1, 1), (2, 1), (3, 0))]
    assert state.Progress().selected == {}
    assert state.Progress(history=rows).selected is rows[1]


def test_progress_that_was_changed_is_refused(tmp_path):
    state.save_state(tmp_path, {"w": torch.zeros(2)}, {"epoch": 1, "best_error": 0.5})
    pointer = tmp_path / state.POINTER
    pointer.write_text(pointer.read_text().replace("0.5", "0.4"))
    with pytest.raises(RunError, match=r"state\.json does not match its own checksum"):
        state.load_state(tmp_path)


@pytest.mark.parametrize("name", ["../epoch-000001.safetensors", "/etc/passwd", 7, None])
def test_a_file_elsewhere_is_no_state(tmp_path, name):
    state.save_state(tmp_path, {"w": torch.zeros(2)}, {"epoch": 1})
    pointer = tmp_path / state.POINTER
    record = json.loads(pointer.read_text()) | {"file": name}
    del record["pointer_sha256"]
    pointer.write_text(json.dumps(record))
    with pytest.raises(RunError, match="is not the name of a state"):
        state.load_state(tmp_path)


def test_no_state_is_none(tmp_path):
    assert state.load_state(tmp_path) is None
