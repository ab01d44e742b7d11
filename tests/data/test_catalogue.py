import json
import re
from pathlib import Path

import pytest

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.data.catalogue import CATALOGUE, find_dataset

SHARED = Path(__file__).parents[2].parent / "shared" / "data"

# Sizes of the tasks in Table 1 of Dunn et al., npj Comput. Mater. 6, 138 (2020).
MATBENCH_SIZES = {
    "steels": 312,
    "jdft2d": 636,
    "phonons": 1265,
    "expt_gap": 4604,
    "dielectric": 4764,
    "expt_is_metal": 4921,
    "glass": 5680,
    "log_gvrh": 10987,
    "log_kvrh": 10987,
    "perovskites": 18928,
    "mp_gap": 106113,
    "mp_is_metal": 106113,
    "mp_e_form": 132752,
}


def test_catalogue_holds_the_thirteen_tasks_and_the_embedded_set():
    expected = {"ionic_perovskites"} | {f"matbench_{task}" for task in MATBENCH_SIZES}
    assert set(CATALOGUE) == expected
    for task, size in MATBENCH_SIZES.items():
        dataset = CATALOGUE[f"matbench_{task}"]
        assert dataset.num_rows == size
        assert dataset.url == f"https://ml.materialsproject.org/projects/matbench_{task}.json.gz"
        assert re.fullmatch(r"[0-9a-f]{64}", dataset.sha256)


def test_checksums_are_all_different():
    checksums = [d.sha256 for d in CATALOGUE.values() if d.sha256]
    assert len(set(checksums)) == 13


def test_known_checksums():
    assert CATALOGUE["matbench_perovskites"].sha256 == (
        "4641e2417f8ec8b50096d2230864468dfa08278dc9d257c327f65d0305278483"
    )
    assert CATALOGUE["matbench_phonons"].sha256 == (
        "4db551f21ec5f577e6202725f10e34dfc509aa7df3a6bdaac497da7f6dbbb9b3"
    )


def test_perovskites_are_a_total_and_mp_e_form_is_per_atom():
    cell, atom = CATALOGUE["matbench_perovskites"], CATALOGUE["matbench_mp_e_form"]
    assert (cell.kind, cell.unit) == ("extensive", "eV/cell")
    assert (atom.kind, atom.unit) == ("intensive", "eV/atom")


def test_composition_tasks_and_classes_are_declared():
    compositions = {d.name for d in CATALOGUE.values() if d.input == "composition"}
    assert compositions == {
        f"matbench_{task}" for task in ("steels", "expt_gap", "expt_is_metal", "glass")
    }
    classes = {d.name for d in CATALOGUE.values() if d.task == "classification"}
    assert classes == {f"matbench_{task}" for task in ("expt_is_metal", "mp_is_metal", "glass")}


def test_embedded_set_says_that_it_is_no_dft():
    assert "not DFT" in CATALOGUE["ionic_perovskites"].description


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(ConfigError, match="got 'matbench_phonon'; did you mean 'matbench_phonons'"):
        find_dataset("matbench_phonon")


def test_phonons_file_is_as_declared():
    path = SHARED / "matbench_phonons.json.gz"
    if not path.exists():
        pytest.skip("needs ../shared/data")
    import gzip
    import hashlib

    dataset = find_dataset("matbench_phonons")
    content = path.read_bytes()
    assert hashlib.sha256(content).hexdigest() == dataset.sha256
    table = json.loads(gzip.decompress(content))
    assert len(table["data"]) == dataset.num_rows
    assert table["columns"] == ["structure", dataset.target]
