import html
import json
import re
import shutil
import subprocess

import pytest

import xtalgraph

PROBE = """<script>addEventListener("load", () => setTimeout(() => {
const wide = [...document.querySelectorAll("body *")].filter(e => {
  for (let p = e; p; p = p.parentElement) {
    if (getComputedStyle(p).overflowX !== "visible" && p !== document.body) return false;
  }
  return e.getBoundingClientRect().right > innerWidth + 1;
});
const points = document.querySelector(".points");
["Home", "Enter"].forEach(key => points?.dispatchEvent(new KeyboardEvent("keydown", { key })));
parent.document.documentElement.dataset.probe = JSON.stringify({
  width: innerWidth,
  scroll: document.documentElement.scrollWidth,
  wide: wide.slice(0, 5).map(e => e.outerHTML.slice(0, 80)),
  fetched: performance.getEntriesByType("resource").map(e => e.name)
    .filter(name => !/^(data|blob|about):/.test(name)),
  pointed: document.querySelector(".tip")?.textContent,
  balls: document.querySelectorAll(".crystal circle").length,
  empty: [...document.images].filter(e => !e.naturalWidth).length,
});
}, 200));</script></body>"""


@pytest.fixture(scope="module")
def pages(run, csv_path, tmp_path_factory):
    """The pages that xtalgraph writes, each of a real run; the run is a copy."""
    folder = tmp_path_factory.mktemp("pages")
    own = shutil.copytree(run, folder / "run")
    xtalgraph.verify(own, sample=2)
    only = ["size", "elements", "groups", "worst"]
    xtalgraph.diagnose(own, only=only, sample=12, progress=False)
    xtalgraph.screen(own, csv_path, out=folder / "screen", top=3, progress=False)
    options = {"target": "energy", "kind": "extensive", "epochs": 2, "progress": False}
    small = ["model.width=8", "model.edge_width=8", "training.threads=1"]
    xtalgraph.compare(
        csv_path, baselines=["mean"], out=folder / "leaderboard", overrides=small, **options
    )
    swept = {"model.depth": [1, 2]}
    xtalgraph.ablate(csv_path, sweep=swept, out=folder / "swept", overrides=small, **options)
    return {
        "report": own / "report.html",
        "diagnose": own / "diagnose.html",
        "screen": folder / "screen" / "screen.html",
        "compare": folder / "leaderboard" / "compare.html",
        "ablate": folder / "swept" / "ablate.html",
    }


@pytest.mark.long
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("name", ["report", "diagnose", "screen", "compare", "ablate"])
def test_a_page_is_whole_offline_and_fits(name, width, pages, tmp_path):
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("needs chromium")
    page = pages[name].read_text()
    assert len(page.encode()) < 5_000_000
    path = tmp_path / "page.html"
    # The pages forbid scripts and requests; without that, what they would ask for is seen.
    open_page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    probed = html.escape(open_page.replace("</body>", PROBE))
    # In a frame, for a window is never narrower than 500 pixels.
    style = f"border: 0; height: 900px; width: {width}px"
    path.write_text(f'<!doctype html><iframe style="{style}" srcdoc="{probed}"></iframe>')
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    flags += "--disable-background-networking --disable-component-update --enable-logging=stderr "
    flags += "--virtual-time-budget=4000 --window-size=1400,1000 --dump-dom"
    command = [browser, *flags.split(), f"--user-data-dir={tmp_path / 'profile'}", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'data-probe="([^"]*)"', done.stdout)
    assert found, "the page did not finish"
    seen = json.loads(html.unescape(found[1]))
    assert seen["width"] == width
    assert not seen["wide"]
    assert seen["scroll"] <= width
    assert not seen["fetched"]
    assert not seen["empty"]
    if name == "report":
        assert "error" in seen["pointed"]
        assert seen["balls"] > 0, "its structure"
    assert "CONSOLE" not in done.stderr
