import hashlib
import http.server
import os
import re
import sys
import threading
from pathlib import Path
from types import MappingProxyType

import pytest

from xtalgraph.conventions.errors import ConfigError, DownloadError
from xtalgraph.data import catalogue
from xtalgraph.data import fetch as fetching
from xtalgraph.data.cache import cache_folder
from xtalgraph.data.catalogue import KnownDataset
from xtalgraph.data.fetch import fetch

CONTENT = bytes(range(256)) * 2000
NAME = "matbench_small"


class Server(http.server.ThreadingHTTPServer):
    """Serves one file; can drop the connection, or not know about ranges."""

    daemon_threads = True
    content = CONTENT
    ranges = True
    wrong_range = False
    drop_after: int | None = None

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/data"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.requests.append(asked)
        if self.path != f"/data/{NAME}.json.gz":
            self.send_error(404)
            return
        content, start = self.server.content, 0
        if asked and self.server.ranges:
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            shown = start + 1 if self.server.wrong_range else start
            self.send_header("Content-Range", f"bytes {shown}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        body = content[start:]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.drop_after])

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def small_catalogue(monkeypatch, tmp_path):
    """One small data set, and a cache of its own."""
    dataset = KnownDataset(
        name=NAME,
        url=f"https://nowhere.invalid/projects/{NAME}.json.gz",
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        target="y",
        unit="eV",
        kind="intensive",
        best=None,
        task="regression",
        num_rows=1,
        input="structure",
        description="A test.",
        reference="None.",
    )
    monkeypatch.setattr(catalogue, "CATALOGUE", MappingProxyType({NAME: dataset}))
    monkeypatch.setenv("XTALGRAPH_CACHE", str(tmp_path / "cache"))


def in_cache(name: str = f"{NAME}.json.gz") -> Path:
    return cache_folder() / name


def test_downloads_verifies_and_reuses(server):
    path = fetch(NAME, base_url=server.url, progress=False)
    assert path == in_cache()
    assert path.read_bytes() == CONTENT
    assert [p.name for p in cache_folder().iterdir()] == [path.name]
    assert fetch(NAME, base_url=server.url, progress=False) == path
    assert server.requests == [None]


def test_progress_bar_counts_bytes(server, capsys):
    fetch(NAME, base_url=server.url + "/")
    assert f"{NAME}.json.gz: 100%" in capsys.readouterr().err


def test_interrupted_download_continues_where_it_stopped(server):
    server.drop_after = 300_000
    with pytest.raises(DownloadError, match=r"300000 of 512000 bytes.* 300000 bytes are kept"):
        fetch(NAME, base_url=server.url, progress=False)
    assert not in_cache().exists()
    assert in_cache(f"{NAME}.json.gz.part").stat().st_size == 300_000
    server.drop_after = None
    assert fetch(NAME, base_url=server.url, progress=False).read_bytes() == CONTENT
    assert server.requests == [None, "bytes=300000-"]


def test_interrupted_twice(server):
    server.drop_after = 200_000
    for kept in (200_000, 400_000):
        with pytest.raises(DownloadError, match=f"{kept} bytes are kept"):
            fetch(NAME, base_url=server.url, progress=False)
    assert fetch(NAME, base_url=server.url, progress=False).read_bytes() == CONTENT


def test_server_without_ranges_starts_anew(server):
    server.ranges = False
    part = in_cache(f"{NAME}.json.gz.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * 1000)
    assert fetch(NAME, base_url=server.url, progress=False).read_bytes() == CONTENT
    assert server.requests == ["bytes=1000-"]


def test_server_that_sends_another_range_is_not_believed(server):
    server.wrong_range = True
    part = in_cache(f"{NAME}.json.gz.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT[:1000])
    with pytest.raises(DownloadError, match=r"asked for bytes 1000-, was sent 'bytes 1001-"):
        fetch(NAME, base_url=server.url, progress=False)
    assert not part.exists()


def test_complete_part_needs_no_more_bytes(server):
    part = in_cache(f"{NAME}.json.gz.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT)
    assert fetch(NAME, base_url=server.url, progress=False).read_bytes() == CONTENT
    assert not part.exists()


def test_wrong_checksum_is_refused_and_removed(server):
    server.content = CONTENT[:-1] + b"?"
    got = hashlib.sha256(server.content).hexdigest()
    expected = hashlib.sha256(CONTENT).hexdigest()
    with pytest.raises(DownloadError, match=f"must have sha256 {expected}, got {got}"):
        fetch(NAME, base_url=server.url, progress=False)
    assert list(cache_folder().iterdir()) == []


def test_missing_on_the_server(server):
    with pytest.raises(DownloadError, match=r"other/matbench_small\.json\.gz answered 404"):
        fetch(NAME, base_url=server.url + "/other", progress=False)


def test_offline_says_where_to_put_the_file():
    # A port that was free a moment ago, with nobody behind it.
    unheard = Server()
    url = unheard.url
    unheard.server_close()
    message = f"To put the file there by hand, save {url}/{NAME}.json.gz as {in_cache()}"
    with pytest.raises(DownloadError, match=re.escape(message)) as raised:
        fetch(NAME, base_url=url, progress=False)
    assert "refused" in str(raised.value)


def test_file_put_there_by_hand_is_checked_and_used():
    in_cache().parent.mkdir(parents=True)
    in_cache().write_bytes(CONTENT)
    assert fetch(NAME, base_url="http://127.0.0.1:1", progress=False) == in_cache()


def test_wrong_file_in_the_cache_is_replaced_with_a_warning(server):
    in_cache().parent.mkdir(parents=True)
    in_cache().write_bytes(b"something else")
    with pytest.warns(UserWarning, match=r"has sha256 .* fetching it again"):
        path = fetch(NAME, base_url=server.url, progress=False)
    assert path.read_bytes() == CONTENT


def test_unknown_name():
    with pytest.raises(ConfigError, match=f"did you mean '{NAME}'"):
        fetch("matbench_smell", progress=False)


def test_embedded_set_is_made_not_downloaded(monkeypatch, tmp_path):
    monkeypatch.undo()
    made = tmp_path / "made.parquet"
    monkeypatch.setattr(fetching, "ionic_perovskites_path", lambda progress: made)
    assert fetch("ionic_perovskites") == made


def test_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("XTALGRAPH_CACHE", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"


@pytest.mark.skipif(os.name != "posix", reason="the rules of Linux and macOS")
def test_cache_folder_of_each_platform(monkeypatch, tmp_path):
    monkeypatch.delenv("XTALGRAPH_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    for platform, expected in {
        "linux": tmp_path / "xdg",
        "darwin": tmp_path / "Library" / "Caches",
        "win32": tmp_path / "local",
    }.items():
        monkeypatch.setattr(sys, "platform", platform)
        assert cache_folder() == expected / "xtalgraph"
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/ignored")
    assert cache_folder() == tmp_path / ".cache" / "xtalgraph"
