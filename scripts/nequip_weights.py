"""Write the plain weights of NequIP models, and small examples with their energies and derivatives.

It runs in an environment that has ``nequip==0.19.1`` and ``safetensors``; nothing of xtalgraph is
needed there:

    python scripts/nequip_weights.py model.nequip.zip weights.safetensors
    python scripts/nequip_weights.py --examples tests/models/nequip

Every constant of the package is multiplied into the weights: the normalisations of e3nn, the mean
number of neighbors, the factor of the Bessel functions. What remains, by the number n of the layer:

- ``embedding`` (elements, attributes), the vector of each element
- ``layers.n.before.IRREP`` (inputs, channels), linear maps before the sum over neighbors
- ``layers.n.radial.k``, the radial network, whose last columns are those of the paths, in order of
  input, degree of the harmonics and output
- ``layers.n.after.IRREP``, linear maps of the sums, the channels of all paths side by side
- ``layers.n.self.IRREP`` (inputs, attributes, channels), the self-connection
- ``readout.k``, the network that makes the energy of an atom; ``scale`` and ``shift`` of each
  element, the latter in eV

The metadata hold the settings as JSON.
"""

import argparse
import json
import math
from pathlib import Path
from typing import Any

import ase.build
import numpy as np
import torch
from ase import Atoms
from e3nn import o3
from nequip.data import from_ase
from nequip.data.transforms import ChemicalSpeciesToAtomTypeMapper, NeighborListTransform
from nequip.model import NequIPGNNModel
from nequip.utils.global_state import set_global_state
from safetensors.torch import save_file
from torch import Tensor, nn

FORMAT = "nequip-plain-1"
SIZES: dict[str, dict[str, Any]] = {
    "silicon": {
        "type_names": ["Si"],
        "num_layers": 2,
        "l_max": 1,
        "parity": False,
        "num_features": 6,
        "radial_mlp_width": 8,
        "per_type_energy_scales": 1.7,
        "per_type_energy_shifts": {"Si": -5.4},
    },
    "perovskite": {
        "type_names": ["Sr", "Ti", "O"],
        "num_layers": 3,
        "l_max": 2,
        "parity": True,
        "num_features": [5, 3, 2],
        "type_embed_num_features": 4,
        "radial_mlp_depth": 2,
        "radial_mlp_width": 6,
        "per_type_energy_scales": {"Sr": 1.1, "Ti": 2.3, "O": 0.8},
        "per_type_energy_shifts": {"Sr": -1.5, "Ti": -7.75, "O": -4.25},
    },
    "carbon": {
        "type_names": ["C", "H"],
        "num_layers": 2,
        "l_max": 3,
        "parity": False,
        "num_features": [6, 4, 3, 2],
        "radial_mlp_width": 8,
        "num_bessels": 5,
        "per_type_energy_scales": 0.9,
        "per_type_energy_shifts": {"C": -7.0, "H": -2.5},
    },
    "salt": {
        "type_names": ["Cl", "Na"],
        "num_layers": 4,
        "l_max": 2,
        "parity": False,
        "num_features": 4,
        "radial_mlp_width": 6,
        "per_type_energy_scales": 1.3,
        "per_type_energy_shifts": {"Cl": -2.0, "Na": -1.0},
    },
}
"""Models that are small enough to be kept, by name."""


def crystals() -> dict[str, list[Atoms]]:
    """Return what each example is evaluated on: rattled, strained, of several sizes."""
    perovskite = Atoms(
        "SrTiO3",
        scaled_positions=[(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)],
        cell=3 * [3.9],
        pbc=True,
    )
    methane = ase.build.molecule("CH4", cell=3 * [6.0], pbc=True)
    made = {
        "silicon": [ase.build.bulk("Si"), ase.build.bulk("Si", cubic=True)],
        "perovskite": [perovskite, perovskite.repeat((2, 1, 1))],
        "carbon": [ase.build.bulk("C", cubic=True), ase.build.graphene(vacuum=4.0), methane],
        "salt": [ase.build.bulk("NaCl", "rocksalt", a=5.6, cubic=True)],
    }
    generator = np.random.default_rng(7)
    for several in made.values():
        for atoms in several:
            atoms.pbc = True
            strain = np.eye(3) + generator.uniform(-0.03, 0.03, (3, 3))
            atoms.set_cell(atoms.cell.array @ strain, scale_atoms=True)
            atoms.positions += generator.normal(0, 0.08, atoms.positions.shape)
    return made


def names(irreps: o3.Irreps) -> list[str]:
    """Return the names of irreps that stand once each."""
    found = [str(ir) for _, ir in irreps]
    if len(set(found)) < len(found):
        raise SystemExit(f"irreps must stand once each, got {irreps}")
    return found


def of_linear(linear: o3.Linear) -> dict[str, Tensor]:
    """Return the matrix of each irrep, from rows to columns."""
    matrices, inputs = {}, names(linear.irreps_in)
    for _, instruction, view in linear.weight_views(yield_instruction=True):
        matrices[inputs[instruction.i_in]] = instruction.path_weight * view
    return matrices


def of_network(network: nn.Module) -> list[Tensor]:
    """Return the matrices of a network without biases."""
    layers = [layer for layer in network.mlp if hasattr(layer, "alpha")]
    if any(layer.bias is not None for layer in layers):
        raise SystemExit("networks with biases are not supported")
    return [layer.alpha * layer.weight for layer in layers]


def of_layer(layer: nn.Module, sums: float) -> tuple[dict[str, Tensor], dict[str, int]]:
    """Return the weights of an interaction, and the channels that leave it."""
    conv, tensors = layer.conv, {}
    product = conv.tp_scatter.tp
    for name, matrix in of_linear(conv.linear_1).items():
        tensors[f"before.{name}"] = sums * matrix
    *first, last = of_network(conv.edge_mlp)
    factors, order = [], []
    for instruction in product.instructions:
        multiplicity, _ = product.irreps_in1[instruction.i_in1]
        output = product.irreps_out[instruction.i_out].ir
        factors += multiplicity * [instruction.path_weight / math.sqrt(output.dim)]
        order.append((instruction.i_in1, instruction.i_in2, output.l))
    if order != sorted(order):
        raise SystemExit("the paths of the package are in another order than was known")
    matrices = [*first, last * torch.tensor(factors, dtype=last.dtype)]
    tensors |= {f"radial.{number}": matrix for number, matrix in enumerate(matrices)}
    tensors |= {f"after.{name}": matrix for name, matrix in of_linear(conv.linear_2).items()}
    if conv.sc is not None:
        inputs = names(conv.sc.irreps_in1)
        for _, instruction, view in conv.sc.weight_views(yield_instruction=True):
            output = conv.sc.irreps_out[instruction.i_out].ir
            factor = instruction.path_weight / math.sqrt(output.dim)
            tensors[f"self.{inputs[instruction.i_in1]}"] = factor * view
    gate = layer.equivariant_nonlin
    channels = {str(ir): multiplicity for multiplicity, ir in gate.irreps_out}
    return tensors, channels


def plain(model: nn.Module) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return the settings and the weights of a model that the package has made."""
    parts = dict(model.model.func.named_children())
    if "pair_potential" in parts:
        raise SystemExit("a model with a pair potential is not supported")
    encode, scales = parts["bessel_encode"], parts["per_type_energy_scale_shift"]
    count = encode.num_bessels
    if not torch.allclose(encode.bessel_weights, torch.arange(1.0, count + 1)):
        raise SystemExit("trained Bessel roots are not supported")
    cutoff = 1.0 / parts["edge_norm"]._rmax_recip
    if cutoff.numel() != 1:
        raise SystemExit("cutoffs of pairs of elements are not supported")
    tensors = {"embedding": parts["type_embed"].embed_module.weight}
    layers = [part for name, part in parts.items() if name.endswith("_convnet")]
    channels = []
    for number, layer in enumerate(layers):
        norm = layer.conv.avg_num_neighbors_norm.norm_const
        if norm.numel() != 1:
            raise SystemExit("a number of neighbors for each element is not supported")
        found, leaving = of_layer(layer, float(norm))
        # (2/r_c) sin(k r)/r in the package, √(2/r_c) sin(k r)/r here.
        found["radial.0"] = found["radial.0"] * math.sqrt(2.0 / float(cutoff))
        tensors |= {f"layers.{number}.{name}": tensor for name, tensor in found.items()}
        channels.append(leaving)
    network = parts["per_atom_energy_readout"].mlp_module
    tensors |= {f"readout.{k}": matrix for k, matrix in enumerate(of_network(network))}
    elements = list(scales.type_names)
    for name, start in (("scales", 1.0), ("shifts", 0.0)):
        values = getattr(scales, name).flatten()
        values = values if values.numel() else torch.tensor([start], dtype=torch.float64)
        tensors[name[:-1]] = values.double().expand(len(elements))
    settings = {
        "elements": elements,
        "cutoff": float(cutoff),
        "degree": parts["spharm"].irreps_edge_sh.lmax,
        "channels": channels,
        "bessel": count,
        "envelope_power": int(encode.cutoff.p),
    }
    return settings, {name: tensor.detach().clone() for name, tensor in tensors.items()}


def write(model: nn.Module, path: Path) -> None:
    """Write the plain weights of a model."""
    settings, tensors = plain(model)
    save_file(
        {name: tensor.contiguous() for name, tensor in tensors.items()},
        path,
        {"format": FORMAT, "settings": json.dumps(settings)},
    )


def evaluated(model: nn.Module, atoms: Atoms, elements: list[str], cutoff: float) -> dict[str, Any]:
    """Return a crystal with its energy in eV, forces in eV/Å and stress in eV/Å³."""
    data = from_ase(atoms)
    for step in (ChemicalSpeciesToAtomTypeMapper(elements), NeighborListTransform(cutoff)):
        data = step(data)
    result = model.eval()(data)
    return {
        "symbols": atoms.get_chemical_symbols(),
        "cell": atoms.cell.array.tolist(),
        "positions": atoms.positions.tolist(),
        "energy": result["total_energy"].item(),
        "forces": result["forces"].tolist(),
        "stress": result["stress"][0].tolist(),
    }


def write_examples(folder: Path) -> None:
    """Write every example: weights, and crystals with what the package says of them."""
    folder.mkdir(parents=True, exist_ok=True)
    structures, cutoff = crystals(), 4.5
    for name, size in SIZES.items():
        model = NequIPGNNModel(
            seed=3, model_dtype="float64", r_max=cutoff, avg_num_neighbors=11.0, **size
        )
        write(model, folder / f"{name}.safetensors")
        values = [evaluated(model, atoms, size["type_names"], cutoff) for atoms in structures[name]]
        (folder / f"{name}.json").write_text(json.dumps(values) + "\n", encoding="utf-8")


def main() -> None:
    """Write the weights of a packaged model or checkpoint, or the examples."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, nargs="?", help="a package (.nequip.zip) or checkpoint")
    parser.add_argument("weights", type=Path, nargs="?", help="what is written, .safetensors")
    parser.add_argument("--examples", type=Path, metavar="FOLDER")
    asked = parser.parse_args()
    set_global_state()
    if asked.examples is not None:
        write_examples(asked.examples)
    elif asked.weights is None:
        parser.error("give a model and where to write its weights, or --examples")
    else:
        from nequip.model.saved_models.load_utils import load_saved_model

        write(load_saved_model(str(asked.model), compile_mode="eager"), asked.weights)


if __name__ == "__main__":
    main()
