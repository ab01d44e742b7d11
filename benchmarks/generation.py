"""Generated crystals of perovskites and carbon beside templates and random search.

`python benchmarks/generation.py DATA --out OUT`, where DATA holds `perovskites.csv.gz` and
`carbon.csv.gz`. For each set a generator is trained, unless OUT holds it, by `xtalgraph
train-generator`: perovskites divided by formula, carbon by structure. Then crystals are drawn for
held-out ones and assessed, and the tables are printed as they stand in
`benchmarks/results/generation.md`, with published match rates of other models. An hour and a half
on one core, two thirds of it for the trainings.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from xtalgraph.evidence.numbers import with_interval
from xtalgraph.evidence.text.generation import MEASURES, factor_of
from xtalgraph.workflows.assess_generator import assess_generator
from xtalgraph.workflows.train_generator import train_generator

SETS: Final[Mapping[str, dict[str, Any]]] = {
    "perovskites": {},
    "carbon": {"split": "structure", "overrides": ["training.batch_size=64"]},
}
"""How each is trained, beside the defaults."""
ENERGIES: Final = {"perovskites": "perovskite-formation-energy", "carbon": "carbon-energy"}
"""Models of the package that predict the energies of what is drawn."""
PUBLISHED: Final = {
    "perovskites": {"CDVAE": 45, "DiffCSP": 52, "FlowMM": 53},
    "carbon": {"CDVAE": 17, "DiffCSP": 17.5, "FlowMM": 23.5},
}
"""Match rates of one draw in %, of Perov-5 and Carbon-24 with their random splits: R. Jiao et al.,
NeurIPS 2023, arXiv 2309.04475 (CDVAE and DiffCSP); B. K. Miller et al., ICML 2024, arXiv 2406.04713
(FlowMM)."""


def main() -> None:
    """Train what is not there, assess, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--crystals", type=int, default=200)
    parser.add_argument("--copies", type=int, default=5)
    asked = parser.parse_args()
    for name in asked.sets:
        run, data = asked.out / name, asked.data / f"{name}.csv.gz"
        train_generator(data, out=run, resume=True, progress=False, **SETS[name])
        done = assess_generator(
            run,
            out=asked.out / f"{name}-assessed",
            data=data,
            crystals=asked.crystals,
            copies=asked.copies,
            energy=ENERGIES[name],
            progress=False,
        )
        table(name, done.document)


def table(name: str, document: Mapping[str, Any]) -> None:
    """Print what was measured, a line for each measure."""
    sources = document["sources"]
    print(f"{name}: {document['held_out']} held out, {document['different']} different\n")
    print(f"| | {' | '.join(source['name'] for source in sources)} |")
    print("|---|" + "---|" * len(sources))
    for key, (title, unit, _) in MEASURES.items():
        if key in sources[0]:
            print(
                f"| {title}, {unit} | {' | '.join(cell(source[key], key) for source in sources)} |"
            )
    print(f"| draws | {' | '.join(str(source['draws']) for source in sources)} |")
    print(f"| seconds | {' | '.join(format(source['seconds'], '.0f') for source in sources)} |")
    published = ", ".join(f"{model} {rate} %" for model, rate in PUBLISHED[name].items())
    print(f"\npublished: {published}\n", flush=True)


def cell(measure: Mapping[str, float | None], key: str) -> str:
    """Return a value and its interval."""
    numbers = (measure["value"], measure["low"], measure["high"])
    value, low, high = (None if number is None else factor_of(key) * number for number in numbers)
    text, interval = with_interval(value, low, high)
    return f"{text} ({interval})" if interval else text


if __name__ == "__main__":
    main()
