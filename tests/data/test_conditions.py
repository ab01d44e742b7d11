"""Columns of a table become conditions, or the reason why not."""

import numpy as np
import pandas as pd
import pytest
import torch

from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.data.conditions import ATOMS_ALONE, Conditions
from xtalgraph.data.store_building import build_store
from xtalgraph.data.stored_graphs import StoredGraphs
from xtalgraph.graphs.build import GraphSettings
from xtalgraph.graphs.graph import collate
from xtalgraph.graphs.strategies import Radius
from xtalgraph.testing.crystals import contract_crystals

BOTH = Conditions(("T", "p"), "method", ("PBE", "HSE"))
GOOD = {"T": 300, "p": "1.5", "method": "HSE", "else": None}
CRYSTALS = list(contract_crystals().values())


def test_rows_become_conditions():
    conditions = BOTH.values_of([GOOD, GOOD | {"T": np.float64(10.0), "method": "PBE"}])
    assert conditions.numbers.tolist() == [[300.0, 1.5], [10.0, 1.5]]
    assert conditions.fidelity.tolist() == [1, 0]
    assert conditions.numbers.dtype is torch.float64
    alone = Conditions(("T",)).values_of([GOOD])
    assert (alone.numbers.tolist(), alone.fidelity.tolist()) == ([[300.0]], [-1])
    assert ATOMS_ALONE.values_of([{}, {}]).numbers.shape == (2, 0)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"T": None}, "there is no 'T', which the model reads as a condition"),
        ({"T": float("nan")}, "there is no 'T'"),
        ({"p": pd.NA}, "there is no 'p'"),
        ({"p": ""}, "there is no 'p'"),
        ({"p": "high"}, "'p' must be a finite number, got 'high'"),
        ({"T": [1.0, 2.0]}, "'T' must be a finite number"),
        ({"T": float("inf")}, "'T' must be a finite number"),
        ({"T": 10**400}, "'T' must be a finite number"),
        ({"T": 1e300}, "'T' must be at most 1e+30 in size, got 1e+300"),
        ({"method": None}, "there is no 'method'"),
        ({"method": "HSE06"}, "no method that the model knows: 'HSE06'; did you mean 'HSE'"),
    ],
    ids=str,
)
def test_a_row_without_a_condition_says_why(changed, said):
    assert BOTH.problem(GOOD) is None
    assert said in BOTH.problem(GOOD | changed)
    with pytest.raises(InputError, match="row 1: "):
        BOTH.values_of([GOOD, GOOD | changed])


def test_declarations_that_cannot_be_are_refused():
    for wrong, said in (
        ((("T", "T"),), "named once, got T, T"),
        ((("T",), "T", ("a", "b")), "named once"),
        (((), "method"), "go together"),
        (((), "", ("a", "b")), "go together"),
        (((), "method", ("a",)), "at least two"),
        (((), "method", ("a", "a")), "at least two methods, each once"),
    ):
        with pytest.raises(ConfigError, match=said):
            Conditions(*wrong)


def test_conditions_go_with_their_graphs_in_memory_and_from_a_store(tmp_path):
    graph_settings = GraphSettings(Radius(4.0), 1e-3)
    rows = [GOOD | {"T": 10.0 * n, "method": ("PBE", "HSE")[n % 2]} for n in range(len(CRYSTALS))]
    conditions = BOTH.values_of(rows)
    bare = graph_settings.build(CRYSTALS)
    assert bare.conditions.shape == (len(CRYSTALS), 0)
    assert bare.fidelity.tolist() == [-1] * len(CRYSTALS)
    graph = conditions.attach(bare)
    stored = StoredGraphs(
        build_store(CRYSTALS, graph_settings, tmp_path / "store"),
        np.arange(len(CRYSTALS)),
        conditions=conditions,
    )
    chosen = torch.tensor([3, 0, 3, 5])
    for found in (
        graph.select(chosen),
        collate([graph.split()[n] for n in chosen.tolist()]),
        stored.select(chosen),
        stored.part(torch.tensor([5, 3, 0])).select(torch.tensor([1, 2, 1, 0])),
        stored.to(torch.device("cpu")).select(chosen),
    ):
        assert found.conditions[:, 0].tolist() == [30.0, 0.0, 30.0, 50.0]
        assert found.fidelity.tolist() == [1, 0, 1, 1]
    assert graph.to(dtype=torch.float32).conditions.dtype is torch.float32


def test_the_column_of_another_calculation_comes_last_and_is_zero_for_features():
    conditions = Conditions(("pressure",), delta="cheap")
    assert (conditions.columns, conditions.encoded) == (("pressure", "cheap"), ("pressure",))
    values = conditions.values_of([{"cheap": 3.0, "pressure": 1.0}, {"cheap": -4, "pressure": 2}])
    assert values.numbers.tolist() == [[1.0, 3.0], [2.0, -4.0]]
    assert conditions.for_features(values, 2).numbers.tolist() == [[1.0, 0.0], [2.0, 0.0]]
    assert Conditions(("pressure",)).for_features(values, 2).numbers.tolist() == [[1.0], [2.0]]
    assert Conditions(delta="cheap").for_features(None, 2).numbers.tolist() == [[0.0], [0.0]]
    assert Conditions().for_features(values, 2) is None
    assert "other calculation" in conditions.problem({"pressure": 1.0})
    assert Conditions.from_dict(conditions.as_dict()) == conditions
    with pytest.raises(ConfigError, match="named once"):
        Conditions(("cheap",), delta="cheap")
