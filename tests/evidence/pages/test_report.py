import base64
import csv
import hashlib
import json
import re
import shutil
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from xtalgraph.conventions.errors import RunError
from xtalgraph.evidence.pages.figures import chosen_points
from xtalgraph.evidence.pages.report import write_report
from xtalgraph.evidence.pages.target_sections import residuals_in_words
from xtalgraph.evidence.run_record import read_targets

VOID = {"meta", "link", "br"}


class Page(HTMLParser):
    """Reads a page and fails on elements that are not closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.words, self.identifiers = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.identifiers += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.identifiers += [value for name, value in attrs if name == "id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).replace("\u00a0", " ").split())


def read_page(run):
    return Page(write_report(run).read_text(encoding="utf-8"))


def change(path, edit):
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def test_a_report_is_one_page_that_loads_nothing(run):
    page = read_page(run)
    assert sum(tag == "script" for tag, _ in page.elements) == 1
    for _, attributes in page.elements:
        assert not {"src", "srcset", "action", "data"} & set(attributes)
        for name in ("href", "xlink:href"):
            assert attributes.get(name, "#").startswith(("#", "data:"))
    styles = (run / "report.html").read_text(encoding="utf-8")
    assert "@import" not in styles
    assert "url(http" not in styles
    assert (run / "report.html").stat().st_size < 5e6
    assert len(page.identifiers) == len(set(page.identifiers))


OLD_RUNS = Path(__file__).parents[2] / "old_runs"


@pytest.mark.parametrize("name", ["format-2-targets", "format-3-members", "format-5-vector"])
def test_runs_of_older_formats_have_the_report_of_today(name, tmp_path):
    folder = shutil.copytree(OLD_RUNS / name, tmp_path / "run")
    text = read_page(folder).text
    assert "omparison with baselines" in text
    if name == "format-3-members":
        assert "rank correlation of standard deviation and error" in text
        assert "nominal coverage" in text


def test_learning_curves_say_which_of_several_members_they_are(run):
    assert "Member 1" not in read_page(run).text
    change(run / "model.json", lambda document: document.update(members=3))
    text = read_page(run).text
    assert "Member 1 of 3" in text
    assert "Curves, epoch and error are those of member 1 of 3" in text


def test_it_says_what_came_out_and_shows_everything(run):
    page = read_page(run)
    assert (
        "CGCNN has a mean absolute error of 0.043 eV/cell (95 % interval 0.041 to 0.045) on 40 "
        "test crystals. This is significantly better than the mean (13 times better) and "
        "composition alone (10 times better)." in page.text
    )
    assert sum(tag == "svg" for tag, _ in page.elements) == 5
    for text in ("Comparison with baselines", "Largest errors", "atoms 0 and 3 are 0.12 Å apart"):
        assert text in page.text
    assert "+0.700 eV/cell" in page.text
    assert "xtalgraph train data.csv --target e_form --out RUN" in page.text
    assert "n/a: a correlation is not defined" in page.text
    names = {path.name for path in (run / "figures").iterdir()}
    kinds = ("parity", "residuals", "comparison", "learning", "worst-1")
    assert names == {f"{kind}.{end}" for kind in kinds for end in ("svg", "png")}


def test_without_a_command_the_settings_say_how_to_repeat(run):
    change(run / "record.json", lambda record: record["run"].pop("command"))
    assert "Train again with the settings of config.yaml" in read_page(run).text


def test_it_warns_when_a_baseline_is_not_beaten(run):
    def spoil(metrics):
        metrics["models"]["mean"]["test"]["mae"] = {"value": 0.03, "low": 0.02, "high": 0.04}

    change(run / "metrics.json", spoil)
    page = read_page(run)
    assert ("p", {"class": "warning"}) in page.elements
    assert "CGCNN is significantly worse than the mean" in page.text


def own_script(run):
    """Whether the one script of the page is ours, and the only one that its policy lets run."""
    text = (run / "report.html").read_text(encoding="utf-8")
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    ours = files("xtalgraph.evidence").joinpath("assets", "parity.js").read_text(encoding="utf-8")
    return script == ours and f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; " \
        f"script-src 'sha256-{digest}'\">" in text  # fmt: skip


def points_of(page):
    (found,) = (a["data-points"] for _, a in page.elements if a.get("class") == "parity")
    return json.loads(found)["rows"]


def test_points_stand_where_the_picture_has_them_and_know_their_crystal(run):
    formulas = {f"row-{i}": f"Na{i}Cl" for i in range(200)}
    (run / "structures.json").write_text(json.dumps({"formulas": formulas, "crystals": []}))
    page = read_page(run)
    assert own_script(run)
    rows = points_of(page)
    assert len(rows) == 200
    test = [row for row in rows if row[4] == "test"]
    assert rows[:40] == test, "the test part comes first"
    errors = [abs(row[6] - row[5]) for row in test]
    assert errors == sorted(errors, reverse=True)
    for row in rows:
        assert row[3] == "Na4Cl4" if row[2] == "row-177" else row[3] == formulas[row[2]]
    # equal axes: to the right in proportion to the target, upwards to the prediction
    places = np.array([row[:2] + row[5:7] for row in rows], dtype=float)
    assert np.corrcoef(places[:, 0], places[:, 2])[0, 1] > 0.99999
    assert np.corrcoef(places[:, 1], places[:, 3])[0, 1] < -0.99999
    assert ((places[:, :2] > 0) & (places[:, :2] < 1)).all()
    (found,) = (a["data-structures"] for _, a in page.elements if a.get("id") == "structures")
    structures = json.loads(found)
    assert set(structures["elements"]) == {"11", "17"}
    salt = structures["crystals"]["row-177"]
    assert sum(not ball[4] for ball in salt["balls"]) == 8
    assert len(salt["edges"]) == 12


def test_of_many_points_the_test_part_can_be_pointed_at_and_a_sample_of_the_others(run):
    (record,) = read_targets(run)
    assert len(chosen_points(record, 60)) == 60
    assert (record.split[chosen_points(record, 60)[:40]] == "test").all()
    assert len(chosen_points(record, 5)) == 5
    assert len(np.unique(chosen_points(record, 150))) == 150


def test_the_same_run_gives_the_same_report(run):
    first = write_report(run).read_bytes()
    assert write_report(run).read_bytes() == first


def test_nothing_from_data_becomes_markup(run):
    evil = '<script>alert("x")</script>$body'

    def poison(worst):
        worst[0] |= {"id": evil, "formula": evil}

    change(run / "worst.json", poison)
    change(run / "metrics.json", lambda metrics: metrics["target"].update(name=evil))
    change(run / "metrics.json", lambda m: m["models"]["mean"].update(description=evil))
    change(run / "record.json", lambda record: record.update({evil: {evil: evil}}))
    (run / "config.yaml").write_text(evil)
    (run / "rejected.csv").write_text(f"id,file,row,reason\n1,{evil.replace(',', '')},2,x\n")
    rows = (run / "predictions.csv").read_text().replace("row-199", evil.replace('"', "'"))
    (run / "predictions.csv").write_text(rows)
    page = read_page(run)
    assert own_script(run)
    assert page.text.count(evil) >= 5
    assert evil.replace('"', "'") in {row[2] for row in points_of(page)}


def test_a_run_with_nothing_but_metrics_and_predictions(run):
    for path in run.iterdir():
        if path.name not in ("metrics.json", "predictions.csv"):
            path.unlink()
    page = read_page(run)
    assert "No row was rejected." in page.text
    for heading in ("Training", "Largest errors", "Record"):
        assert f">{heading}</h2>" not in (run / "report.html").read_text(encoding="utf-8")


def test_an_atomic_target_without_unit_or_direction(run):
    def make_atomic(metrics):
        metrics["target"] = {"name": "charge", "unit": "", "kind": "atomic", "best": None}
        for key in ("recall@10", "recall@100", "recall@5%"):
            for model in metrics["models"].values():
                model["test"][key] = {"value": None, "low": None, "high": None}

    change(run / "metrics.json", make_atomic)
    values = np.random.default_rng(0).normal(size=60)
    with (run / "predictions.csv").open("w", newline="") as out:
        rows = [["a", i, "test", v, v + 0.1, ""] for i, v in enumerate(values.tolist())]
        header = ["id", "site", "split", "target", "prediction", "unit"]
        csv.writer(out).writerows([header, *rows])
    page = read_page(run)
    assert "CGCNN has a mean absolute error of 0.043 (" in page.text
    assert "on the sites of 40 test crystals" in page.text
    assert "eV" not in page.text.split("Record ")[0].split("How to repeat")[0]
    assert "half of the 60" in page.text
    assert "too high" in page.text


def test_a_worst_crystal_that_cannot_be_drawn_is_named(run):
    change(run / "worst.json", lambda worst: worst[0].update(bonds=[[0, 99, 0, 0, 0]]))
    with pytest.raises(RunError, match=r"worst\.json, crystal row-177 is damaged.*neighbor"):
        write_report(run)


def test_crystals_too_large_to_draw_are_listed(run):
    def enlarge(worst):
        big = worst[0] | {"id": "big", "numbers": [14] * 500, "positions": [[0, 0, 0]] * 500}
        worst.append(big | {"num_atoms": 500, "bonds": []})

    change(run / "worst.json", enlarge)
    page = read_page(run)
    assert "big" in page.text
    assert sum(tag == "svg" for tag, _ in page.elements) == 5


def test_many_rejected_rows_are_cut(run):
    rows = "".join(f"{i},f,{i},broken\n" for i in range(80))
    (run / "rejected.csv").write_text("id,file,row,reason\n" + rows)
    page = read_page(run)
    assert "80 rows were rejected" in page.text
    assert "And 30 rows more in rejected.csv." in page.text


def test_residuals_say_on_which_side_they_lie():
    random = np.random.default_rng(0).normal(0.0, 0.1, 1000)
    centred = random - random.mean()
    assert "no systematic over- or underestimation" in residuals_in_words(centred, "eV")
    moved = residuals_in_words(centred + 0.2, "eV").replace("\u00a0", " ")
    assert "0.20 eV too high" in moved
    # the median of |N(0, s)| is 0.6745 s
    three = residuals_in_words(np.array([-0.0674, 0.0674, 0.0674]), "eV").replace("\u00a0", " ")
    assert "below 0.067 eV" in three
    assert residuals_in_words(np.zeros(0), "eV") == ""
