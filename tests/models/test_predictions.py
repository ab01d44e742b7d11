"""Predictions and their errors are chosen together."""

import numpy as np

from xtalgraph.data.targets import Kind, Target
from xtalgraph.data.values import Values
from xtalgraph.models.predictions import Predictions


def values(numbers: list[float]) -> Values:
    target = Target("gap", Kind.INTENSIVE, "eV")
    return Values((target,), {"gap": np.array(numbers)}, np.ones(len(numbers), dtype=int))


def test_the_parts_that_there_are():
    with_std = Predictions(values([1.0, 2.0]), std=values([0.1, 0.2]))
    assert list(with_std.parts()) == ["prediction", "std"]
    chosen = with_std.select([1])
    assert len(chosen) == 1
    assert {name: part["gap"].tolist() for name, part in chosen.parts().items()} == {
        "prediction": [2.0],
        "std": [0.2],
    }
    assert chosen.lower is None


def test_parts_are_put_one_after_the_other():
    one, two = (Predictions(values([x]), std=values([x / 10])) for x in (1.0, 2.0))
    both = Predictions.concatenated([one, two])
    assert both.values["gap"].tolist() == [1.0, 2.0]
    assert both.std is not None
    assert both.std["gap"].tolist() == [0.1, 0.2]
    assert both.upper is None
