"""Extended XYZ: frames of atoms with a lattice, and plain XYZ.

After the specification (https://github.com/libAtoms/extxyz), and after what its writers write.
"""

import re
from collections import deque
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Final, NamedTuple

from xtalgraph.conventions.boundary import guarded, shortened
from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.limits import MAX_ATOMS
from xtalgraph.crystals.entry import Entry
from xtalgraph.crystals.extxyz_frame import crystal_of_frame

_COUNT: Final = re.compile(r"\s*\+?(\d+)\s*", re.ASCII)
_VECTOR: Final = re.compile(r"\s*VEC\d")


class _Frame(NamedTuple):
    comment: str
    atoms: list[str]
    vectors: list[str]


class _Lines:
    """The lines of a file, of which some can be put back."""

    def __init__(self, file: Iterator[str]) -> None:
        self._file = file
        self._held: deque[str] = deque()

    def take(self, count: int) -> list[str]:
        """Return the next lines, fewer where the file ends."""
        lines = [self._held.popleft() for _ in range(min(count, len(self._held)))]
        return lines + list(islice(self._file, count - len(lines)))

    def take_vectors(self) -> list[str]:
        """Return the lines that come next and begin with VEC1, VEC2 or VEC3."""
        vectors = []
        while (line := self.take(1)) and _VECTOR.match(line[0]):
            vectors += line
        self.put_back(line)
        return vectors

    def put_back(self, lines: list[str]) -> None:
        self._held.extendleft(reversed(lines))

    def next_text(self) -> str:
        """Return the next line that is not blank without taking it, '' at the end."""
        while line := self.take(1):
            if line[0].strip():
                self.put_back(line)
                return line[0]
        return ""

    def skip_to_count(self) -> None:
        """Leave out what comes before the next line that holds nothing but a number."""
        while line := self.take(1):
            if _COUNT.fullmatch(line[0]):
                self.put_back(line)
                return


def read_extxyz(file: Iterator[str]) -> Iterator[Entry]:
    """Read the frames of an extended XYZ file one by one, each named by its number from 0.

    A frame that is malformed gives an entry with a reason; the following frames are still read:
    the next one begins at the next line that holds nothing but a number.

    Args:
        file: The open file, or its lines.

    Yields:
        The frames.
    """
    lines = _Lines(file)
    number = 0
    if lines.next_text().startswith("\ufeff"):
        lines.put_back([lines.take(1)[0].removeprefix("\ufeff")])
    while lines.next_text():
        try:
            frame = _next_frame(lines)
        except InputError as error:
            yield Entry(str(number), None, reason=f"frame {number}: {error}")
            lines.skip_to_count()
        else:
            yield _entry(number, frame)
        number += 1
    if number == 0:
        yield Entry("0", None, reason="the file is empty")


def _entry(number: int, frame: _Frame) -> Entry:
    try:
        crystal, values = guarded(partial(crystal_of_frame, *frame), "it")
    except InputError as error:
        return Entry(str(number), None, reason=f"frame {number}: {error}")
    return Entry(str(number), crystal, values)


def _next_frame(lines: _Lines) -> _Frame:
    """Return the lines of the next frame; what cannot belong to it is left."""
    (head,) = lines.take(1)
    match = _COUNT.fullmatch(head)
    if match is None:
        raise InputError(f"expected the number of atoms, got {shortened(head, 40)!r}")
    if len(match[1]) > 18 or int(match[1]) > MAX_ATOMS:
        raise InputError(f"it must have {MAX_ATOMS} atoms at most, got {shortened(match[1], 40)}")
    count = int(match[1])
    comment = lines.take(1)
    atoms = lines.take(count)
    # A line of one number begins another frame: the count is too large.
    ends = (n for n, line in enumerate(atoms) if not line.strip() or _COUNT.fullmatch(line))
    have = next(ends, len(atoms))
    if have < count:
        lines.put_back(atoms[have:])
        raise InputError(f"it breaks off after {have} of {count} atoms")
    vectors = lines.take_vectors()
    after = lines.next_text()
    if atoms and len(after.split()) == len(atoms[-1].split()):
        raise InputError(
            f"after its {count} atoms the next frame must begin with a number of atoms, got "
            f"{shortened(after, 40)!r}"
        )
    return _Frame(comment[0] if comment else "", atoms, vectors)
