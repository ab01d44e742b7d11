"""Vectors of atoms of a pre-trained network of another package."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, final

import numpy as np

from xtalgraph.baselines.descriptor import AtomDescriptor, AtomRows
from xtalgraph.conventions.extras import import_extra
from xtalgraph.crystals.convert import to_pymatgen
from xtalgraph.crystals.crystal import Crystal


@final
@dataclass(frozen=True)
class CHGNetVectors(AtomDescriptor):
    """The 64 numbers of an atom before the last layer of CHGNet.

    CHGNet is a potential that was trained on 1.58 million frames of relaxations of the Materials
    Project. It has seen structures, energies, forces, stresses and magnetic moments of many
    crystals that stand in public benchmarks, so that a test crystal may not be new to it.

    Args:
        weights: Of the version of this name, which its package brings along.

    Source: B. Deng et al., Nat. Mach. Intell. 5, 1031 (2023), doi 10.1038/s42256-023-00716-3.
    """

    name: ClassVar[str] = "chgnet"
    version: ClassVar[int] = 2

    weights: Literal["0.3.0", "0.2.0"] = "0.3.0"

    def check(self) -> None:
        """Import chgnet."""
        import_extra("chgnet.model")

    def describe_atoms(self, crystals: Sequence[Crystal]) -> AtomRows:
        """Return the vector of each atom."""
        theirs = import_extra("chgnet.model")
        model = theirs.CHGNet.load(model_name=self.weights, use_device="cpu", verbose=False)
        rows = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # it makes tensors of tensors
            for crystal in crystals:
                predicted = model.predict_structure(
                    to_pymatgen(crystal), task="e", return_atom_feas=True
                )
                rows.append(np.asarray(predicted["atom_fea"]))
        return np.concatenate(rows).astype(np.float32)
