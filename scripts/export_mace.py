"""Plain weights of a model of mace-torch, and reference numbers; it runs beside mace-torch.

    python scripts/export_mace.py MODEL.model OUT.npz      weights of a trained ScaleShiftMACE
    python scripts/export_mace.py --references FOLDER      small models, energies, forces, stresses

The environment is `pip install mace-torch==0.3.16`; it needs an older e3nn than xtalgraph. To load
a model of mace-torch runs code that is in its file, so take only those that you trust.

Every linear map is written as the matrix that it is, for each irreducible representation, with all
factors in it; the radial network as weights between plain SiLUs; the couplings of the symmetric
contraction as polynomials of the components, columns in the order of
`itertools.combinations_with_replacement`. `xtalgraph.models.mace_torch` reads it.
"""

import argparse
import json
import sys
from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np
import torch

torch.serialization.add_safe_globals([slice])  # in the constants of e3nn 0.4.4

from e3nn import o3  # noqa: E402
from mace import data, modules  # noqa: E402
from mace.tools import AtomicNumberTable, torch_geometric  # noqa: E402

REFERENCES = {
    "si": {"elements": [14], "degree": 2, "hidden": "8x0e+8x1o", "correlation": 3},
    "si-invariant": {"elements": [14], "degree": 3, "hidden": "6x0e", "correlation": 2},
    "salt": {"elements": [11, 17], "degree": 3, "hidden": "5x0e+5x1o", "correlation": 3},
    "perovskite": {"elements": [8, 22, 38, 56, 40], "degree": 2, "hidden": "4x0e+4x1o+4x2e"},
    "four-bodies-more": {"elements": [6, 8], "degree": 2, "hidden": "4x0e+4x1o", "correlation": 4},
    "three-layers": {"elements": [6], "degree": 1, "hidden": "4x0e+4x1o", "layers": 3},
}
"""Small models of every kind; correlation 3 and 2 layers where nothing else is written."""
CUTOFF = 4.5


def matrices(linear, irreps_in, irreps_out, rows):
    """Return a matrix (rows, channels in, channels out) for each irreducible representation.

    Args:
        linear: A function of features, and of the row of what else it reads.
        irreps_in: Of the features.
        irreps_out: Of what it returns.
        rows: How many rows there are.
    """
    irreps_in, irreps_out = o3.Irreps(irreps_in), o3.Irreps(irreps_out)
    found = {}
    for (mul_out, irrep), part_out in zip(irreps_out, irreps_out.slices(), strict=True):
        parts = []
        for (mul_in, other), part_in in zip(irreps_in, irreps_in.slices(), strict=True):
            if other != irrep:
                continue
            unit = torch.zeros(mul_in, irreps_in.dim)
            unit[torch.arange(mul_in), part_in.start + torch.arange(mul_in) * irrep.dim] = 1.0
            values = [linear(unit, row)[:, part_out] for row in range(rows)]
            parts.append(torch.stack(values).unflatten(2, (mul_out, irrep.dim))[..., 0])
        if parts:
            found[str(irrep)] = torch.cat(parts, dim=1).detach().numpy()
    return found


def radial_weights(network):
    """Return the matrices between plain SiLUs of a FullyConnectedNet of e3nn."""
    weights, factor = [], 1.0
    for layer in network:
        scale = (layer.h_in * layer.var_in) ** -0.5
        if layer.act is None:
            scale *= layer.var_out**0.5
        weights.append((layer.weight * scale * factor).detach().numpy())
        if layer.act is not None:
            factor = float(layer.act.cst) * layer.var_out**0.5
    return weights


def couplings(contraction, order):
    """Return (components, monomials, paths) of the coupling of so many factors."""
    table = contraction.U_tensors(order).detach().numpy()
    table = table if table.ndim == order + 2 else table[None]
    size = table.shape[1]
    columns = {m: n for n, m in enumerate(combinations_with_replacement(range(size), order))}
    total = np.zeros((table.shape[0], len(columns), table.shape[-1]))
    for index in np.ndindex(*table.shape[1:-1]):
        total[:, columns[tuple(sorted(index))]] += table[(slice(None), *index)]
    return total


def exported(model):
    """Return the plain arrays of a ScaleShiftMACE."""
    elements, first = len(model.atomic_numbers), model.interactions[0]
    embed, scalars = model.node_embedding.linear, first.node_feats_irreps
    embedding = matrices(lambda x, _: embed(x), f"{elements}x0e", scalars, 1)
    arrays = {"embedding": embedding["0e"][0]}
    blocks = zip(model.interactions, model.products, strict=True)
    for number, (interaction, product) in enumerate(blocks):
        parts = interaction_arrays(interaction, torch.eye(elements)) | product_arrays(product)
        arrays |= {f"layer{number}/{name}": values for name, values in parts.items()}
    for number, readout in enumerate(model.readouts):
        last = number == len(model.readouts) - 1
        linears = [readout.linear_1, readout.linear_2] if last else [readout.linear]
        parts = [matrix_of(linear)["0e"][0] for linear in linears]
        if last:
            parts[1] = parts[1] * float(readout.non_linearity.acts[0].cst)
        arrays |= {f"readout{number}/{layer}": values for layer, values in enumerate(parts)}
    orders = [p.symmetric_contractions.contractions[0].correlation for p in model.products]
    settings = {
        "format": "mace-torch, plain weights",
        "cutoff": float(model.r_max),
        "radials": int(model.radial_embedding.out_dim),
        "radial_width": int(first.radial_MLP[0]),
        "envelope_power": int(model.radial_embedding.cutoff_fn.p),
        "degree": int(model.spherical_harmonics.irreps_out.lmax),
        "hidden": str(model.interactions[-1].node_feats_irreps),
        "depth": len(model.interactions),
        "correlation": orders,
        "neighbors": float(first.avg_num_neighbors),
        "elements": model.atomic_numbers.tolist(),
        "energies": model.atomic_energies_fn.atomic_energies.flatten().tolist(),
        "scale": float(model.scale_shift.scale.flatten()[0]),
        "shift": float(model.scale_shift.shift.flatten()[0]),
    }
    return arrays | {"settings": np.array(json.dumps(settings))}


def matrix_of(linear):
    """Return the matrices of a Linear of e3nn."""
    return matrices(lambda x, _: linear(x), linear.irreps_in, linear.irreps_out, 1)


def interaction_arrays(interaction, one_hot):
    """Return the linear maps and the radial network of an interaction, by path."""
    skip = interaction.skip_tp
    linear = {
        "up": matrix_of(interaction.linear_up),
        "mix": matrix_of(interaction.linear),
        "element": matrices(
            lambda x, row: skip(x, one_hot[row].expand(len(x), -1)),
            skip.irreps_in1,
            skip.irreps_out,
            len(one_hot),
        ),
    }
    arrays = {
        f"{name}/{irrep}": values for name, by in linear.items() for irrep, values in by.items()
    }
    *hidden, last = radial_weights(interaction.conv_tp_weights)
    arrays |= {f"radial/{layer}": weight for layer, weight in enumerate(hidden)}
    edges, column = interaction.conv_tp, 0
    for path in edges.instructions:
        irreps = (
            edges.irreps_in1[path.i_in1].ir,
            edges.irreps_in2[path.i_in2].ir,
            edges.irreps_out[path.i_out].ir,
        )
        name, width = ",".join(map(str, irreps)), edges.irreps_in1[path.i_in1].mul
        arrays[f"path/{name}"] = last[:, column : column + width]
        arrays[f"rank/{name}"] = np.array(path.i_out)
        column += width
    return arrays


def product_arrays(product):
    """Return the couplings and weights of a symmetric contraction, and the linear map after it."""
    arrays = {f"update/{irrep}": values for irrep, values in matrix_of(product.linear).items()}
    symmetric = product.symmetric_contractions
    for (_, irrep), contraction in zip(symmetric.irreps_out, symmetric.contractions, strict=True):
        orders = range(contraction.correlation, 0, -1)
        weights = [contraction.weights_max, *contraction.weights]
        for order, weight in zip(orders, weights, strict=True):
            arrays[f"couplings/{irrep}/{order}"] = couplings(contraction, order)
            arrays[f"weights/{irrep}/{order}"] = weight.detach().numpy()
    return arrays


def check(model):
    """Stop at what has no place in the archive."""
    wrong = []
    if not isinstance(model, modules.ScaleShiftMACE):
        wrong.append(f"it is a {type(model).__name__}, and not a ScaleShiftMACE")
    blocks = ["RealAgnosticInteractionBlock"] + ["RealAgnosticResidualInteractionBlock"] * (
        len(model.interactions) - 1
    )
    names = [type(block).__name__ for block in model.interactions]
    if names != blocks:
        wrong.append(f"its interactions are {names}, and not {blocks}")
    if hasattr(model, "pair_repulsion"):
        wrong.append("it has a repulsion of pairs")
    if len(model.heads) > 1:
        wrong.append(f"it has the heads {model.heads}, and not one")
    if hasattr(model.radial_embedding, "distance_transform"):
        wrong.append("it transforms distances")
    if type(model.radial_embedding.bessel_fn).__name__ != "BesselBasis":
        wrong.append("its radial basis is not that of Bessel functions")
    if wrong:
        raise SystemExit(f"the model cannot be exported: {'; '.join(wrong)}")


def made(elements, degree, hidden, correlation=3, layers=2):
    """Return a model with random weights."""
    return modules.ScaleShiftMACE(
        r_max=CUTOFF,
        num_bessel=5,
        num_polynomial_cutoff=5,
        max_ell=degree,
        interaction_cls=modules.RealAgnosticResidualInteractionBlock,
        interaction_cls_first=modules.RealAgnosticInteractionBlock,
        num_interactions=layers,
        num_elements=len(elements),
        hidden_irreps=o3.Irreps(hidden),
        MLP_irreps=o3.Irreps("16x0e"),
        gate=torch.nn.functional.silu,
        atomic_energies=np.linspace(-1.0, -3.0, len(elements)),
        avg_num_neighbors=17.0,
        atomic_numbers=sorted(elements),
        correlation=correlation,
        radial_type="bessel",
        radial_MLP=[12, 12, 12],
        atomic_inter_scale=0.7,
        atomic_inter_shift=0.1,
    )


def crystals(elements, generator):
    """Return a small sheared cell, and a slab without a repeat in one direction."""
    for atoms, pbc in ((7, (True, True, True)), (5, (True, True, False))):
        cell = np.diag([4.1, 4.6, 5.2]) + generator.normal(0, 0.3, (3, 3))
        fractional = (
            np.arange(atoms)[:, None] * [0.38, 0.55, 0.71] + generator.uniform(0, 0.1)
        ) % 1
        numbers = np.array([elements[n % len(elements)] for n in range(atoms)])
        yield numbers, fractional @ cell, cell, np.array(pbc)


def reference(model, elements, generator):
    """Return crystals, and what the model predicts for them."""
    import ase

    arrays = {}
    table = AtomicNumberTable(sorted(elements))
    for number, (numbers, positions, cell, pbc) in enumerate(crystals(elements, generator)):
        atoms = ase.Atoms(numbers, positions, cell=cell, pbc=pbc)
        config = data.config_from_atoms(atoms)
        graph = data.AtomicData.from_config(config, z_table=table, cutoff=CUTOFF)
        batch = next(iter(torch_geometric.dataloader.DataLoader([graph], batch_size=1)))
        output = model(batch.to_dict(), compute_stress=True)
        # Where a direction does not repeat, mace-torch takes the stress over another volume.
        volumes = [abs(float(np.linalg.det(box))) for box in (batch.cell.numpy(), cell)]
        output["stress"] = output["stress"] * (volumes[0] / volumes[1])
        given = {"numbers": numbers, "positions": positions, "cell": cell, "pbc": pbc}
        predicted = {name: output[name] for name in ("energy", "forces", "stress", "node_energy")}
        arrays |= {f"crystal{number}/{name}": values for name, values in given.items()}
        arrays |= {
            f"crystal{number}/{name}": values.detach().numpy() for name, values in predicted.items()
        }
    return arrays


def main():
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("model", nargs="?", help="a model that mace-torch has saved")
    parser.add_argument("out", nargs="?", help="the archive to write, .npz")
    parser.add_argument("--references", help="a folder for small models and reference numbers")
    given = parser.parse_args()
    torch.set_default_dtype(torch.float64)
    if given.references:
        Path(given.references).mkdir(parents=True, exist_ok=True)
        for seed, (name, settings) in enumerate(REFERENCES.items()):
            torch.manual_seed(seed)
            model = made(**settings)
            numbers = reference(model, settings["elements"], np.random.default_rng(seed))
            path = Path(given.references) / f"{name}.npz"
            np.savez_compressed(path, **exported(model), **numbers)
            print(f"{path}: {path.stat().st_size / 1024:.0f} kB", file=sys.stderr)
        return
    if not given.model or not given.out:
        parser.error("give a model and an archive, or --references")
    model = torch.load(given.model, map_location="cpu", weights_only=False).double().eval()
    check(model)
    np.savez_compressed(given.out, **exported(model))


if __name__ == "__main__":
    main()
