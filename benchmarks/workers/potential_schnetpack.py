# ruff: noqa: E402
"""SchNet of SchNetPack: its calculator with a skin, and its loss."""

import copy
import typing
from typing import Any

import torch
import torch.utils.data.dataloader as loader

loader.T_co = typing.TypeVar("T_co", covariant=True)  # imported by SchNetPack 2.1, gone from torch

import schnetpack.transform as trn
from moving import Potential, atoms_of, serve
from schnetpack.atomistic import Atomwise, Forces, PairwiseDistances
from schnetpack.interfaces import AtomsConverter, SpkCalculator
from schnetpack.model import NeuralNetworkPotential
from schnetpack.nn import CosineCutoff, GaussianRBF
from schnetpack.representation import SchNet


class Calculator(SpkCalculator):
    """Takes the model itself, where the original takes a file that torch no longer reads."""

    def _load_model(self, model: NeuralNetworkPotential) -> NeuralNetworkPotential:
        return model.eval()


def potential(job: dict[str, Any]) -> NeuralNetworkPotential:
    """Make the model."""
    cutoff, channels = job["cutoff"], job["channels"]
    radial = GaussianRBF(n_rbf=job["basis"], cutoff=cutoff)
    schnet = SchNet(channels, job["layers"], radial, CosineCutoff(cutoff))
    heads = [Atomwise(n_in=channels, output_key="energy"), Forces()]
    return NeuralNetworkPotential(schnet, input_modules=[PairwiseDistances()], output_modules=heads)


def make(job: dict[str, Any]) -> Potential:
    """Make the potential and its batch."""
    dtype = getattr(torch, job["precision"])
    torch.manual_seed(0)
    model = potential(job)
    neighbors = trn.SkinNeighborList(trn.MatScipyNeighborList(job["cutoff"]), cutoff_skin=0.5)
    calculator = Calculator(copy.deepcopy(model), neighbors, energy_unit="eV", dtype=dtype)
    converter = AtomsConverter(trn.MatScipyNeighborList(job["cutoff"]), dtype=dtype)
    batch = converter([atoms_of(job) for _ in range(job["batch"])])
    trained = model.to(dtype).train()

    def predict() -> dict[str, torch.Tensor]:
        inputs = {name: value.detach().clone() for name, value in batch.items()}
        return dict(trained(inputs))

    return Potential(trained, calculator, predict, len(batch["_idx_i"]))


if __name__ == "__main__":
    serve(make)
