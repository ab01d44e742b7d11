"""Whatever a model is compared with has a sentence for the page."""

import pytest

from xtalgraph.conventions.voigt import NAMED
from xtalgraph.data.targets import Kind, Target
from xtalgraph.evidence.text.models import about_entry, about_model
from xtalgraph.workflows.leaderboard.catalogue import BASELINES
from xtalgraph.workflows.leaderboard.potentials import POTENTIALS


@pytest.mark.parametrize("name", [*BASELINES, *POTENTIALS])
def test_every_baseline_of_a_comparison_has_a_sentence(name):
    text = about_entry({"name": name, "details": {}})
    assert text[0].isupper()
    assert text.endswith(".")


def test_baselines_of_a_run_are_those_of_older_runs_too():
    assert about_model("pair potential", {}) == about_entry(
        {"name": "pair-potential", "details": {}}
    )
    assert about_model("mean", {"description": "As it was."}) == "As it was."


def test_baselines_of_a_tensor_are_isotropic_or_nothing():
    stiffness, vector = (
        Target("t", Kind.INTENSIVE, tensor=NAMED[name]) for name in ("elastic", "vector")
    )
    for name in ("mean", "composition"):
        assert "sotropic" in about_model(name, {}, stiffness)
        assert about_model(name, {}, vector).startswith("Zero: such a tensor has no isotropic part")
        assert about_entry({"name": name, "details": {}}, vector) == about_model(name, {}, vector)
    assert about_model("mean", {}, Target("e", Kind.INTENSIVE)) == about_model("mean", {})
