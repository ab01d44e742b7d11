"""Every architecture by its name: one line each."""

from typing import Final

from xtalgraph.models.cgcnn import CGCNN
from xtalgraph.models.encoder import Encoder
from xtalgraph.models.gcn import GCN
from xtalgraph.models.megnet import MEGNet
from xtalgraph.models.schnet import SchNet

ENCODERS: Final[dict[str, type[Encoder]]] = {
    "cgcnn": CGCNN,
    "gcn": GCN,
    "megnet": MEGNet,
    "schnet": SchNet,
}
"""Name in configurations to class."""
