"""Whatever the files of a run and of a store hold: the project's errors, soon, in little memory.

Each mutation of a run is tried twice: as damage, which the manifest finds, and as a hostile folder,
whose checksums have been made again, so that the loaders themselves must hold.
"""

import hashlib
import json
import resource
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import xtalgraph
from xtalgraph.conventions.errors import XtalgraphError
from xtalgraph.data.store import DOCUMENT, GraphStore, document_digest
from xtalgraph.data.store_building import build_store
from xtalgraph.graphs.build import GraphSettings
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.manifest import write_manifest
from xtalgraph.models.predictor import Predictor
from xtalgraph.testing.crystals import contract_crystals
from xtalgraph.training.state import Progress, load_state
from xtalgraph.workflows.run import Run

DIGITS = "9" * 400
DEEP = "[" * 100_000
VALUES = [
    *("null", "true", "-1", "0", "1e400", "NaN", "Infinity", DIGITS, '""', '"x"', "[]", "{}"),
    *("[[1]]", '{"a": 1}', "1000000000", "3.5", '"../../etc/passwd"', '["Xx"]', DEEP),
]
"""What is put in the place of a value of a JSON document."""
SECONDS = 2.0
GIGABYTE = 2**30
EVIDENCE = ("metrics.json", "record.json", "split.json", "config.yaml")


def mutated(content, name, rng):
    """Return other content for a file: flipped, cut, doubled, emptied, or with another value."""
    kind = rng.integers(7)
    if kind == 0 or not content:
        return b""
    if kind == 1:
        return content[: rng.integers(len(content))]
    if kind == 2:
        changed = bytearray(content)
        for _ in range(rng.integers(1, 5)):
            changed[rng.integers(len(changed))] ^= 1 << rng.integers(8)
        return bytes(changed)
    if kind == 3:
        start, stop = sorted(rng.integers(len(content), size=2))
        return content[:stop] + content[start:]
    if name.endswith(".safetensors"):
        return other_header(content, rng)
    return other_value(content, rng)


def other_header(content, rng):
    """Return a safetensors file whose header lies, of its own length or of one of its arrays."""
    length = int.from_bytes(content[:8], "little")
    if rng.random() < 0.2:
        wrong = [10**12, 2**63 - 1, 0, len(content), len(content) - 8][rng.integers(5)]
        return wrong.to_bytes(8, "little") + content[8:]
    header = json.loads(content[8 : 8 + length])
    names = [name for name in header if name != "__metadata__"]
    entry = header[names[rng.integers(len(names))]]
    start, stop = entry["data_offsets"]
    lies = [
        {"shape": [10**9, 10**9]},
        {"shape": [-1]},
        {"shape": "x"},
        {"shape": [int(DIGITS)]},
        {"dtype": "F16"},
        {"dtype": "I64"},
        {"dtype": 7},
        {"data_offsets": [start, 10**15]},
        {"data_offsets": [stop, start]},
        {"data_offsets": []},
    ]
    entry |= lies[rng.integers(len(lies))]
    data = content[8 + length :]
    if rng.random() < 0.3:
        data = np.frombuffer(data, np.uint8).copy()
        data[start:stop] = 0xFF  # not a number, whatever its width
        data = data.tobytes()
        header = json.loads(content[8 : 8 + length])
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def other_value(content, rng):
    """Return a text in which one value is something else."""
    value = VALUES[rng.integers(len(VALUES))]
    try:
        document = json.loads(content)
    except ValueError:
        lines = content.decode().splitlines()
        place = rng.integers(len(lines))
        lines[place] = f"{lines[place].split(':')[0]}: {value}"
        return "\n".join(lines).encode()
    holder, key = document, None
    while isinstance(holder, dict | list) and holder:
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        key = keys[rng.integers(len(keys))]
        if not isinstance(holder[key], dict | list) or not holder[key] or rng.random() < 0.3:
            break
        holder = holder[key]
    if key is None:
        return value.encode()
    holder[key] = "PLACE"
    return json.dumps(document).replace('"PLACE"', value, 1).encode()


def tried(use):
    """Return the outcome, or None where the project refuses; check the time and the memory."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + GIGABYTE, hard))
    began = time.process_time()
    try:
        return use()
    except XtalgraphError:
        return None
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        assert time.process_time() - began < SECONDS


def read_run(folder, crystals):
    said = Predictor.load(folder).predict(crystals)
    opened = Run.open(folder)
    assert all((opened.config, opened.metrics, opened.record, opened.division))
    return said


def reseal(folder, name):
    """Make the checksums of a hostile folder, as far as its files can be read."""
    weights = (folder / name).with_name("model.safetensors")
    description = weights.with_name("model.json")
    if name.endswith("model.safetensors"):
        document = json.loads(description.read_text())
        document["weights_sha256"] = hashlib.sha256(weights.read_bytes()).hexdigest()
        description.write_text(json.dumps(document))
    write_manifest(folder)


@pytest.fixture(scope="module")
def folder(run_of_members_on_a_fold, tmp_path_factory):
    return shutil.copytree(run_of_members_on_a_fold, tmp_path_factory.mktemp("mutated") / "run")


def mutate_run(folder, crystals, count, seed):
    usual = read_run(folder, crystals)
    names = sorted(json.loads((folder / "manifest.json").read_text())["files"])
    deciding = [one for one in names if one.endswith(("json", "safetensors", "yaml"))]
    rng = np.random.default_rng(seed)
    kept = {name: (folder / name).read_bytes() for name in [*names, "manifest.json"]}
    unsupported = 0
    for number in range(count):
        hostile = number % 2 == 1
        name = str(rng.choice(deciding if hostile else [*names, "manifest.json"]))
        content = mutated(kept[name], name, rng)
        if content == kept[name]:
            continue
        (folder / name).write_bytes(content)
        if hostile:
            reseal(folder, name)
        found = tried(lambda: read_run(folder, crystals))
        unsupported += found is None
        if found is not None and not hostile:
            np.testing.assert_array_equal(found["prediction"], usual["prediction"], str(name))
        for one, before in kept.items():
            (folder / one).write_bytes(before)
    assert unsupported > 0.6 * count


def test_sixty_mutations_of_a_run(folder, table):
    mutate_run(folder, table["structure"].tolist()[:2], 60, seed=0)


@pytest.mark.long
def test_a_thousand_mutations_of_a_run(folder, table):
    mutate_run(folder, table["structure"].tolist()[:2], 1000, seed=1)


SHOWN = {
    "report": ("metrics.json", "worst.json", "structures.json", "record.json", "split.json",
               "verify.json", "log.csv", "rejected.csv", "predictions/energy.csv"),
    "diagnose": ("diagnose.json",),
}  # fmt: skip
"""Files that a verb shows."""
CELLS = ("", "nan", "inf", "-1e308", "1e400", "x", DIGITS, '"', ",,,", "1/0", "a" * 3_000)
"""What is put in the place of a cell of a table."""


def other_cell(content, rng):
    """Return a table in which one cell, often of the first line, is something else."""
    lines = content.decode().split("\n")
    number = rng.integers(len(lines)) if rng.random() < 0.7 else 0
    cells = lines[number].split(",")
    cells[rng.integers(len(cells))] = CELLS[rng.integers(len(CELLS))]
    lines[number] = ",".join(cells)
    return "\n".join(lines).encode()


def mutate_shown(run, data, verb, count, seed):
    """Show hostile folders: a page, or an error that names the file."""
    ask = {"sample": 12, "only": ["order", "groups"], "progress": False}
    xtalgraph.diagnose(run, data, **ask)
    xtalgraph.verify(run, sample=1, progress=False)
    rng = np.random.default_rng(seed)
    kept = {name: (run / name).read_bytes() for name in (*SHOWN[verb], "manifest.json")}
    pages, unnamed = 0, []
    for number in range(count):
        name = str(rng.choice(SHOWN[verb]))
        change = other_cell if name.endswith("csv") else other_value
        content = change(kept[name], rng) if number % 3 else mutated(kept[name], name, rng)
        (run / name).write_bytes(content)
        write_manifest(run)
        try:
            xtalgraph.report(run) if verb == "report" else xtalgraph.diagnose(run, data, **ask)
            pages += 1
        except XtalgraphError as error:
            unnamed += [] if name in str(error) else [f"{number}: {error}"]
        for file, before in kept.items():
            (run / file).write_bytes(before)
    assert unnamed == []
    assert 0 < pages < count


@pytest.fixture
def quick_figures(monkeypatch):
    """Figures are not drawn: what a folder holds reaches them, and their look is not asked for."""
    svg = "<svg></svg>"

    def save(figure, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(f"{path.name}.svg").write_text(svg)
        return path.with_name(f"{path.name}.svg")

    for module in ("figures", "diagnosis"):
        monkeypatch.setattr(f"xtalgraph.evidence.pages.{module}.save_figure", save)


@pytest.mark.parametrize("verb", SHOWN)
def test_hostile_folders_are_shown_or_refused_by_file(verb, run, csv_path, tmp_path, quick_figures):
    mutate_shown(shutil.copytree(run, tmp_path / "run"), csv_path, verb, 15, seed=0)


@pytest.mark.long
@pytest.mark.parametrize("verb", SHOWN)
def test_hundreds_of_hostile_folders(verb, run, csv_path, tmp_path, quick_figures):
    mutate_shown(shutil.copytree(run, tmp_path / "run"), csv_path, verb, 300, seed=1)


def mutate_state(state, count, seed):
    rng = np.random.default_rng(seed)
    kept = {path: path.read_bytes() for path in state.iterdir()}
    for number in range(count):
        path = list(kept)[rng.integers(len(kept))]
        path.write_bytes(mutated(kept[path], path.name, rng))

        def resume():
            found = load_state(state)
            return None if found is None else Progress.restored(found[1])

        if path.suffix == ".safetensors" and number % 2:
            pointer = json.loads((state / "state.json").read_text())
            pointer["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
            del pointer["pointer_sha256"]
            (state / "state.json").write_text(json.dumps(pointer))
        if path.read_bytes() != kept[path]:
            tried(resume)
        for one, before in kept.items():
            one.write_bytes(before)


def test_thirty_mutations_of_a_state(folder):
    mutate_state(folder / "state", 30, seed=0)


@pytest.mark.long
def test_five_hundred_mutations_of_a_state(folder):
    mutate_state(folder / "state", 500, seed=1)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    place = tmp_path_factory.mktemp("mutated") / "store"
    build_store(list(contract_crystals().values()), GraphSettings(Radius(4.0)), place)
    return place


def mutate_store(store, count, seed):
    rng = np.random.default_rng(seed)
    usual = GraphStore.open(store).load()
    names = ("graphs.safetensors", DOCUMENT)
    kept = {name: (store / name).read_bytes() for name in names}
    unsupported = 0
    for number in range(count):
        hostile = number % 2 == 1
        name = str(rng.choice(names))
        content = mutated(kept[name], name, rng)
        (store / name).write_bytes(content)
        if hostile:
            seal_store(store)

        def read():
            opened = GraphStore.open(store)
            opened.verify()
            assert len(opened.kept) == len(opened)
            return opened.load()

        found = None if content == kept[name] else tried(read)
        unsupported += found is None
        if found is not None and not hostile:
            assert torch.equal(found.distance, usual.distance)
        for one, before in kept.items():
            (store / one).write_bytes(before)
    assert unsupported > 0.6 * count


def seal_store(store):
    try:
        document = json.loads((store / DOCUMENT).read_bytes())
        content = (store / "graphs.safetensors").read_bytes()
        document.pop("document_sha256", None)
        document |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        document["document_sha256"] = document_digest(document)
        (store / DOCUMENT).write_text(json.dumps(document))
    except (ValueError, AttributeError, RecursionError):  # there is nothing to seal
        return


def test_thirty_mutations_of_a_store(store):
    mutate_store(store, 30, seed=0)


@pytest.mark.long
def test_five_hundred_mutations_of_a_store(store):
    mutate_store(store, 500, seed=1)
