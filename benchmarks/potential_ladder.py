"""Simple potentials and those of others on copper, lithium, molybdenum and silicon, test part.

`python benchmarks/potential_ladder.py DATA [--calculator MODULE:NAME ...]`, with the sets and the
division of `potential_accuracy.py`. Fitted are the energies of the elements, a pair potential, and
linear potentials of SOAP power spectra and of the atomic cluster expansion, as `xtalgraph compare`
fits them; `--fit` chooses some, and `--functions` makes the last as large as the term `ace` with
so many; `--weights` and `--set` are those of the training, as in
`--set "data.pulay_stress={Cu: 0.19}"`. A calculator is taken as it is; its energies are shifted by
what `ALIGNED` training frames say on average. Prints mean absolute errors of energies, forces and
stresses, meV/atom, meV/Å and GPa, and processor time.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from ase import units
from ase.io import read
from potential_accuracy import EPOCHS, frames_of

from xtalgraph.baselines.soap_basis import SoapBasis
from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.data.reported_units import reported_units
from xtalgraph.models.terms.ace import ACE
from xtalgraph.nn.linear_potential.ace_basis import AceBasis
from xtalgraph.nn.linear_potential.basis import Basis, NoBasis
from xtalgraph.nn.linear_potential.pair_basis import PairBasis
from xtalgraph.workflows.compare_baselines import fit_potentials
from xtalgraph.workflows.prepared import Preparations
from xtalgraph.workflows.request import Request
from xtalgraph.workflows.verify_calculator import calculator_named

FITTED: Final[dict[str, Callable[[list[int]], Basis]]] = {
    "reference-energies": lambda _: NoBasis(),
    "pair-potential": PairBasis,
    "linear-soap": SoapBasis,
    "linear-ace": AceBasis,
}
"""What is fitted, by name."""
ALIGNED: Final = 20
"""Training frames to whose energies those of a calculator are shifted."""
TARGETS: Final = "energy", "forces", "stress"
WEIGHTS: Final = 0.1, 1.0, 0.1


def fitted(
    frames: Path,
    wanted: dict[str, Callable[[list[int]], Basis]],
    weights: dict[str, float],
    overrides: list[str],
) -> None:
    """Print a row for each potential that is fitted."""
    options = {"target": list(TARGETS), "split": "column:part", "overrides": overrides}
    request = Request.of(str(frames), options)
    prepared = Preparations(request).prepared(request.config())
    dataset, test = prepared.dataset, prepared.split.test
    sizes = np.array([len(dataset.table.crystals[i]) for i in test])
    elements = sorted({z for crystal in dataset.table.crystals for z in crystal.elements})
    shown = reported_units(dataset.targets)
    for make in wanted.values():
        began, basis = time.process_time(), make(elements)
        results = fit_potentials(prepared.divided, weights, [basis])
        errors = []
        for target in TARGETS:
            values = results[target][0].predictions.values.of(target, test)
            off = values - dataset.labels.of(target, test)
            errors.append(float(np.abs(shown[target].of_errors(off, sizes)).mean()))
        show(frames.stem, basis.name, errors, time.process_time() - began)


def ace_of_term(elements: list[int], functions: int) -> AceBasis:
    """Return the functions of the term `ace` of a network with a cutoff of 5 Å."""
    symbols = [SYMBOLS[number] for number in elements]
    return ACE(ACE.Config(symbols, functions), 1, 5.0).basis


def as_it_is(frames: Path, calculator: str) -> None:
    """Print the row of a calculator."""
    began, made = time.process_time(), calculator_named(calculator)
    listed = read(frames, ":")
    train = [atoms for atoms in listed if atoms.info["part"] == "train"]
    test = [atoms for atoms in listed if atoms.info["part"] == "test"]
    chosen = [train[n] for n in np.linspace(0, len(train) - 1, ALIGNED).astype(int)]
    shift = float(np.mean([energy_off(atoms, made) for atoms in chosen]))
    errors: list[list[np.ndarray]] = [[], [], []]
    for atoms in test:
        errors[0].append(np.array([1000 * (energy_off(atoms, made) - shift)]))
        copy = computed(atoms, made)
        errors[1].append(1000 * (copy.get_forces() - atoms.get_forces()).reshape(-1))
        off = copy.get_stress(voigt=False) - atoms.get_stress(voigt=False)
        errors[2].append(off.reshape(-1) / units.GPa)
    means = [float(np.abs(np.concatenate(parts)).mean()) for parts in errors]
    show(frames.stem, calculator, means, time.process_time() - began)


def computed(atoms: Any, calculator: Any) -> Any:
    """Return a copy that the calculator computes; the same as before costs nothing."""
    copy = atoms.copy()
    copy.calc = calculator
    return copy


def energy_off(atoms: Any, calculator: Any) -> float:
    """Return by how much an energy per atom is off, eV."""
    energy = computed(atoms, calculator).get_potential_energy()
    return float(energy - atoms.get_potential_energy()) / len(atoms)


def show(element: str, name: str, errors: list[float], seconds: float) -> None:
    """Print a row."""
    energy, forces, stress = errors
    print(f"| {element} | {name} | {energy:.3g} | {forces:.3g} | {stress:.2f} | {seconds:.0f} |")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/potential-ladder"))
    parser.add_argument("--elements", nargs="+", default=list(EPOCHS), choices=list(EPOCHS))
    parser.add_argument("--calculator", action="append", default=[], metavar="MODULE:NAME")
    parser.add_argument("--fit", nargs="+", default=list(FITTED), choices=list(FITTED))
    parser.add_argument("--functions", type=int, help="of linear-ace, as in model.terms.ace")
    parser.add_argument("--no-validation", action="store_true")
    parser.add_argument("--no-fit", action="store_true", help="calculators alone")
    parser.add_argument("--weights", nargs=3, type=float, default=WEIGHTS, help="of the fits")
    parser.add_argument("--set", action="append", default=[], dest="overrides", metavar="a.b=c")
    asked = parser.parse_args()
    weights = dict(zip(TARGETS, asked.weights, strict=True))
    wanted = {name: FITTED[name] for name in asked.fit}
    if asked.functions and "linear-ace" in wanted:
        wanted["linear-ace"] = partial(ace_of_term, functions=asked.functions)
    asked.out.mkdir(parents=True, exist_ok=True)
    print("| set | potential | meV/atom | meV/Å | GPa | CPU s |\n|---|---|---|---|---|---|")
    for element in asked.elements:
        frames = frames_of(element, asked.data, asked.out, validate=not asked.no_validation)
        if not asked.no_fit:
            fitted(frames, wanted, weights, asked.overrides)
        for calculator in asked.calculator:
            as_it_is(frames, calculator)


if __name__ == "__main__":
    main()
