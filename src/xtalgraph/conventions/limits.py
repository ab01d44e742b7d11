"""Sizes beyond which an input is refused before memory is taken, see docs/formats.md.

They lie far above what is in use, and far below what brings a machine to its knees.
"""

from typing import Final

MAX_ATOMS: Final[int] = 1_000_000
"""Atoms of one crystal."""

MAX_EDGES: Final[int] = 10_000_000
"""Edges of the graph of one crystal; they take about 1 GB while they are sorted."""

MAX_ANGLES: Final[int] = 50_000_000
"""Angles of the graph of one crystal."""

MAX_EXTXYZ_COLUMNS: Final[int] = 1_000
"""Columns of the atoms of an extended XYZ frame, and keys of its comment line."""

MAX_CELL_CHARACTERS: Final[int] = 64 * 1024**2
"""Characters in one cell of a CSV table."""

MAX_EXPANSION: Final[int] = 50
"""How many times its size a compressed file may unpack to; tables of crystals reach 5 to 15."""

FREE_BYTES: Final[int] = 16 * 1024**2
"""Bytes that any compressed file may unpack to, whatever its size."""

MAX_UNPACKED_BYTES: Final[int] = 4 * 1024**3
"""Bytes that a compressed file may unpack to at most."""

LARGEST_NUMBER: Final = 1e30
"""Of a label or a condition, of either sign: what is computed from larger ones overflows in single
precision."""
