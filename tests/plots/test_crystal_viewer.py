import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from test_crystal_drawing import A, rock_salt

from xtalgraph.conventions.errors import InputError
from xtalgraph.plots.atom_styles import PALETTE
from xtalgraph.plots.crystal_viewer import crystal_viewer

EVIL = '</script><script>alert("x")</script>'


class Elements(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def data_of(page):
    found = re.search(r'<script type="application/json" id="scene">(.*?)</script>', page)
    return json.loads(found[1])


def test_atoms_bonds_and_views_reach_the_page():
    page = crystal_viewer(rock_salt(), title="NaCl", facts=[("atoms", "8")])
    data = data_of(page)
    assert len(data["atoms"]) == 8 + 24
    assert {atom["coordination"] for atom in data["atoms"]} == {6}
    for atom in data["atoms"][:8]:
        assert atom["cell"] is None
        for other in atom["bonds"]:
            apart = np.subtract(atom["position"], data["atoms"][other]["position"])
            assert np.linalg.norm(apart) == pytest.approx(A / 2, abs=1e-4)
    assert len(data["edges"]) == 12
    for quaternion in data["views"].values():
        assert np.linalg.norm(quaternion) == pytest.approx(1.0, abs=1e-5)
    assert "<dt>atoms</dt><dd>8</dd>" in page


def test_the_page_loads_nothing():
    elements = Elements(crystal_viewer(rock_salt(), title="NaCl")).found
    for _, attributes in elements:
        assert "src" not in attributes
        for name in ("href", "xlink:href"):
            assert attributes.get(name, "#").startswith(("#", "data:"))
    policies = [a["content"] for t, a in elements if a.get("http-equiv")]
    assert policies[0].startswith("default-src 'none'")


def test_what_comes_from_data_cannot_become_markup():
    page = crystal_viewer(
        rock_salt(), title=EVIL, labels=[EVIL] * 8, facts=[(EVIL, EVIL), ("$title", "$data")]
    )
    assert EVIL not in page
    assert sum(tag == "script" for tag, _ in Elements(page).found) == 3
    assert data_of(page)["atoms"][0]["label"] == EVIL
    assert "<dt>$title</dt><dd>$data</dd>" in page


def test_classes_have_their_colours_and_their_legend():
    plain = crystal_viewer(rock_salt(), title="NaCl")
    assert not data_of(plain)["hasClasses"]
    salt = replace(rock_salt(), classes=np.array([0] * 4 + [1] * 4))
    page = crystal_viewer(salt, title="NaCl", color="class")
    data = data_of(page)
    assert (data["hasClasses"], data["color"], data["numbered"]) == (True, "class", False)
    for atom in data["atoms"]:
        assert atom["kind"] == atom["site"] // 4
        assert (atom["kindColor"] == PALETTE[atom["kind"]]) == (atom["cell"] is None)
    assert "<b>1</b> Cl <small>× 4</small>" in page
    many = replace(salt, classes=np.arange(8))
    assert data_of(crystal_viewer(many, title="NaCl"))["numbered"]


def test_labels_are_one_per_atom():
    with pytest.raises(InputError, match=r"one per atom \(8\), got 1"):
        crystal_viewer(rock_salt(), title="NaCl", labels=["Na"])


CLICK = """
document.querySelector("[data-color=class]").click();
document.getElementById("show-names").click();
setTimeout(() => {
  const frame = document.getElementById("labels").getBoundingClientRect();
  const labels = [...document.querySelectorAll("#labels span")];
  const cut = labels.filter(label => {
    const box = label.getBoundingClientRect();
    return box.left < frame.left - 1 || box.right > frame.right + 1
      || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
  });
  const moved = labels.filter(label => label.style.transform);
  document.body.dataset.labels = [labels.length, moved.length, cut.length].join();
}, 1500);
"""


@pytest.mark.long
def test_a_browser_draws_it(tmp_path):
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("needs chromium")
    path = tmp_path / "scene.html"
    salt = replace(rock_salt(), classes=np.array([0] * 4 + [1] * 4))
    page = crystal_viewer(salt, title="NaCl")
    click = f"<script>{CLICK}</script></body>"
    path.write_text(page.replace("</body>", click), encoding="utf-8")
    flags = "--headless --no-sandbox --disable-quic --no-first-run --disable-sync "
    flags += "--disable-background-networking --disable-component-update "
    flags += "--use-gl=angle --use-angle=swiftshader --enable-unsafe-swiftshader "
    flags += "--virtual-time-budget=4000 --enable-logging=stderr --dump-dom"
    command = [browser, *flags.split(), f"--user-data-dir={tmp_path / 'profile'}", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert 'data-ready="true"' in done.stdout
    assert 'data-color="class" aria-pressed="true"' in done.stdout
    assert 'data-labels="11,11,0"' in done.stdout, "a, b, c and 8 atoms, none of them cut"
    assert '<ul class="legend" id="elements" aria-label="Elements" hidden' in done.stdout
    assert "CONSOLE" not in done.stderr
