"""Exercise 5: forces that are no derivative, and forces that do not turn, beside the right ones."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final, cast

import numpy as np
import torch
from ase.calculators.calculator import Calculator, all_changes
from jaxtyping import Float, Int

from xtalgraph.crystals import transforms
from xtalgraph.crystals.convert import from_ase
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.dataset import Dataset, read_dataset
from xtalgraph.data.division import divide, parse_division
from xtalgraph.data.ionic.load import ionic_perovskites_path
from xtalgraph.data.potential_targets import energy_target, forces_target
from xtalgraph.evidence.pages.force_heads import about_frames, write_force_heads_page
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.inference import evaluated, placed
from xtalgraph.models.model import Model
from xtalgraph.models.potential import Potential
from xtalgraph.models.registry import OF_DISTANCES
from xtalgraph.models.spec import ModelSpec
from xtalgraph.nn.determinism import deterministic
from xtalgraph.simulation.dynamics import Dynamics, TrajectoryError, drift, trajectory
from xtalgraph.simulation.neighbor_list import NeighborList
from xtalgraph.training.examples import Examples, labels_from
from xtalgraph.training.loop import Trainer
from xtalgraph.training.settings import TrainingConfig
from xtalgraph.workflows.exercises.direct_forces import (
    AxisForces,
    CentralForces,
    DirectForces,
    ForceHead,
)
from xtalgraph.workflows.exercises.exercise import ExerciseResults, write_results

HEADS: Final[dict[str, Callable[[int, float], ForceHead] | None]] = {
    "gradient of the energy": None,
    "sum along edges": CentralForces,
    "three numbers": AxisForces,
}
"""The right one first; None stands for the derivative."""
TARGETS: Final = (energy_target(), forces_target())
EPOCHS: Final[int] = 60
EPOCHS_SMALL: Final[int] = 8
FRAMES: Final[int] = 400
FRAMES_SMALL: Final[int] = 32
STEPS: Final[int] = 2000
STEPS_SMALL: Final[int] = 60
TEMPERATURE: Final = 300.0
"""Of the velocities at the start, K."""
_DISPLACEMENT: Final = 1e-4
"""Å, by which atoms are moved for the Jacobian."""
_ROTATED: Final[int] = 8
"""Test frames that are rotated or reflected at random."""


@dataclass(frozen=True, eq=False)
class ForceHeadResult:
    """What there is to know of one way to predict forces."""

    head: str
    """One of `HEADS`."""
    parameters: int
    seconds: float
    energy_error: float
    """MAE on the test frames, eV/atom."""
    force_error: float
    """MAE of the components on the test frames, eV/Å."""
    rotation: float
    """‖F(Rx) − R F(x)‖ / ‖F(x)‖ over test frames, rotated or reflected."""
    net: float
    """‖Σ_i F_i‖ / Σ_i ‖F_i‖, both added up over the test frames."""
    asymmetry: float
    """λ = ‖J − Jᵀ‖ / 2‖J‖ of the Jacobian of the forces."""
    drift: float
    """Slope of the total energy at constant energy, eV/atom/ps."""
    stopped: str = ""
    """Why the trajectory ended before its end."""
    time: list[float] = field(default_factory=list)
    """ps."""
    total: list[float] = field(default_factory=list)
    """Predicted potential energy and kinetic energy, from the start on, eV/atom."""


def force_heads(
    out: str | Path,
    data: str | Path | None = None,
    *,
    small: bool = False,
    epochs: int | None = None,
    progress: bool = True,
) -> ExerciseResults:
    """Train three ways to predict forces on the same frames, and compare them; see `exercise`."""
    dataset = _frames(data, FRAMES_SMALL if small else FRAMES)
    lesson = _Lesson(dataset, epochs or (EPOCHS_SMALL if small else EPOCHS), Path(out))
    steps = STEPS_SMALL if small else STEPS
    results = [lesson.result(name, steps, progress) for name in HEADS]
    document = {
        "source": "" if data is None else Path(data).name,
        "frames": {"train": len(lesson.train), "test": len(lesson.test)},
        "crystal": lesson.crystal.formula,
        "heads": [asdict(result) for result in results],
    }
    page = write_force_heads_page(Path(out), document)
    text = "\n".join([about_frames(document), "", *_lines(results)])
    return write_results(5, Path(out), ExerciseResults(text, document, [page]))


def _frames(data: str | Path | None, most: int) -> Dataset:
    dataset = read_dataset(data or ionic_perovskites_path(), TARGETS)
    if data is not None or len(dataset) <= most:
        return dataset
    return dataset.select(np.arange(most))


def _lines(results: Sequence[ForceHeadResult]) -> list[str]:
    lines = [
        "forces                  MAE, eV/Å  rotation  sum of forces  asymmetry  drift, eV/atom/ps"
    ]
    for result in results:
        numbers = (
            f"{result.force_error:9.3f}  {result.rotation:8.1e}  {result.net:13.1e}  "
            f"{result.asymmetry:9.1e}  {result.drift:17.1e}"
        )
        stopped = f"  ({result.stopped})" if result.stopped else ""
        lines.append(f"{result.head:22}  {numbers}{stopped}")
    return lines


class _Lesson:
    """The frames, divided, and what is done with each head."""

    def __init__(self, dataset: Dataset, epochs: int, folder: Path) -> None:
        self.dataset, self.epochs, self.folder = dataset, epochs, folder
        split = divide(dataset.table, None, parse_division("random"), val=0.1, test=0.2, seed=0)
        self.train, self.val, self.test = split.train, split.val, split.test
        settings = {"width": 32, "filters": 32, "depth": 2, "envelope": "polynomial"}
        self.spec = ModelSpec(OF_DISTANCES, settings, "auto", "radius", {"cutoff": 5.0}, TARGETS)
        self.graph = self.spec.make_graph(dataset.table.crystals)
        self.crystal = self._crystal()

    def _crystal(self) -> Crystal:
        """Return the test frame of lowest energy among those with 8 to 64 atoms, if there are."""
        crystals = [self.dataset.table.crystals[i] for i in self.test]
        size = np.array([len(crystal) for crystal in crystals])
        fitting = (size >= 8) & (size <= 64)
        energy = self.dataset.labels["energy"][self.test] / size
        return crystals[int(np.where(fitting | ~fitting.any(), energy, np.inf).argmin())]

    def _examples(self, rows: Int[np.ndarray, " frames"]) -> Examples[Graph]:
        labels = labels_from(self.dataset.labels.select(rows))
        return Examples(self.graph.select(torch.from_numpy(rows)), labels)

    def result(self, name: str, steps: int, progress: bool) -> ForceHeadResult:
        """Train one head and measure it."""
        with deterministic(None):
            model, seconds = self._trained(name, progress)
        double = placed(model, torch.device("cpu"), torch.float64)
        test = self._examples(self.test)
        values = evaluated(double, test.graph).values
        energy, forces = (values[t.name] - test.labels[t.name].values for t in TARGETS)

        def forces_of(crystals: Sequence[Crystal]) -> Float[np.ndarray, "crystals atoms 3"]:
            predicted = evaluated(double, self.spec.make_graph(crystals)).values["forces"]
            return predicted.numpy(force=True).reshape(len(crystals), -1, 3)

        rotated = [self.dataset.table.crystals[i] for i in self.test[:_ROTATED]]
        return ForceHeadResult(
            head=name,
            parameters=sum(weight.numel() for weight in model.parameters()),
            seconds=seconds,
            energy_error=float((energy / test.graph.num_atoms).abs().mean()),
            force_error=float(forces.abs().mean()),
            rotation=_rotation_error(forces_of, rotated),
            net=_net(values["forces"].numpy(force=True), test.graph.num_atoms.numpy(force=True)),
            asymmetry=jacobian_asymmetry(forces_of, self.crystal),
            **self._dynamics(double, steps),
        )

    def _trained(self, name: str, progress: bool) -> tuple[Model, float]:
        head, crystals = HEADS[name], self.dataset.table.crystals
        torch.manual_seed(0)
        potential = cast(Potential, self.spec.make_model())
        model: Model = potential
        if head is not None:
            encoder = potential.encoder
            forces = head(encoder.width, encoder.cutoff)
            model = DirectForces(encoder, potential.head, forces, TARGETS)
        model.fit_scales(self.dataset.labels.select(self.train), [crystals[i] for i in self.train])
        config = TrainingConfig(
            epochs=self.epochs,
            batch_by="atoms",
            batch_size=320,
            ema_decay=0.99,
            weights={"energy": 0.1, "forces": 1.0},
        )
        folder = self.folder / "states" / name.replace(" ", "-")
        train, val = self._examples(self.train), self._examples(self.val)
        done = Trainer(model, train, val, config, folder, name).fit()
        return model, done.seconds

    def _dynamics(self, model: Model, steps: int) -> dict[str, Any]:
        calculator = _HeadCalculator(model, NeighborList(self.spec.make_graph_settings()))
        moments, stopped = [], ""
        try:
            dynamics = Dynamics(temperature=TEMPERATURE)
            for moment in trajectory(self.crystal, calculator, dynamics, steps, every=5):
                moments.append(moment)
        except TrajectoryError as error:
            stopped = str(error)
        atoms = len(self.crystal)
        return {
            "drift": drift(moments, atoms) if len(moments) > 1 else float("nan"),
            "stopped": stopped,
            "time": [moment.time for moment in moments],
            "total": [(moment.total - moments[0].total) / atoms for moment in moments],
        }


ForcesOf = Callable[[Sequence[Crystal]], Float[np.ndarray, "crystals atoms 3"]]
"""Forces on the atoms of crystals of one size."""


def jacobian_asymmetry(forces_of: ForcesOf, crystal: Crystal) -> float:
    """Return λ = ‖J − Jᵀ‖ / 2‖J‖, J = ∂F/∂r, which is 0 where the forces are a derivative.

    Args:
        forces_of: The forces, differentiable.
        crystal: At which J is taken, by central differences.

    Source: F. Bigi, M. Langer, M. Ceriotti (2024), doi 10.48550/arXiv.2412.11569.
    """
    rows = []
    for coordinate in range(3 * len(crystal)):
        moved = np.zeros(3 * len(crystal))
        moved[coordinate] = _DISPLACEMENT
        by = moved.reshape(-1, 3)
        ends = [crystal.moved(crystal.cell, crystal.positions + sign * by) for sign in (1, -1)]
        forward, backward = forces_of(ends)
        rows.append((forward - backward).ravel() / (2.0 * _DISPLACEMENT))
    jacobian = np.stack(rows)
    antisymmetric = np.linalg.norm(jacobian - jacobian.T) / 2.0
    return float(antisymmetric / np.linalg.norm(jacobian))


def _rotation_error(forces_of: ForcesOf, crystals: Sequence[Crystal]) -> float:
    generator = np.random.default_rng(0)
    references, differences = [], []
    for crystal in crystals:
        rotation, _ = np.linalg.qr(generator.normal(size=(3, 3)))
        (reference,), (rotated,) = (
            forces_of([variant]) for variant in (crystal, transforms.rotate(crystal, rotation))
        )
        references.append(np.linalg.norm(reference))
        differences.append(np.linalg.norm(rotated - reference @ rotation.T))
    return float(np.linalg.norm(differences) / np.linalg.norm(references))


def _net(forces: Float[np.ndarray, "atoms 3"], counts: Int[np.ndarray, " frames"]) -> float:
    sums = [part.sum(axis=0) for part in np.split(forces, np.cumsum(counts)[:-1])]
    return float(np.linalg.norm(sums, axis=1).sum() / np.linalg.norm(forces, axis=1).sum())


class _HeadCalculator(Calculator):
    """Predicted energy and forces for ASE, whether they belong together or not."""

    implemented_properties: ClassVar[list[str]] = ["energy", "forces"]

    def __init__(self, model: Model, neighbors: NeighborList) -> None:
        super().__init__()
        self.model, self.neighbors = model, neighbors

    def calculate(
        self,
        atoms: Any = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        super().calculate(atoms, list(properties), list(system_changes))
        values = evaluated(self.model, self.neighbors.graph(from_ase(self.atoms))).values
        forces = values["forces"].numpy(force=True)
        self.results.update(energy=float(values["energy"]), forces=forces)
