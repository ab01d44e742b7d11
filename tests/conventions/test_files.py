"""Files are written whole or not at all, and what the system refuses is said with its path."""

import errno
import os
import resource
import sys
from contextlib import contextmanager

import pytest

from xtalgraph.conventions.errors import FileError
from xtalgraph.conventions.files import file_errors, make_folder, replacing, write_atomically


@contextmanager
def small_files():
    """Let no file grow beyond 1,000 bytes: the system refuses it, as it does on a full disk.

    No longer than a block: what pytest prints may go to a file, too.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_text_and_bytes_are_written_and_replaced(tmp_path):
    path = tmp_path / "a.txt"
    write_atomically(path, "Å\n")
    assert path.read_bytes() == "Å\n".encode()
    write_atomically(path, b"\x00")
    assert path.read_bytes() == b"\x00"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
def test_what_does_not_fit_leaves_the_old_content_and_no_part(tmp_path):
    path = tmp_path / "a.txt"
    write_atomically(path, "old")
    too_large = pytest.raises(FileError, match=r"a\.txt: File too large\. .*limit")
    with small_files(), too_large:
        write_atomically(path, "new" * 1000)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "Free some space"),
        (errno.EDQUOT, "Free some space"),
        (errno.EROFS, "See who may read and write there"),
        (errno.EACCES, "See who may read and write there"),
        (errno.EIO, "disk or the network failed"),
        (errno.ENOTSUP, "See what the system says of it"),
    ],
)
def test_an_error_of_the_disk_is_said_with_the_path_and_what_to_do(
    tmp_path, monkeypatch, number, advice
):
    path = tmp_path / "a.txt"
    write_atomically(path, "old")

    def fails(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(FileError, match=advice) as unsupported:
        write_atomically(path, "new")
    assert str(unsupported.value).startswith(f"{path}: {os.strerror(number)}")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_is_named(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(FileError, match="file"):
        make_folder(file / "below")
    with pytest.raises(FileError, match="A file is there"):
        make_folder(file)
    with pytest.raises(FileError, match=r"gone/a\.txt: No such file"):
        write_atomically(tmp_path / "gone" / "a.txt", "")
    with pytest.raises(FileError, match="name a file"):
        write_atomically(tmp_path, "")


def test_an_interrupted_writer_leaves_nothing(tmp_path):
    def writes():
        with replacing(tmp_path / "a") as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        writes()
    assert list(tmp_path.iterdir()) == []


def test_errors_in_reading_name_their_own_file(tmp_path):
    def reads():
        with file_errors(tmp_path / "written"):
            (tmp_path / "read").read_bytes()

    with pytest.raises(FileError, match=f"^{tmp_path / 'read'}: No such file"):
        reads()


def test_other_errors_pass():
    def fails():
        with file_errors():
            raise ValueError("no fault of a file")

    with pytest.raises(ValueError, match="no fault"):
        fails()
    with pytest.raises(BrokenPipeError), file_errors():
        raise BrokenPipeError
