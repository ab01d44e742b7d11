"""A ScaleShiftMACE of mace-torch: energy and forces of a frame."""

from typing import Any

import numpy as np
import torch

torch.serialization.add_safe_globals([slice])  # in the constants of e3nn 0.4.4

import ase  # noqa: E402
from e3nn import o3  # noqa: E402
from equivariant import Side, serve  # noqa: E402
from mace import data, modules  # noqa: E402
from mace.tools import AtomicNumberTable, torch_geometric  # noqa: E402


def make(job: dict[str, Any]) -> Side:
    """Make the potential and its frame."""
    torch.set_default_dtype(getattr(torch, job["precision"]))
    settings, elements = job["settings"], sorted(set(job["numbers"]))
    channels = settings["channels"]
    hidden = [(channels, (n, (-1) ** n)) for n in range(settings["hidden_degree"] + 1)]
    model = modules.ScaleShiftMACE(
        r_max=job["cutoff"],
        num_bessel=settings["radials"],
        num_polynomial_cutoff=5,
        max_ell=settings["degree"],
        interaction_cls=modules.RealAgnosticResidualInteractionBlock,
        interaction_cls_first=modules.RealAgnosticInteractionBlock,
        num_interactions=settings["depth"],
        num_elements=len(elements),
        hidden_irreps=o3.Irreps(hidden),
        MLP_irreps=o3.Irreps("16x0e"),
        gate=torch.nn.functional.silu,
        atomic_energies=np.zeros(len(elements)),
        avg_num_neighbors=20.0,
        atomic_numbers=elements,
        correlation=settings["correlation"],
        radial_type="bessel",
        atomic_inter_scale=1.0,
        atomic_inter_shift=0.0,
    )
    atoms = ase.Atoms(job["numbers"], job["positions"], cell=job["cell"], pbc=True)
    config = data.config_from_atoms(atoms)
    table = AtomicNumberTable(elements)
    copies = job["copies"]
    graph = data.AtomicData.from_config(config, z_table=table, cutoff=job["cutoff"])
    batch = next(iter(torch_geometric.dataloader.DataLoader([graph] * copies, batch_size=copies)))

    def predict(differentiable: bool) -> tuple[torch.Tensor, torch.Tensor]:
        output = model(batch.to_dict(), training=differentiable)
        return output["energy"], output["forces"]

    return Side(model, predict, batch.edge_index.shape[1])


serve(make)
