"""A run is one thing: whatever decides a prediction is of this run, unchanged, and all of it."""

import hashlib
import json
import shutil

import numpy as np
import pytest

from xtalgraph.conventions.errors import RunError
from xtalgraph.models.manifest import check_manifest, write_manifest

FILES = {
    "model.json": '{"manifest": true}',
    "model.safetensors": "weights",
    "intervals.json": "{}",
    "training_set.safetensors": "vectors",
    "members/1/model.json": "{}",
    "members/1/model.safetensors": "others",
    "config.yaml": "",
    "split.json": "{}",
    "predictions/y.csv": "id",
    "metrics.json": "{}",
    "worst.json": "[]",
    "record.json": "{}",
    "log.csv": "",
    "members/1/log.csv": "",
}
DECIDING = list(FILES)[:6]


@pytest.fixture
def folder(tmp_path):
    run = tmp_path / "run"
    (run / "members" / "1").mkdir(parents=True)
    (run / "predictions").mkdir()
    for name, text in FILES.items():
        (run / name).write_text(text)
    (run / "report.html").write_text("page")
    write_manifest(run)
    return run


def test_it_lists_what_sha256sum_says(folder):
    listed = json.loads((folder / "manifest.json").read_text())["files"]
    assert set(listed) == set(FILES)
    for name, entry in listed.items():
        content = (folder / name).read_bytes()
        assert entry == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert check_manifest(folder, evidence=True) == len(FILES)
    assert check_manifest(folder, evidence=False) == len(DECIDING)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("harm", ["has changed", "is missing"])
def test_a_changed_or_missing_file_is_named(folder, name, harm):
    path = folder / name
    if harm == "has changed":
        path.write_text(FILES[name][:-1] + "?")
    else:
        path.unlink()
    with pytest.raises(RunError, match=harm) as unsupported:
        check_manifest(folder, evidence=True)
    assert f"{name} " in str(unsupported.value)
    assert str(folder) in str(unsupported.value)
    assert str(unsupported.value).count(harm) == 1
    if name in DECIDING:
        with pytest.raises(RunError, match=harm):
            check_manifest(folder, evidence=False)
    else:
        assert check_manifest(folder, evidence=False) == len(DECIDING)


@pytest.mark.parametrize("name", ["members/2/model.json", "members/2/model.safetensors"])
def test_a_member_of_another_run_is_named(folder, name):
    (folder / "members" / "2").mkdir()
    (folder / name).write_text("{}")
    with pytest.raises(RunError, match=f"{name} is not of this run"):
        check_manifest(folder, evidence=False)


def test_intervals_of_another_run_are_named(folder, tmp_path):
    (folder / "intervals.json").unlink()
    write_manifest(folder)
    (folder / "intervals.json").write_text("{}")
    with pytest.raises(RunError, match=r"intervals\.json is not of this run"):
        check_manifest(folder, evidence=False)


@pytest.mark.parametrize("name", FILES)
def test_a_file_exchanged_with_another_run_is_found(folder, tmp_path, name):
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    (other / name).write_text(FILES[name] + " ")
    write_manifest(other)
    check_manifest(other, evidence=True)
    shutil.copy(other / name, folder / name)
    with pytest.raises(RunError, match="has changed"):
        check_manifest(folder, evidence=True)
    shutil.copy(other / "manifest.json", folder / "manifest.json")
    check_manifest(folder, evidence=True)  # now it is the other run


def test_what_is_written_later_is_not_of_it(folder):
    for name in ("report.html", "verify.json", "card.md", "diagnose.json"):
        (folder / name).write_text("again")
    assert check_manifest(folder, evidence=True) == len(FILES)


def test_a_run_that_lost_its_manifest_is_no_older_run(folder):
    (folder / "manifest.json").unlink()
    with pytest.raises(RunError, match=r"holds no manifest\.json.*--resume"):
        check_manifest(folder, evidence=False)
    (folder / "model.json").write_text("{}")
    assert check_manifest(folder, evidence=False) is None


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_manifest_is_refused(folder, seed):
    rng, path = np.random.default_rng(seed), folder / "manifest.json"
    content = bytearray(path.read_bytes())
    places = [place for place, byte in enumerate(content) if chr(byte).isalnum()]
    content[rng.choice(places)] ^= 1 << rng.integers(7)
    path.write_bytes(content)
    with pytest.raises(RunError, match=r"manifest\.json"):
        check_manifest(folder, evidence=True)


def test_a_manifest_that_says_nothing_is_refused(folder):
    for text in ("[]", "{}", '{"format": 1, "files": {}}', '{"format": 2}', "[" * 10**5):
        (folder / "manifest.json").write_text(text)
        with pytest.raises(RunError, match=r"manifest\.json"):
            check_manifest(folder, evidence=True)
