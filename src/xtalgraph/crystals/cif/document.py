"""CIF text to blocks, parsed by gemmi."""

import re
from typing import Final

from gemmi import cif

from xtalgraph.conventions.errors import InputError

_HEADER: Final = re.compile(r"^[ \t]*data_", re.MULTILINE | re.IGNORECASE)
_CONTENT: Final = re.compile(r"^[ \t]*(_|loop_|save_|global_|;)", re.MULTILINE | re.IGNORECASE)
"""Lines of a block; above the first header they are of a block that lost its own."""

_MINUS: Final = str.maketrans("\u2010\u2011\u2012\u2013\u2212", "-----")
"""Hyphens, the dash between numbers and the minus sign, as word processors write them."""


def parse_blocks(text: str) -> list[cif.Block]:
    """Return the blocks of a CIF, at least one.

    CIF 1.1 is ASCII outside of quotes and gemmi holds to that; files have names and pages in other
    letters all the same. Such a text is parsed again with each of these letters as its escape,
    which is no delimiter and no number, and with minus signs as ``-``.

    Args:
        text: The whole content of the file.

    Raises:
        InputError: It is empty or no CIF; the message names the line.
    """
    text = text.removeprefix("\ufeff")
    if "\r" in text:  # a comment would swallow all that follows
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise InputError("the file is empty")
    try:
        blocks = list(_parse(text))
    except (ValueError, RuntimeError) as error:
        below = _without_sentence(text)
        if below is None:
            raise InputError(_plain(str(error))) from error
        return parse_blocks(below)
    if not blocks:
        raise InputError("not a CIF: it holds no data_ block")
    return blocks


def _parse(text: str) -> cif.Document:
    # Repeated items are judged where they are used, and not where an author is named twice.
    if text.isascii():
        return cif.read_string(text, check_level=0)
    try:
        # Halves of surrogate pairs, which no text should hold, are escaped.
        whole = text.encode("utf-8", "backslashreplace").decode("utf-8")
        return cif.read_string(whole, check_level=0)
    except (ValueError, RuntimeError):
        pass
    plain = text.translate(_MINUS).encode("ascii", "backslashreplace").decode("ascii")
    return cif.read_string(plain, check_level=0)


def _without_sentence(text: str) -> str | None:
    """Return a text from its first block on where nothing but words stands above, or None.

    JARVIS-tools writes a sentence above the block. The lines are counted from the top.
    """
    first = _HEADER.search(text)
    if first is None or not text[: first.start()].strip():
        return None
    if _CONTENT.search(text, 0, first.start()):
        return None
    return "\n" * text.count("\n", 0, first.start()) + text[first.start() :]


def _plain(message: str) -> str:
    """Put an error of the parser into words."""
    match = re.match(r"string:(\d+)\S*\s*(.*)", message, re.DOTALL)
    line, what = (match[1], match[2]) if match else ("?", message)
    if "expected block header" in what and line == "1":
        return "not a CIF: it does not begin with a data_ block"
    return f"the CIF breaks off or is malformed at line {line}: {what.strip()[:200]}"
