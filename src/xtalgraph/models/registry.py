"""Every architecture by its name: one line each."""

from typing import Final

from xtalgraph.models.cgcnn import CGCNN
from xtalgraph.models.encoder import Encoder

ENCODERS: Final[dict[str, type[Encoder]]] = {
    "cgcnn": CGCNN,
}
"""Name in configurations to class."""
