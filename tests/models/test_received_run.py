"""Archives of other people: what is taken, and what is not."""

import io
import os
import stat
import tarfile
import zipfile

import pytest

from xtalgraph.conventions.errors import InputError
from xtalgraph.models import received_run
from xtalgraph.models.received_run import receive_run

RUN = {"run/model.json": b"{}", "run/members/1/model.json": b"{}", "run/report.html": b"<script>"}


def zipped(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tarred(path, files, **special):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            for key, value in special.items():
                setattr(entry, key, value)
            archive.addfile(entry, io.BytesIO(content))
    return path


def folder(path, files):
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path / "run"


def received(source, tmp_path):
    into = tmp_path / "into"
    into.mkdir(exist_ok=True)
    run, left = receive_run(source, into)
    return {p.relative_to(run).as_posix() for p in run.rglob("*") if p.is_file()}, left


@pytest.mark.parametrize(
    "make",
    [
        lambda tmp: zipped(tmp / "a.zip", RUN),
        lambda tmp: tarred(tmp / "a.tar.gz", RUN),
        lambda tmp: folder(tmp / "a", RUN),
        lambda tmp: zipped(tmp / "a.zip", {name[4:]: text for name, text in RUN.items()}),
    ],
)
def test_the_files_of_a_run_are_taken_and_no_page(make, tmp_path):
    taken, left = received(make(tmp_path), tmp_path)
    assert taken == {"model.json", "members/1/model.json"}
    assert [name.rpartition("/")[2] for name in left] == ["report.html"]


@pytest.mark.parametrize("make", [zipped, tarred])
@pytest.mark.parametrize(
    "name",
    ["../model.json", "run/../../model.json", "/model.json", "C:model.json", "a\\model.json"],
)
def test_no_path_leads_out(make, name, tmp_path):
    source = make(tmp_path / f"a{'.zip' if make is zipped else '.tar.gz'}", {name: b"{}"})
    with pytest.raises(InputError, match="leads out of its folder"):
        received(source, tmp_path)
    assert not (tmp_path / "model.json").exists()


def test_links_are_an_error(tmp_path):
    link = zipfile.ZipInfo("run/model.json")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    sources = [tmp_path / "a.zip"]
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
        path = tmp_path / f"{kind.decode()}.tar.gz"
        sources.append(tarred(path, {"model.json": b""}, type=kind, linkname="/etc/passwd"))
    made = folder(tmp_path / "b", RUN)
    (made / "log.csv").symlink_to("/etc/passwd")
    for source in [*sources, made]:
        with pytest.raises(InputError, match="a link or a device"):
            received(source, tmp_path)


@pytest.mark.parametrize("make", [zipped, tarred])
def test_sizes_are_counted_while_it_is_unpacked(make, tmp_path, monkeypatch):
    monkeypatch.setattr(received_run, "LARGEST", 2**21)
    source = make(tmp_path / f"a{'.zip' if make is zipped else '.tar.gz'}",
                  {"model.json": bytes(2**20), "metrics.json": bytes(2**21)})  # fmt: skip
    assert source.stat().st_size < 2**14
    with pytest.raises(InputError, match="more than 2 MiB unpacked"):
        received(source, tmp_path)
    written = sum(p.stat().st_size for p in (tmp_path / "into").rglob("*") if p.is_file())
    assert written <= 2**21


def test_headers_are_counted_too(tmp_path, monkeypatch):
    monkeypatch.setattr(received_run, "LARGEST", 2**21)
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT, pax_headers={"x": "y" * 2**23}):
        pass
    with pytest.raises(InputError, match="more than 2 MiB unpacked"):
        received(path, tmp_path)


def test_entries_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(received_run, "MOST", 5)
    with pytest.raises(InputError, match="more than 5 entries"):
        received(zipped(tmp_path / "a.zip", {f"f{n}": b"" for n in range(6)}), tmp_path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_nothing_is_there_twice(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("model.json", "MODEL.json"):
            archive.writestr(name, "{}")
    with pytest.raises(InputError, match="is there twice"):
        received(tmp_path / "a.zip", tmp_path)


def test_what_is_damaged_is_named(tmp_path):
    for name in ("a.tar.gz", "a.tar", "a.zip", "a.pt"):
        path = tmp_path / name
        path.write_bytes(b"PK\x03\x04 no archive")
        with pytest.raises(InputError, match=name):
            received(path, tmp_path)
    half = zipped(tmp_path / "b.zip", {"model.json": os.urandom(1000)})
    content = bytearray(half.read_bytes())
    content[100] ^= 255
    half.write_bytes(content)
    with pytest.raises(InputError, match="is damaged"):
        received(half, tmp_path)
