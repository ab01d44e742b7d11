"""The rule by which a checkpoint is selected, against SciPy and against the documentation."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import sem

from xtalgraph.evidence.text.record import SELECTION
from xtalgraph.training.state import STANDARD_ERRORS, is_worse

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("shift", [0.99, 1.01])
def test_the_limit_is_one_standard_error_of_the_paired_difference(shift):
    rng = np.random.default_rng(0)
    best = rng.uniform(1.0, 2.0, 40)
    change = rng.normal(0.0, 0.3, 40)
    change += shift * STANDARD_ERRORS * sem(change) - change.mean()
    assert STANDARD_ERRORS == 1.0  # "one standard error"
    assert is_worse(torch.tensor(best + change), torch.tensor(best)) is (shift > 1)


def test_an_error_that_is_no_number_is_worse():
    best = torch.ones(3)
    assert is_worse(torch.tensor([1.0, torch.nan, 1.0]), best)


def test_the_documentation_says_the_rule_and_no_other():
    pages = {page.name: page.read_text(encoding="utf-8") for page in DOCS.rglob("*.md")}
    pages = {name: " ".join(text.replace("*", "").split()) for name, text in pages.items()}
    assert any(
        f"The selected checkpoint is that of {SELECTION}." in text for text in pages.values()
    )
    other = re.compile(
        r"(epoch|checkpoint)[^.|]*\bhas the (lowest|smallest|least)|the one with the s"
    )
    assert [name for name, text in pages.items() if other.search(text)] == []
