import csv
import json
from html.parser import HTMLParser

import numpy as np
import pytest

from xtalgraph.conventions.errors import RunError
from xtalgraph.evidence.report import write_report

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
    for tag, attributes in page.elements:
        assert tag != "script"
        assert not {"src", "srcset", "action", "data"} & set(attributes)
        for name in ("href", "xlink:href"):
            assert attributes.get(name, "#").startswith(("#", "data:"))
    styles = (run / "report.html").read_text(encoding="utf-8")
    assert "@import" not in styles
    assert "url(http" not in styles
    assert (run / "report.html").stat().st_size < 5e6
    assert len(page.identifiers) == len(set(page.identifiers))


def test_learning_curves_say_which_of_several_members_they_are(run):
    assert "Member 1" not in read_page(run).text
    change(run / "model.json", lambda document: document.update(members=3))
    text = read_page(run).text
    assert "Member 1 of 3" in text
    assert "Curves, epoch and error are those of member 1 of 3" in text


def test_it_says_what_came_out_and_shows_everything(run):
    page = read_page(run)
    assert (
        "On 40 crystals held out of training, CGCNN is off by 0.043 eV/cell "
        "(95 % interval 0.041 to 0.045) on average, 13 times better than the mean "
        "and 10 times better than composition alone." in page.text
    )
    assert sum(tag == "svg" for tag, _ in page.elements) == 5
    for text in ("Against the baselines", "worst errors", "atoms 0 and 3 are 0.12 Å apart"):
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
    page = read_page(run)
    assert not [tag for tag, _ in page.elements if tag == "script"]
    assert page.text.count(evil) >= 5


def test_a_run_with_nothing_but_metrics_and_predictions(run):
    for path in run.iterdir():
        if path.name not in ("metrics.json", "predictions.csv"):
            path.unlink()
    page = read_page(run)
    assert "No row was rejected." in page.text
    assert "The training" not in page.text
    assert "worst" not in page.text
    assert "The record" not in page.text


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
    assert "On the sites of 40 crystals held out of training, CGCNN is off by 0.043 (" in page.text
    assert "eV" not in page.text.split("The record")[0].split("How to repeat")[0]
    assert "half of the 60" in page.text
    assert "too high" in page.text


def test_a_worst_crystal_that_cannot_be_drawn_is_named(run):
    change(run / "worst.json", lambda worst: worst[0].update(bonds=[[0, 99, 0, 0, 0]]))
    with pytest.raises(RunError, match=r"worst\.json, crystal row-177: neighbor"):
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
