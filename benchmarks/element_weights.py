"""What the weights of elements cost MACE: parameters, file, and a step of AdamW.

`python benchmarks/element_weights.py` compares weights for all elements with those of silicon, and
of the five elements of perovskites, in float32 on one thread.
"""

import statistics
import time
from typing import Final

import safetensors.torch
import torch

from xtalgraph.data.targets import Kind, Target
from xtalgraph.models.spec import ModelSpec

ELEMENTS: Final = {"all": None, "Si": ["Si"], "O, Ti, Sr, Zr, Ba": ["O", "Ti", "Sr", "Zr", "Ba"]}
STEPS: Final = 15


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    target = Target("energy", Kind.EXTENSIVE, "eV")
    print("| channels | elements | parameters | file, MB | step, ms |\n|---|---|---|---|---|")
    for channels in (32, 128):
        for name, elements in ELEMENTS.items():
            settings = {"channels": channels, "elements": elements}
            spec = ModelSpec("mace", settings, "auto", "radius", {"cutoff": 5.0}, (target,))
            model = spec.make_model()
            weights = list(model.parameters())
            optimizer = torch.optim.AdamW(weights, foreach=True)
            for weight in weights:
                weight.grad = torch.randn_like(weight)
            seconds = []
            for _ in range(STEPS + 1):
                began = time.process_time()
                optimizer.step()
                seconds.append(time.process_time() - began)
            size = len(safetensors.torch.save(model.state_dict())) / 1e6
            count = sum(weight.numel() for weight in weights)
            step = 1e3 * statistics.median(seconds[1:])
            print(f"| {channels} | {name} | {count:,} | {size:.2f} | {step:.1f} |")


if __name__ == "__main__":
    main()
