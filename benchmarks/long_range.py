"""A cutoff and what it cannot see: potentials of rigid ions with and without electrostatics.

``python benchmarks/long_range.py [--epochs 60] [--frames 60]`` trains a SchNet on rattled and
strained rock salts whose energies are those of the rigid-ion model, once alone and once with
learned charges, and prints the errors on the test part, the charges, and how the force on an ion
follows ions that are moved far away.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

import xtalgraph
from xtalgraph.crystals.convert import from_ase
from xtalgraph.data.ionic.rigid_ion import OXIDATION_STATES, RigidIonModel

SALTS = {"NaCl": 5.64, "KCl": 6.29, "NaBr": 5.97, "KBr": 6.60, "MgO": 4.21, "CaO": 4.81}
"""Lattice constants, Å."""
CUTOFF, DEPTH = 5.0, 2
SCHNET = [f"graph.cutoff={CUTOFF}", f"model.depth={DEPTH}", "model.width=32", "model.filters=32"]
SCHNET += ["training.batch_size=64"]


def labelled(atoms: Atoms) -> Atoms:
    """Give a crystal the energy, forces and stress of the rigid-ion model."""
    crystal = from_ase(atoms)
    truth = RigidIonModel.for_crystal(crystal)(crystal)
    stress = truth.stress[(0, 1, 2, 1, 0, 0), (0, 1, 2, 2, 2, 1)]
    atoms.calc = SinglePointCalculator(
        atoms, energy=truth.energy, forces=truth.forces, stress=stress
    )
    return atoms


def frames(count: int) -> list[Atoms]:
    """Return rattled and strained crystals of each salt."""
    generator, made = np.random.default_rng(0), []
    for name, length in SALTS.items():
        for _ in range(count):
            atoms = bulk(name, "rocksalt", length, cubic=True)
            strain = generator.normal(0.0, 0.02, (3, 3))
            atoms.set_cell(atoms.cell @ (np.eye(3) + (strain + strain.T) / 2), scale_atoms=True)
            atoms.positions += generator.normal(0.0, 0.1, atoms.positions.shape)
            made.append(labelled(atoms))
    return made


def far_ions() -> tuple[Atoms, Atoms, int]:
    """Return a long crystal, the same with a layer moved 17 Å or more away, and a far ion."""
    before = bulk("NaCl", "rocksalt", 5.64, cubic=True).repeat((7, 1, 1))
    after = before.copy()
    middle = 3.5 * 5.64
    sodium = np.array(before.get_chemical_symbols()) == "Na"
    layer = np.abs(before.positions[:, 0] - middle) < 3.0
    after.positions[layer & sodium, 0] += 0.4
    return before, after, 0


def main() -> None:
    """Train, and print what came out."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--frames", type=int, default=60)
    options = parser.parse_args()
    before, after, ion = far_ions()
    truth = labelled(after).get_forces()[ion] - labelled(before).get_forces()[ion]
    print(f"true change of the force on ion {ion}: {truth[0] * 1000:.2f} meV/Å along x")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "salts.extxyz"
        write(path, frames(options.frames))
        for name, terms in (("cutoff alone", []), ("learned charges", ["model.terms=coulomb"])):
            run = xtalgraph.train(
                path,
                target=["energy", "forces", "stress"],
                model="schnet",
                epochs=options.epochs,
                out=Path(folder) / name.split()[0],
                overrides=[*SCHNET, *terms],
                progress=False,
            )
            report(name, run.folder)


def report(name: str, folder: Path) -> None:
    """Print the errors of a run, its charges, and what it sees of far ions."""
    before, after, ion = far_ions()
    table = {
        target: np.loadtxt(folder / "predictions" / f"{target}.csv", delimiter=",", dtype=str)
        for target in ("energy", "forces")
    }
    print(f"\n{name}")
    for target, rows in table.items():
        head = rows[0].tolist()
        test = rows[1:][rows[1:, head.index("split")] == "test"]
        columns = [head.index(one) for one in ("prediction", "target")]
        predicted, true = (test[:, column].astype(float) for column in columns)
        scale = 1000.0 / 8 if target == "energy" else 1000.0
        unit = "meV/atom" if target == "energy" else "meV/Å"
        print(f"  {target}: test MAE {np.abs(predicted - true).mean() * scale:.2f} {unit}")
    forces = []
    calculator = xtalgraph.calculator(folder)
    for atoms in (before, after):
        atoms.calc = calculator
        forces.append(atoms.get_forces()[ion])
    print(f"  change of the force on the far ion: {(forces[1] - forces[0])[0] * 1000:.2f} meV/Å")
    if "coulomb" not in calculator.predictor.spec.terms:
        return
    potential = calculator.members[0]
    for salt, length in SALTS.items():
        crystal = from_ase(bulk(salt, "rocksalt", length, cubic=True))
        graph = calculator.predictor.spec.make_graph(crystal)
        charges = potential.terms["coulomb"].charges(potential.encoded(graph), graph)
        symbols = bulk(salt, "rocksalt", length, cubic=True).get_chemical_symbols()
        print(
            f"  {salt}: {float(charges[0].detach()):+.2f} e of {OXIDATION_STATES[symbols[0]]:+d} e"
        )


if __name__ == "__main__":
    main()
