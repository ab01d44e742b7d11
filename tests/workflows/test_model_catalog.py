"""Models by name, from the command line too: listed, explained, added, used offline."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from xtalgraph.conventions.errors import ConfigError, RunError
from xtalgraph.evidence.numbers import count, plain, with_unit
from xtalgraph.evidence.text.model_card import card_text
from xtalgraph.models.named_models import SHIPPED, named_models
from xtalgraph.workflows.model_catalog import add_model, list_models, model_info
from xtalgraph.workflows.predict import load

ROOT = Path(__file__).parents[2]
OLD = ROOT / "tests" / "old_runs"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XTALGRAPH_MODELS", str(tmp_path / "added"))
    return tmp_path / "added"


@pytest.fixture
def foreign(tmp_path):
    """A run of somebody else, with a page in it."""
    shutil.copytree(SHIPPED / "lithium-potential", tmp_path / "Their Run")
    (tmp_path / "Their Run" / "report.html").write_text("<script>")
    return tmp_path / "Their Run"


@pytest.mark.parametrize("form", ["folder", "zip", "gztar"])
def test_a_run_is_added_and_taken_by_its_name(form, foreign, tmp_path, home):
    source = foreign
    if form != "folder":
        base = tmp_path / "their-run"
        source = shutil.make_archive(str(base), form, foreign.parent, foreign.name)
    added = add_model(source)
    assert added.card.name == "their-run"
    assert [Path(name).name for name in added.left] == ["report.html"]
    assert sorted(path.name for path in home.iterdir()) == ["their-run"]
    assert load("their-run").elements == ("Li",)
    assert "their-run" in [card.name for card in list_models()]
    with pytest.raises(ConfigError, match="already"):
        add_model(source)


def test_a_damaged_model_does_not_hide_the_others(foreign, home, caplog):
    add_model(foreign)
    (home / "their-run" / "model.json").write_text('{"format": 7')
    assert sorted(card.name for card in list_models()) == sorted(
        set(named_models()) - {"their-run"}
    )
    assert "their-run is left out" in caplog.text


def test_what_is_no_whole_run_is_not_added(foreign, home, tmp_path):
    with pytest.raises(ConfigError, match="comes with the package"):
        add_model(foreign, name="copper-potential")
    with pytest.raises(ConfigError, match="small letters"):
        add_model(foreign, name="../up")
    with pytest.raises(RunError, match="no manifest"):
        add_model(OLD / "format-3-members")
    weights = foreign / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(RunError, match=r"model\.safetensors has changed"):
        add_model(foreign)
    with pytest.raises(RunError, match=f"^{re.escape(str(foreign))} is not as"):
        add_model(foreign)
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match=r"must be a model\.json"):
        add_model(tmp_path / "empty")
    assert list(home.iterdir()) == []


def test_a_card_says_data_errors_and_limits():
    text = card_text(model_info("copper-potential"))
    for part in ("surfaces", "31 test crystals", "meV/Å", "other elements", "BSD", "Zuo"):
        assert part in text
    assert max(map(len, text.splitlines())) < 160


def test_a_run_without_a_card_has_one_of_its_numbers():
    card = model_info(OLD / "format-3-members")
    assert card.members == 3
    assert "MAE" in card_text(card)


def test_the_card_of_an_encoder_has_no_errors():
    text = card_text(model_info("structure-encoder"))
    assert "a training starts from it" in text
    assert "without any label" in text
    assert "3 members\n" in text
    assert "test error" not in text


def test_the_page_has_a_row_for_each_shipped_model():
    page = (ROOT / "docs" / "models.md").read_text("utf-8")
    for card in list_models():
        if card.spec.pretraining:
            assert f"`{card.name}`" in page
            continue
        errors = ", ".join(with_unit(plain(e.value), unit_of(e)) for e in card.errors)
        simple = ", ".join(plain(next(iter(e.baselines.values()))) for e in card.errors)
        elements = count(len(card.elements), "element")
        size = f"{card.crystals['train']:,} crystals, {elements}"
        row = f"| `{card.name}` | {card.about['title']} | {size} | {errors} | {simple} |"
        assert row.replace("\xa0", " ") in page.splitlines()


def unit_of(error):
    return "" if error.target.unit == "dimensionless" else error.target.unit


OUT = ["--out", "out.csv", "--quiet"]
OFFLINE = """
import socket, sys
def refuse(*_):
    raise OSError("no network here")
socket.socket.connect = socket.getaddrinfo = refuse
from xtalgraph.cli.main import main
main(sys.argv[1:])
"""


def test_a_fresh_process_predicts_by_name_without_a_network(tmp_path):
    from ase.build import bulk

    bulk("Si").write(tmp_path / "silicon.cif")
    environment = {**os.environ, "HOME": str(tmp_path), "XTALGRAPH_CACHE": str(tmp_path / "none")}
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, "predict", "silicon-potential", "silicon.cif", *OUT],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "out.csv")
    assert set(table["property"]) == {"energy", "forces", "stress"}
    assert table["novelty"].isna().all()
    assert (table["embedding_distance"] < 1).all()


def test_the_command_lists_explains_and_adds(foreign, capsys):
    from xtalgraph.cli.main import main

    for arguments, shown in (
        (["add", str(foreign), "--name", "theirs"], "1 file not taken"),
        (["list"], "theirs"),
        (["info", "theirs"], "1: Li"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(["models", *arguments])
        assert ended.value.code == 0
        printed = capsys.readouterr()
        assert shown in printed.out + printed.err
