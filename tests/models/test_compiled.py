"""Compiled potentials return what the potentials return, or are not compiled, and say so."""

import logging

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk

from xtalgraph.crystals.convert import from_ase
from xtalgraph.data.potential_targets import energy_target, forces_target
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.models.compiled import CompiledPotentials
from xtalgraph.models.encoder import Encoder
from xtalgraph.models.potential import Potential
from xtalgraph.models.registry import ENCODERS
from xtalgraph.models.spec import ModelSpec

pytestmark = pytest.mark.usefixtures("sizes_are_symbols")
CUTOFF = 4.0
SIZES = {
    "allegro": {"edge_width": 4, "channels": 2, "depth": 1, "hidden": 4, "radials": 4},
    "cace": {"width": 4, "channels": 3, "element_width": 2, "radials": 4},
    "cgcnn": {"width": 6, "depth": 1, "batch_norm": False},
    "gcn": {"width": 6, "depth": 1},
    "mace": {
        "channels": 4,
        "correlation": 2,
        "degree": 1,
        "radials": 4,
        "radial_width": 8,
        "elements": ["Na", "Cl"],
    },
    "nequip": {"channels": 4, "depth": 1, "radials": 4, "radial_width": 8},
    "schnet": {"width": 12, "filters": 12, "depth": 2, "basis_step": 0.25},
    "tfn": {"channels": 2, "depth": 1, "radials": 4, "radial_width": 8},
}
"""Encoders whose potentials are compiled, small."""
BOTH = ("position", "strain")


def salt(seed: int = 0) -> Atoms:
    atoms = bulk("NaCl", "rocksalt", 5.64, cubic=True)
    atoms.rattle(0.1, rng=np.random.default_rng(seed))
    atoms.set_cell(atoms.cell * (1.0 + 0.01 * (seed % 2)), scale_atoms=True)
    return atoms


def potential(encoder: str, **settings) -> Potential:
    torch.manual_seed(0)
    made = {"envelope": "polynomial"} | SIZES.get(encoder, {}) | settings
    targets = (energy_target(), forces_target())
    model = ModelSpec(encoder, made, "auto", "radius", {"cutoff": CUTOFF}, targets).make_model()
    assert isinstance(model, Potential)
    return model.double().eval().requires_grad_(False)


def graph_of(atoms: Atoms) -> CrystalGraph:
    spec = ModelSpec("schnet", {}, "auto", "radius", {"cutoff": CUTOFF}, (energy_target(),))
    graph = spec.make_graph(from_ase(atoms))
    assert isinstance(graph, CrystalGraph)
    return graph


def compare(compiled: CompiledPotentials, model: Potential, frames, tolerance: float) -> None:
    edges = set()
    for atoms in frames:
        graph = graph_of(atoms)
        edges.add((len(graph.number), len(graph.center)))
        ((made, features),) = compiled.evaluate(graph, *BOTH)
        with torch.no_grad():
            expected, plain = model.evaluate(graph, *BOTH)
        for name, value in expected.items():
            scale = float(value.abs().max())
            assert float((made[name] - value).abs().max()) <= tolerance * scale, name
        torch.testing.assert_close(features.atom, plain.atom, rtol=tolerance, atol=tolerance)
    assert len(edges) > 1
    assert not compiled.refused


@pytest.mark.parametrize(
    "encoder",
    [
        pytest.param(name, marks=[] if name in ("mace", "schnet") else [pytest.mark.long])
        for name in SIZES
    ],
)
@pytest.mark.usefixtures("traced_alone")
def test_one_function_serves_cells_of_different_sizes(encoder):
    model = potential(encoder)
    compiled = CompiledPotentials([model])
    compare(compiled, model, [*map(salt, range(3)), salt(3) * 2, salt(4) * (1, 2, 3)], 1e-9)
    assert len(compiled.functions) == 1


@pytest.mark.long
@pytest.mark.parametrize("encoder", ["mace", "schnet"])
def test_what_the_compiler_makes_is_the_same(encoder):
    model = potential(encoder)
    compiled = CompiledPotentials([model])
    compare(compiled, model, [*map(salt, range(3)), salt(3) * 2, salt(4) * (1, 2, 3)], 1e-6)
    assert len(compiled.functions) == 1


@pytest.mark.usefixtures("traced_alone")
def test_other_elements_have_functions_of_their_own():
    models = [potential("schnet"), potential("schnet", depth=1)]
    compiled = CompiledPotentials(models)
    dense = salt()
    dense.set_cell(0.8 * dense.cell, scale_atoms=True)
    mixed = salt()
    mixed.symbols[0] = "K"
    for atoms in (salt(), dense, mixed, salt(), dense, mixed):
        results = compiled.evaluate(graph_of(atoms), *BOTH)
        for model, (made, _) in zip(models, results, strict=True):
            with torch.no_grad():
                expected, _ = model.evaluate(graph_of(atoms), *BOTH)
            torch.testing.assert_close(made["position"], expected["position"])
    assert set(compiled.functions) == {(11, 17), (11, 17, 19)}


def refused(model: Potential, caplog) -> str:
    """Evaluate two frames; return the only warning."""
    with caplog.at_level(logging.WARNING, "xtalgraph"):
        compiled = CompiledPotentials([model])
        for seed in range(2):
            graph = graph_of(salt(seed))
            ((made, _),) = compiled.evaluate(graph, "position")
            with torch.no_grad():
                expected, _ = model.evaluate(graph, "position")
            assert torch.equal(made["position"], expected["position"])
    assert compiled.refused
    (record,) = caplog.records
    return record.getMessage()


def test_without_a_compiler_one_warning_says_so(monkeypatch, caplog):
    def compile_nothing(*_, **__):
        raise RuntimeError("no C++ compiler:\nclang++\nand much more")

    monkeypatch.setattr(torch, "compile", compile_nothing)
    words = refused(potential("schnet"), caplog)
    assert words.endswith("evaluated as it is: RuntimeError: no C++ compiler: clang++")


def test_an_encoder_that_looks_at_its_numbers_is_not_compiled(monkeypatch, caplog):
    read = ENCODERS["schnet"].forward

    def looks(self: Encoder, graph):
        return read(self, graph) if bool((graph.distance > 1.0).any()) else None

    monkeypatch.setattr(ENCODERS["schnet"], "forward", looks)
    assert "data-dependent" in refused(potential("schnet"), caplog)


@pytest.mark.usefixtures("traced_alone")
def test_what_differs_while_it_is_recorded_is_noticed(monkeypatch, caplog):
    read = ENCODERS["schnet"].forward

    def hides(self: Encoder, graph):
        features = read(self, graph)
        return type(features)(features.atom * (1 + (type(graph.cell) is torch.Tensor)))

    monkeypatch.setattr(ENCODERS["schnet"], "forward", hides)
    assert "compiled, its energy would be another" in refused(potential("schnet"), caplog)


@pytest.mark.usefixtures("traced_alone")
def test_one_atom_and_isolated_atoms_are_evaluated_as_they_are():
    model = potential("schnet")
    compiled = CompiledPotentials([model])
    for atoms in (Atoms("Na", cell=3 * np.eye(3), pbc=True), Atoms("NaCl", cell=40 * np.eye(3))):
        ((made, _),) = compiled.evaluate(graph_of(atoms), *BOTH)
        with torch.no_grad():
            expected, _ = model.evaluate(graph_of(atoms), *BOTH)
        assert torch.equal(made["energy"], expected["energy"])
    assert not compiled.functions
    assert not compiled.refused


def test_every_encoder_of_a_potential_is_tried_or_reads_angles():
    others = {
        name
        for name, encoder in ENCODERS.items()
        if encoder.reads.angles or encoder.reads.batch_statistics or encoder.reads.whole_crystal
    }
    assert set(SIZES) | others == set(ENCODERS)


def test_angles_are_not_compiled(caplog):
    settings = {"angle_neighbors": None, "angle_cutoff": 2.0}
    with caplog.at_level(logging.WARNING, "xtalgraph"):
        assert CompiledPotentials([potential("gemnet", **settings)]).refused
    (record,) = caplog.records
    assert "GemNet reads angles" in record.getMessage()
