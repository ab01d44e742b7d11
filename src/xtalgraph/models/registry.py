"""Every architecture and every kind of model by its name: one line each."""

from typing import Final

from xtalgraph.models.alignn import ALIGNN
from xtalgraph.models.allegro import Allegro
from xtalgraph.models.cace import CACE
from xtalgraph.models.cgcnn import CGCNN
from xtalgraph.models.encoder import Encoder
from xtalgraph.models.gcn import GCN
from xtalgraph.models.gemnet import GemNet
from xtalgraph.models.mace import MACE
from xtalgraph.models.megnet import MEGNet
from xtalgraph.models.model import Model, PropertyModel
from xtalgraph.models.nequip import NequIP
from xtalgraph.models.potential import Potential
from xtalgraph.models.pretrained import Pretrained
from xtalgraph.models.schnet import SchNet
from xtalgraph.models.terms.ace import ACE
from xtalgraph.models.terms.coulomb import Coulomb
from xtalgraph.models.terms.dispersion import D3
from xtalgraph.models.terms.energy_term import EnergyTerm
from xtalgraph.models.terms.zbl import ZBL
from xtalgraph.models.tfn import TFN
from xtalgraph.models.xgn import XGN

ENCODERS: Final[dict[str, type[Encoder]]] = {
    "alignn": ALIGNN,
    "allegro": Allegro,
    "cace": CACE,
    "cgcnn": CGCNN,
    "gcn": GCN,
    "gemnet": GemNet,
    "mace": MACE,
    "megnet": MEGNet,
    "nequip": NequIP,
    "schnet": SchNet,
    "tfn": TFN,
    "xgn": XGN,
}
"""Name in configurations to class."""

MODELS: Final[dict[str, type[Model]]] = {
    "property": PropertyModel,
    "potential": Potential,
    "pretrained": Pretrained,
}
"""What is made of an encoder, by its kind."""

TERMS: Final[dict[str, type[EnergyTerm]]] = {
    "ace": ACE,
    "coulomb": Coulomb,
    "d3": D3,
    "zbl": ZBL,
}
"""What can be added to the energy of a potential."""


DEFAULT: Final = "xgn"
"""The architecture that is recommended, and taken where none is named."""

FOR_POTENTIALS: Final = "cace"
"""The architecture of a potential where none is named."""

CLASSIC: Final = "cgcnn"
"""The architecture of the exercises: small, and the one that others are measured by."""

OF_DISTANCES: Final = "schnet"
"""The architecture of the lesson on forces: small, smooth, and of distances alone."""
