"""Error of potentials against the number of training frames, each for the same number of steps.

`python benchmarks/potential_curve.py DATA --out OUT` trains the potentials of `MODELS` on 25, 50,
100 and all frames of silicon, in the division of `potential_accuracy.py`. A step reads up to 160
atoms, and fewer frames are read more often, so that each training of a model has the same number of
steps but for the last pass. Smaller parts lie within the larger ones; validation and test frames
are the same for all. A run that is there is not made again.
"""

import argparse
from pathlib import Path
from typing import Final

from potential_accuracy import frames_of, row_of, train

MODELS: Final = {"schnet": 40, "cace": 40, "mace": 30, "nequip": 16}
"""Name to passes over all frames."""
FRAMES: Final = (25, 50, 100, None)
SETTINGS: Final = ["--set", "training.batch_size=160"]


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/potential-curve"))
    parser.add_argument("--element", default="Si")
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    asked = parser.parse_args()
    print(f"MAE (RMSE) on the test part of {asked.element}")
    print("| model | frames | epochs | energy, meV/atom | forces, eV/Å | stress, GPa | minutes |")
    print("|---|---|---|---|---|---|---|")
    for model in asked.models:
        out = asked.out / model
        out.mkdir(parents=True, exist_ok=True)
        every = frames_in(frames_of(asked.element, asked.data, out))
        for count in FRAMES:
            frames = frames_of(asked.element, asked.data, out, count)
            epochs = round(MODELS[model] * every / (count or every))
            options = ["--model", model, "--epochs", str(epochs), *SETTINGS]
            run, minutes = train(asked.element, frames, options)
            row = f"| {model} | {count or every} | {epochs} | {row_of(run)} | {minutes:.1f} |"
            print(row, flush=True)


def frames_in(path: Path) -> int:
    """Return the number of training frames of a file."""
    return path.read_text().count("part=train")


if __name__ == "__main__":
    main()
