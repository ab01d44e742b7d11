"""The help of every verb comes at once: nothing is imported that only the work of a verb needs."""

import json
import subprocess
import sys

import pytest

from xtalgraph.cli.main import VERBS
from xtalgraph.evidence.diagnostics.registry import DIAGNOSTICS
from xtalgraph.workflows.diagnose import NAMES
from xtalgraph.workflows.leaderboard import catalogue

HEAVY = ("torch", "pandas", "matplotlib", "scipy", "sklearn", "ase", "pymatgen", "spglib", "loky")
HELP = """
import contextlib, io, json, sys
from xtalgraph.cli.main import main
loaded = {}
for words in json.loads(sys.argv[1]):
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()) as shown:
        main([*words, "--help"])
    assert "Usage: xtalgraph" in shown.getvalue(), words
    loaded[" ".join(words)] = sorted(set(sys.modules) & set(sys.argv[2:]))
print(json.dumps(loaded))
"""


MEMBER = """
import sys, torch
from xtalgraph.nn.determinism import deterministic
from xtalgraph.training.optimizer import FlatAdamW
from xtalgraph.workflows.fit import fit_member
with deterministic():
    FlatAdamW(torch.nn.Linear(2, 2), 0.1).step(1e-3, 1.0)
print(*set(sys.modules) & set(sys.argv[1:]))
"""


def printed(program: str, *args: str) -> str:
    command = [sys.executable, "-c", program, *args]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_help_needs_no_library_of_numbers():
    verbs = [[verb] for verb in VERBS if verb != "data"]
    verbs += [[], *(["data", word] for word in ("list", "info", "fetch", "cache"))]
    loaded = json.loads(printed(HELP, json.dumps(verbs), *HEAVY))
    assert len(loaded) == len(VERBS) + 4
    assert loaded == {words: [] for words in loaded}


def test_a_process_that_trains_a_member_loads_no_baseline_no_figure_and_no_compiler():
    absent = ("sklearn", "matplotlib", "scipy.stats", "scipy.optimize", "pymatgen", "sympy")
    assert printed(MEMBER, *absent, "torch._dynamo", "torch._inductor").split() == []


def test_what_the_test_looks_for_is_there_to_be_found():
    program = "import xtalgraph.workflows.train, sys; print(*set(sys.modules) & set(sys.argv[1:]))"
    assert "torch" in printed(program, *HEAVY).split()


@pytest.mark.parametrize(
    ("written", "made"),
    [
        pytest.param(NAMES, tuple(DIAGNOSTICS), id="diagnostics"),
        pytest.param(
            catalogue.BASELINES,
            tuple(one.name for one in catalogue.entries_of(None, None)),
            id="baselines",
        ),
    ],
)
def test_names_in_the_help_are_those_that_there_are(written, made):
    assert written == made
