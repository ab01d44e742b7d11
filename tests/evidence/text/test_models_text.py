"""Whatever a model is compared with has a sentence for the page."""

import pytest

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
