"""An exercise by its number does what its function does, and refuses options of another."""

import pytest

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.workflows.exercises.by_number import exercise
from xtalgraph.workflows.exercises.edge_count import edge_count


def test_the_first_exercise_by_its_number(tmp_path):
    assert exercise("1", out=tmp_path / "a").document == edge_count(tmp_path / "b").document


@pytest.mark.parametrize(
    ("number", "options", "message"),
    [
        ("2", {"run": "run"}, "--run goes with exercise 4"),
        ("1", {"small": True}, "go with exercises 2 to 5"),
        ("1", {"epochs": 3}, "go with exercises 2 to 5"),
        ("2", {"epochs": 0}, "epochs must be at least 1"),
        ("6", {}, "number must be one of '1', '2', '3', '4', '5'"),
    ],
)
def test_options_of_another_exercise_are_refused(number, options, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        exercise(number, out=tmp_path, **options)
