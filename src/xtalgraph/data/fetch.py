"""Fetching a data set of the catalogue into the cache folder."""

import hashlib
import http.client
import urllib.error
import urllib.request
import warnings
from pathlib import Path
from typing import Final

from tqdm import tqdm

from xtalgraph.conventions.errors import DownloadError
from xtalgraph.data.cache import cache_folder
from xtalgraph.data.catalogue import find_dataset
from xtalgraph.data.ionic.load import ionic_perovskites_path

_TIMEOUT: Final = 30.0  # seconds without a byte
_CHUNK: Final = 1 << 16


def fetch(name: str, *, base_url: str | None = None, progress: bool = True) -> Path:
    """Return the file of a data set, downloading or computing it where it is not there yet.

    A file in the cache is used only if its checksum is right, whoever put it there. A download
    goes to ``<file>.part``; one that was interrupted is continued where it stopped, if the
    server can. The checksum is verified before the file takes its final name.

    Args:
        name: Name in the catalogue, e.g. ``matbench_phonons``.
        base_url: Folder on another server that holds the same files; by default the address
            in the catalogue.
        progress: Whether to show a progress bar on standard error.

    Raises:
        ConfigError: There is no data set of that name.
        DownloadError: The server cannot be reached, or what it sent is not the published file.
    """
    dataset = find_dataset(name)
    if dataset.url is None or dataset.sha256 is None:
        return ionic_perovskites_path(progress=progress)
    filename = dataset.url.rsplit("/", 1)[-1]
    url = dataset.url if base_url is None else f"{base_url.rstrip('/')}/{filename}"
    path = cache_folder() / filename
    if path.exists():
        digest = _sha256(path)
        if digest == dataset.sha256:
            return path
        warnings.warn(
            f"{path} has sha256 {digest}, expected {dataset.sha256}: fetching it again",
            stacklevel=2,
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    _download(url, part, path, progress)
    digest = _sha256(part)
    if digest != dataset.sha256:
        part.unlink()
        raise DownloadError(
            f"{url} must have sha256 {dataset.sha256}, got {digest}; what was downloaded has been "
            "removed. Try again; if it happens again the file on the server is another one."
        )
    part.replace(path)
    return path


def _download(url: str, part: Path, path: Path, progress: bool) -> None:
    """Bring `part` to its full length, continuing from what it holds."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "xtalgraph"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    by_hand = f"To put the file there by hand, save {url} as {path}"
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:
            _receive(response, part, have, path.name, progress)
    except urllib.error.HTTPError as error:
        error.close()
        # 416: nothing is left to send, so the part is as long as the file; the checksum decides.
        if error.code != 416 or not have:
            raise DownloadError(f"{url} answered {error.code} {error.reason}. {by_hand}") from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        kept = part.stat().st_size if part.exists() else 0
        again = f" {kept} bytes are kept; the same command continues from there." if kept else ""
        raise DownloadError(f"{url} cannot be fetched: {reason}.{again} {by_hand}") from error


def _receive(
    response: http.client.HTTPResponse, part: Path, have: int, label: str, progress: bool
) -> None:
    """Write the body of `response` to `part`, behind what is there if the server goes on there."""
    content_range = response.headers.get("Content-Range", "")
    continued = response.status == 206 and content_range.startswith(f"bytes {have}-")
    if response.status == 206 and not continued:
        part.unlink()
        raise http.client.HTTPException(f"asked for bytes {have}-, was sent {content_range!r}")
    start = have if continued else 0
    length = response.headers.get("Content-Length")
    total = start + int(length) if length is not None else None
    written = start
    with (
        part.open("ab" if continued else "wb") as file,
        tqdm(
            total=total, initial=start, desc=label, unit="B", unit_scale=True, disable=not progress
        ) as bar,
    ):
        while block := response.read(_CHUNK):
            file.write(block)
            written += len(block)
            bar.update(len(block))
    # http.client ends a body that was cut short like one that is complete.
    if total is not None and written < total:
        raise http.client.HTTPException(f"connection closed after {written} of {total} bytes")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
