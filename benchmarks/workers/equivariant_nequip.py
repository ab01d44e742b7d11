"""A NequIP of the package nequip, or an Allegro of nequip-allegro: energy and forces of a frame.

Compiled, energy and forces are those of what `nequip-compile --mode aotinductor --target ase` makes
of it, and a step of training, of two frames or more, that of `compile_mode: compile`.
"""

import tempfile
from pathlib import Path
from typing import Any

import torch
from ase import Atoms
from ase.data import chemical_symbols
from equivariant import Side, serve
from nequip.data import AtomicDataDict, from_ase
from nequip.data.transforms import ChemicalSpeciesToAtomTypeMapper, NeighborListTransform
from nequip.model import NequIPGNNModel
from nequip.scripts._compile_utils import COMPILE_TARGET_DICT
from nequip.utils.aot import aot_export_model
from nequip.utils.global_state import set_global_state

SCALE = 1.0
"""Of the energies, which begin at 0."""


def sizes_of(encoder: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the hyper-parameters in the package's words."""
    common = {"l_max": settings["degree"], "parity": settings["parity"]}
    common["num_layers"] = settings["depth"]
    if encoder == "nequip":
        return common | {
            "num_features": settings["channels"],
            "num_bessels": settings["radials"],
            "radial_mlp_width": settings["radial_width"],
        }
    hidden, width = settings["hidden"], settings["edge_width"]
    return common | {
        "radial_chemical_embed": {
            "_target_": "allegro.nn.TwoBodyBesselScalarEmbed",
            "num_bessels": settings["radials"],
        },
        "num_tensor_features": settings["channels"],
        "num_scalar_features": width,
        "scalar_embed_mlp_hidden_layers_width": hidden,
        "allegro_mlp_hidden_layers_width": hidden,
    }


def make(job: dict[str, Any]) -> Side:
    """Make the potential and its frame."""
    set_global_state()
    elements = [chemical_symbols[number] for number in sorted(set(job["numbers"]))]
    build = NequIPGNNModel
    if job["encoder"] == "allegro":
        from allegro.model import AllegroModel as build  # noqa: N813
    model = build(
        seed=0,
        model_dtype=job["precision"],
        r_max=job["cutoff"],
        type_names=elements,
        avg_num_neighbors=20.0,
        per_type_energy_scales=SCALE,
        per_type_energy_shifts=dict.fromkeys(elements, 0.0),
        compile_mode="compile" if job["compiled"] and job["copies"] > 1 else "eager",
        **sizes_of(job["encoder"], job["settings"]),
    )
    data = from_ase(Atoms(job["numbers"], job["positions"], cell=job["cell"], pbc=True))
    transforms = (ChemicalSpeciesToAtomTypeMapper(elements), NeighborListTransform(job["cutoff"]))
    for transform in transforms:
        data = transform(data)
    if job["copies"] > 1:
        data = AtomicDataDict.batched_from_list([data] * job["copies"])

    def predict(differentiable: bool) -> tuple[torch.Tensor, torch.Tensor]:
        output = model.train(differentiable)(dict(data))
        return output["total_energy"], output["forces"]

    edges = data["edge_index"].shape[1]
    if not job["compiled"] or job["copies"] > 1:
        return Side(model, predict, edges)
    target = COMPILE_TARGET_DICT["ase"]
    kept = [data[name] for name in target["input"]]
    outputs = target["output"]
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.nequip.pt2")
        shapes = {"graph": torch.export.Dim.STATIC}
        for name in ("node", "edge"):
            shapes[name] = torch.export.Dim(f"num_{name}s", min=2, max=torch.inf)
        inputs = dict(zip(target["input"], kept, strict=True))
        aot_export_model(model, "cpu", target["input"], outputs, inputs, shapes, path)
        compiled = torch._inductor.aoti_load_package(path)

    def predict_compiled(_: bool) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.inference_mode():
            made = dict(zip(outputs, compiled(*kept), strict=True))
        return made["total_energy"], made["forces"]

    return Side(model, predict_compiled, edges)


serve(make)
