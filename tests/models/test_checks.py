"""A sound model raises no alarm, and each planted fault is caught by the demand it breaks."""

import json
from dataclasses import replace

import pytest
import torch
from ase.build import bulk
from torch import nn
from torch.nn import functional

from xtalgraph.conventions.tensors import TensorType
from xtalgraph.crystals.convert import from_ase
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.potential_targets import energy_target, forces_target, stress_target
from xtalgraph.data.targets import Kind, Target, Task
from xtalgraph.evidence.text.verification import about_reason
from xtalgraph.evidence.verification import Verification, verify
from xtalgraph.graphs.build import GraphSettings
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.neighbors import Edges
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.cgcnn import CGCNN
from xtalgraph.models.check_result import Reason, Status
from xtalgraph.models.model_under_test import ModelUnderTest
from xtalgraph.models.spec import ModelSpec
from xtalgraph.nn import expansion
from xtalgraph.testing.crystals import contract_crystals

SMALL = {"width": 8, "depth": 2}
RADIUS = ("radius", {"cutoff": 5.0})
CRYSTALS = {name: contract_crystals()[name] for name in ("cubic", "triclinic", "left-handed")}

SLAB = {"slab": contract_crystals()["slab"]}


def sound(
    encoder: str = "cgcnn",
    settings: dict | None = None,
    strategy: tuple = RADIUS,
    targets: tuple[Target, ...] = (Target("e", Kind.EXTENSIVE, "eV/cell"),),
    fold: float = 1e-3,
) -> ModelUnderTest:
    torch.manual_seed(0)
    chosen = SMALL if settings is None else settings
    spec = ModelSpec(encoder, chosen, "auto", *strategy, targets, fold)
    return ModelUnderTest.of([spec.make_model().eval()], spec)


def tried(tested: ModelUnderTest, crystals: dict[str, Crystal] = CRYSTALS) -> Verification:
    return verify(tested, crystals)


def failed(tested: ModelUnderTest, crystals: dict[str, Crystal] = CRYSTALS) -> set[str]:
    return {one.check for one in tried(tested, crystals).failures}


XGN = {"width": 8, "edge_width": 6, "depth": 2, "angle_depth": 1, "angle_width": 4}
INTENSIVE, ATOMIC = Target("gap", Kind.INTENSIVE, "eV"), Target("q", Kind.ATOMIC)


@pytest.mark.parametrize(
    "tested",
    [
        sound(),
        sound("xgn", XGN),
        sound("xgn", XGN, ("hybrid", {}), (INTENSIVE,)),
        sound(targets=(ATOMIC,), fold=0.0),
        sound(targets=(INTENSIVE, Target("e", Kind.EXTENSIVE, "eV/cell"))),
        sound(targets=(Target("metal", Kind.INTENSIVE, task=Task.CLASSIFICATION),)),
    ],
    ids=["cgcnn", "xgn", "hybrid", "atomic", "two targets", "class"],
)
def test_a_sound_model_raises_no_alarm(tested):
    found = verify(tested, CRYSTALS | SLAB)
    assert found.failures == ()
    told = {one.check: one for one in found.results}
    assert told["rotation"].status is Status.PASSED
    assert told["rotation"].tried == told["supercell"].tried == len(CRYSTALS) + 1
    assert told["Niggli cell"].tried == len(CRYSTALS)
    reduced = told["reduced as full, merged distances"].status
    assert reduced is (Status.PASSED if tested.reducible else Status.NOT_APPLICABLE)
    assert all(about_reason(one.as_dict()) for one in found.results)
    json.dumps(found.as_dict(), allow_nan=False)


def test_crystals_at_rest_raise_no_alarm_by_the_rounding_of_their_forces():
    targets = (energy_target(), forces_target(), stress_target())
    settings = {"width": 8, "channels": 4, "depth": 1, "degree": 1, "factors": 2, "radials": 4}
    tested = sound("cace", settings, RADIUS, targets, 0.0)
    silicon = from_ase(bulk("Si", cubic=True))
    results = tried(tested, {"silicon": silicon})
    assert not [one.check for one in results.failures]
    assert {one.check for one in results.results} >= {"rotation", "sum of forces"}


def test_what_is_no_fault_is_measured_in_the_unit_of_the_target():
    found = tried(sound(strategy=("hybrid", {})))
    told = {one.check: one for one in found.results}
    jump = told["jump where neighbours change ranks"]
    assert (jump.status, jump.unit) == (Status.MEASURED, "eV/cell")
    assert jump.violation > 1e-9
    assert told["value at the cutoff"].status is Status.NOT_APPLICABLE
    assert told["value at the cutoff"].reason is Reason.BY_RANK
    assert told["float32 as float64"].violation > 0.0
    assert told["reduced as full, true distances"].status is Status.MEASURED


def test_a_hard_cutoff_is_caught():
    hard = SMALL | {"envelope": "none"}
    found = tried(sound(settings=hard))
    assert {one.check for one in found.failures} == {"value at the cutoff", "slope at the cutoff"}
    value, slope = found.failures
    assert (value.unit, slope.unit) == ("eV/cell", "eV/cell/Å")
    assert value.relative > 1e-4


def test_a_strict_cut_through_a_shell_is_caught():
    strict = sound(strategy=("knn-strict", {}))
    assert failed(strict) & {"permutation", "lattice basis", "supercell", "rotation"}


def test_a_search_without_images_is_caught(monkeypatch):
    def within_the_cell(self: Radius, crystal: Crystal) -> Edges:
        found = original(self, crystal)
        return found.select((found.image == 0).all(axis=1))

    original = Radius.edges
    monkeypatch.setattr(Radius, "edges", within_the_cell)
    assert failed(sound()) >= {"supercell", "periodic shift"}


def test_a_folded_path_that_forgets_multiplicities_is_caught(monkeypatch):
    tested = sound()
    monkeypatch.setattr(expansion, "weighted", lambda values, multiplicity: values)
    assert "reduced as full, merged distances" in failed(tested)


class Pooled(nn.Module):
    """A plain network: an encoder, and its atoms added up or averaged, whatever the target is."""

    def __init__(self, average: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.encoder = CGCNN(CGCNN.Config(**SMALL), 5.0)
        self.head = nn.Linear(self.encoder.width, 1)
        self.average = average

    def forward(self, graph: Graph) -> torch.Tensor:
        atom = self.head(self.encoder(graph).atom).squeeze(-1)
        total = atom.new_zeros(len(graph)).index_add(0, graph.crystal_of_atom, atom)
        return total / graph.num_atoms if self.average else total


GRAPH_SETTINGS = GraphSettings(Radius(5.0))


def plain(model: nn.Module, kind: Kind = Kind.EXTENSIVE) -> ModelUnderTest:
    return ModelUnderTest(model, GRAPH_SETTINGS, (Target("e", kind, "eV"),))


@pytest.mark.parametrize(("average", "kind"), [(False, Kind.EXTENSIVE), (True, Kind.INTENSIVE)])
def test_a_plain_network_that_adds_up_what_adds_up_passes(average, kind):
    assert failed(plain(Pooled(average), kind)) == set()


@pytest.mark.parametrize(("average", "kind"), [(True, Kind.EXTENSIVE), (False, Kind.INTENSIVE)])
def test_a_total_learned_as_a_mean_and_the_reverse_are_caught(average, kind):
    assert failed(plain(Pooled(average), kind)) == {"supercell"}


class Faulty(Pooled):
    """The same with a fault that is added to its value."""

    def __init__(self, fault) -> None:
        super().__init__(False)
        self.fault = fault

    def forward(self, graph: Graph) -> torch.Tensor:
        value = super().forward(graph)
        return value + self.fault(graph, value).to(value.dtype)


def dropped(graph: Graph, value: torch.Tensor) -> torch.Tensor:
    return functional.dropout(value, 0.5, training=True)


def left_of_origin(graph: Graph, value: torch.Tensor) -> torch.Tensor:
    x = graph.position[:, 0]
    return 1e-6 * x.new_zeros(len(graph)).index_add(0, graph.crystal_of_atom, x)


def volume(graph: Graph, value: torch.Tensor) -> torch.Tensor:
    return torch.linalg.det(graph.cell)


def first_element(graph: Graph, value: torch.Tensor) -> torch.Tensor:
    return graph.number[graph.num_atoms.cumsum(0) - graph.num_atoms] / 7.0


def rest_of_batch(graph: Graph, value: torch.Tensor) -> torch.Tensor:
    return value.mean() - value


def not_a_number(graph: Graph, value: torch.Tensor) -> torch.Tensor:
    return torch.sqrt(-1.0 - value.abs())


@pytest.mark.parametrize(
    ("fault", "checks"),
    [
        (dropped, {"repeated", "rotation"}),
        (left_of_origin, {"translation", "rotation", "reflection", "periodic shift"}),
        (volume, {"reflection"}),
        (first_element, {"permutation", "supercell"}),
        (rest_of_batch, {"batch as single"}),
        (not_a_number, {"a finite number", "rotation"}),
    ],
)
def test_faults_are_caught_where_they_are(fault, checks):
    assert failed(plain(Faulty(fault))) >= checks


def test_what_is_not_finite_is_null_in_the_file():
    found = tried(plain(Faulty(not_a_number)))
    document = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert document["passed"] is False
    assert document["results"][0]["violation"] is None


def test_a_loss_of_digits_on_disk_is_caught():
    tested = sound()

    def reload() -> nn.Module:
        model = tested.reload()
        with torch.no_grad():
            for one in model.parameters():
                one.copy_(one.to(torch.bfloat16))
        return model

    rounded = ModelUnderTest(tested.model, tested.graph_settings, tested.targets, reload=reload)
    assert failed(rounded) == {"save and load"}


def test_the_model_is_left_as_it_was():
    tested = sound()
    before = {name: value.clone() for name, value in tested.model.state_dict().items()}
    tried(tested)
    after = tested.model.state_dict()
    assert all(torch.equal(before[name], value) for name, value in after.items())
    assert all(before[name].dtype is value.dtype for name, value in after.items())


def test_the_worst_of_several_targets_names_it():
    class Two(Pooled):
        def forward(self, graph: Graph) -> dict[str, torch.Tensor]:
            return dict.fromkeys(("e", "gap"), super().forward(graph))

    targets = (Target("e", Kind.EXTENSIVE, "eV"), Target("gap", Kind.INTENSIVE, "meV"))
    (one,) = tried(ModelUnderTest(Two(False), GRAPH_SETTINGS, targets)).failures
    assert (one.check, one.target, one.unit) == ("supercell", "gap", "meV")
    assert one.relative == pytest.approx(1.0)  # twice the largest, and not the largest


class Pushes(nn.Module):
    """On each atom Σ_j f(d) of the vectors to its neighbours, or of their products."""

    def __init__(self, rank: int, fault: str = "") -> None:
        super().__init__()
        self.rank, self.fault = rank, fault

    def forward(self, graph: Graph) -> torch.Tensor:
        weight = graph.number[graph.neighbor] * (1 - graph.distance / 5.0).clamp(min=0) ** 2
        vector = graph.vector * weight[:, None]
        if self.fault == "frame":
            vector = vector * torch.tensor([1.0, 1.0, 1.1], dtype=vector.dtype)
        if self.rank == 1:
            zero = vector.new_zeros(len(graph.number), 3)
            return zero.index_add(0, graph.center, vector)
        product = vector[:, :, None] * graph.vector[:, None, :]
        total = vector.new_zeros(len(graph), 3, 3)
        total = total.index_add(0, graph.crystal_of_edge, product)
        return total / torch.linalg.det(graph.cell).abs()[:, None, None]


FORCES = Target("forces", Kind.ATOMIC, "eV/Å", tensor=TensorType(1))
STRESS = Target("stress", Kind.INTENSIVE, "eV/Å³", tensor=TensorType(2, "ij=ji"))


@pytest.mark.parametrize(("rank", "target"), [(1, FORCES), (2, STRESS)], ids=["forces", "stress"])
def test_vectors_and_tensors_must_rotate_with_the_crystal(rank, target):
    tested = ModelUnderTest(Pushes(rank), GRAPH_SETTINGS, (target,))
    told = {one.check: one for one in tried(tested).results}
    assert {one.check for one in told.values() if not one.passed} == set()
    assert told["rotation"].violation < told["rotation"].tolerance
    bent = ModelUnderTest(Pushes(rank, "frame"), GRAPH_SETTINGS, (target,))
    # A fixed direction is none of a cubic crystal's own; forces belong to atoms.
    of_crystal = {"symmetry of the crystal"} if rank == 2 else set()
    assert failed(bent) == {"rotation", "reflection"} | of_crystal


def test_a_declaration_that_is_wrong_is_caught_by_rotations():
    axial = replace(FORCES, tensor=TensorType(1, axial=True))
    assert failed(ModelUnderTest(Pushes(1), GRAPH_SETTINGS, (axial,))) == {"reflection"}
    three = replace(FORCES, tensor=TensorType(copies=3))
    assert failed(ModelUnderTest(Pushes(1), GRAPH_SETTINGS, (three,))) == {
        "rotation", "reflection",
    }  # fmt: skip


def test_the_standard_deviation_of_the_error_is_checked_as_a_target_of_its_own():
    spec = ModelSpec("cgcnn", SMALL, "auto", *RADIUS, (INTENSIVE,), variance=True)
    tested = ModelUnderTest.of([spec.make_model().eval()] * 2, spec)
    assert [one.name for one in tested.targets] == ["gap", "std of gap"]
    assert failed(tested) == set()
    wrong = replace(tested, targets=(*spec.targets, replace(INTENSIVE, name="std of gap",
                                                            kind=Kind.EXTENSIVE)))  # fmt: skip
    assert {one.target for one in tried(wrong).failures} == {"std of gap"}
