"""Tables with a row for each known element: which row is whose, and copies from table to table."""

import numpy as np
import pytest
import torch

from xtalgraph.conventions.elements import MAX_ATOMIC_NUMBER, numbers_of, why_not_known
from xtalgraph.conventions.errors import ConfigError, GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.mace import MACE
from xtalgraph.nn.element_embedding import ElementEmbedding
from xtalgraph.nn.element_rows import ElementRows, element_axes, take_elements


def graph_of(*numbers):
    positions = 1.5 * np.arange(3 * len(numbers)).reshape(-1, 3)
    crystal = Crystal(20 * np.eye(3), positions, np.array(numbers), np.zeros(3, dtype=bool))
    return build_graph(crystal, Radius(4.0))


def test_rows_ascend_by_atomic_number_whatever_the_order_of_symbols():
    rows = ElementRows(["Zr", "O", "Ba"])
    assert rows.numbers == (8, 40, 56)
    assert rows.of(torch.tensor([56, 8, 40, 56, 14])).tolist() == [2, 0, 1, 2, -1]
    everything = ElementRows(None)
    assert everything.of(torch.arange(MAX_ATOMIC_NUMBER + 1)).tolist() == [*everything.numbers]


@pytest.mark.parametrize("symbols", [[], ["Xx"], ["X"], ["Na", "Na"], ["D", "H"]], ids=str)
def test_what_is_no_set_of_elements_is_refused(symbols):
    with pytest.raises(ConfigError, match=r"model\.elements must be symbols of elements, each"):
        numbers_of(symbols)


def test_a_graph_with_another_element_is_refused_by_name():
    rows = ElementRows(["Na", "Cl"])
    rows.check(graph_of(11, 17))
    with pytest.raises(GraphError, match=r"it holds O, Br, of which .* it knows Na, Cl$"):
        rows.check(graph_of(35, 11, 8))
    assert why_not_known([11, 17], rows.numbers) == ""


def test_an_embedding_of_some_elements_has_their_columns_of_the_whole():
    whole, part = (
        ElementEmbedding(3, "embedding"),
        ElementEmbedding(3, "embedding", ElementRows(["Na", "Cl"])),
    )
    assert part.weight.shape == (3, 2)
    take_elements(part.weight, whole.weight, 1, (11, 17), range(119))
    graph = graph_of(17, 11, 17)
    assert torch.equal(part(graph), whole(graph))
    assert ElementEmbedding(3, "binned", ElementRows(["Na"])).weight.shape == (3, 93)


def test_the_weights_of_shared_elements_are_copied_and_predict_the_same():
    size = {"channels": 4, "radials": 4, "radial_width": 8}
    before = MACE(MACE.Config(**size, elements=["Na", "Cl", "Br"]), 4.0).double()
    after = MACE(MACE.Config(**size, elements=["Na", "K", "Br"]), 4.0).double()
    axes = element_axes(after)
    assert {name.rpartition(".")[0].rpartition(".")[2] for name in axes} == {"embed", "weights"}
    fresh = {name: value.clone() for name, value in after.state_dict().items()}
    for name, values in before.state_dict().items():
        into = after.state_dict()[name]
        if name in axes:
            numbers = after.element_rows.numbers, before.element_rows.numbers
            assert take_elements(into, values, axes[name], *numbers) == (11, 35)
            potassium = into.select(axes[name], 1)
            assert torch.equal(potassium, fresh[name].select(axes[name], 1))
        else:
            into.copy_(values)
    graph = graph_of(11, 35, 11)
    torch.testing.assert_close(after(graph).atom, before(graph).atom, rtol=0, atol=1e-14)
    with pytest.raises(GraphError, match="holds Cl"):
        after(graph_of(11, 17))
