"""CGCNN from PyTorch Geometric's `CGConv`, as one writes it with that library.

The same hybrid graph, in full. Both sides make the Gaussians of its distances in the step.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch_geometric.nn import CGConv, global_mean_pool
from turns import Side, serve

ELEMENT_FEATURES = 92
"""As many as the original code has."""


class Model(nn.Module):
    """Embedding, gated convolutions with batch normalisation, mean, head."""

    def __init__(self, width: int, depth: int, centers: Tensor) -> None:
        super().__init__()
        self.centers = centers
        basis = len(centers)
        self.embed = nn.Linear(ELEMENT_FEATURES, width)
        self.convolutions = nn.ModuleList(
            CGConv(width, dim=basis, aggr="add", batch_norm=True) for _ in range(depth)
        )
        self.hidden, self.out = nn.Linear(width, width), nn.Linear(width, 1)

    def forward(self, element: Tensor, index: Tensor, distance: Tensor, owner: Tensor) -> Tensor:
        """Predict one value for each crystal."""
        edge = torch.exp(-((distance.unsqueeze(-1) - self.centers) ** 2) / 0.2**2)
        atom = self.embed(element)
        for convolution in self.convolutions:
            atom = convolution(atom, index, edge)
        pooled = functional.softplus(global_mean_pool(atom, owner))
        return self.out(functional.softplus(self.hidden(pooled))).squeeze(-1)


def make(job: dict[str, Any]) -> Side:
    """Make the model and its batch."""
    graph = job["graph"]
    element = torch.rand(119, ELEMENT_FEATURES)[torch.tensor(graph["number"])]
    index = torch.tensor([graph["neighbor"], graph["center"]])
    centers = torch.arange(0.0, 8.01, 0.2)
    distance = torch.tensor(graph["distance"])
    counts = torch.tensor([len(crystal["numbers"]) for crystal in job["crystals"]])
    owner = torch.arange(len(counts)).repeat_interleave(counts)
    model = Model(job["settings"]["width"], job["settings"]["depth"], centers)
    size = f"{len(element)} atoms, {index.shape[1]} edges"
    return Side(model, lambda: model(element, index, distance, owner), size)


if __name__ == "__main__":
    serve(make)
