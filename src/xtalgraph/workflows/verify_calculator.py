"""Verify the potential of any package, through its calculator of ASE."""

import importlib
import sys
import time
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np

from xtalgraph.conventions.boundary import guarded, name_of_source, shortened
from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.conventions.extras import extra_of, import_extra
from xtalgraph.conventions.logs import log
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.catalogue import resolve_source
from xtalgraph.data.dataset import nothing_left
from xtalgraph.data.table import read_table
from xtalgraph.evidence.calculator_checks import CalculatorUnderTest, check_calculator
from xtalgraph.evidence.verification import Verification
from xtalgraph.workflows.rejections import check_rejected

SAMPLE: Final = 4
"""Crystals that are tried unless another number is given: a minute for a network on a laptop."""
LARGEST: Final = 64
"""Atoms; larger crystals are tried only if there are not enough smaller ones."""

_NAMED: Final = 3
"""Crystals that are passed over and named."""


def verify_calculator(
    calculator: Any, on: Any, *, sample: int = SAMPLE, progress: bool = True
) -> tuple[Verification, dict[str, Any]]:
    """Check a calculator on crystals.

    Args:
        calculator: Of ASE, or the name of something that is or makes one,
            ``package.module:name``.
        on: Crystals: files, folders or tables; in Python also structures.
        sample: How many of them, drawn at random, the same ones each time; small ones first.
        progress: Show a progress bar on standard error.

    Raises:
        ConfigError: If there is no such name.
        InputError: If it is no calculator, or there is no crystal to try it on.
    """
    began = time.monotonic()
    made = calculator_named(calculator) if isinstance(calculator, str) else calculator
    tested = CalculatorUnderTest(made)
    if on is None:
        raise InputError("say on which crystals a calculator is verified: --on FILES")
    table = read_table(resolve_source(on)[0], progress=progress)
    if not len(table):
        raise nothing_left(on, table.rejected)
    check_rejected(table.rejected, "skip")
    crystals = dict(zip(table.ids, table.crystals, strict=True))
    chosen, refused = _choose(tested, crystals, sample)
    if not chosen:
        first = next(iter(refused.values()))
        raise InputError(
            f"no crystal of {name_of_source(on)} can be computed, of {len(refused)} tried: {first}"
        )
    for name, reason in islice(refused.items(), _NAMED):
        log.warning("%s is passed over: %s", name, reason)
    if len(refused) > _NAMED:
        log.warning("%d more are passed over", len(refused) - _NAMED)
    results = tuple(check_calculator(tested, chosen, progress=progress))
    verification = Verification(results, tuple(chosen))
    name = calculator if isinstance(calculator, str) else type(made).__name__
    document = {
        "format": 2,
        "calculator": name,
        "source": name_of_source(on),
        "of": len(crystals),
        "unsupported": list(refused),
        **verification.as_dict(),
        "seconds": round(time.monotonic() - began, 1),
    }
    return verification, document


def calculator_named(name: str) -> Any:
    """Return a calculator by the name of the object, or of the class or function that makes it.

    Modules are looked for in the current folder, too.

    Args:
        name: ``package.module:name``.

    Raises:
        ConfigError: If there is no such module or name, or it cannot be made without arguments.
        MissingExtraError: If the module is of an optional dependency that is not installed.
    """
    module_name, colon, attribute = name.partition(":")
    if not (module_name and colon and attribute):
        raise ConfigError(
            f"a calculator is named package.module:name, as ase.calculators.emt:EMT, got {name!r}"
        )
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        load = import_extra if extra_of(module_name) else importlib.import_module
        module = load(module_name)
    except ImportError as error:
        raise ConfigError(f"cannot import {module_name!r} for the calculator: {error}") from error
    finally:
        sys.path.remove(here)
    if not hasattr(module, attribute):
        raise ConfigError(f"the module {module_name!r} has no {attribute!r}")
    made = getattr(module, attribute)
    if not callable(made) or hasattr(made, "results"):
        return made
    try:
        return guarded(made, name)
    except InputError as error:
        raise ConfigError(
            f"{name} cannot be called without arguments ({error}): write a function that makes the "
            "calculator, and name that"
        ) from error


def _choose(
    tested: CalculatorUnderTest, crystals: dict[str, Crystal], sample: int
) -> tuple[dict[str, Crystal], dict[str, str]]:
    """Draw crystals that the calculator computes, those of moderate size first."""
    names = list(crystals)
    drawn = [names[n] for n in np.random.default_rng(0).permutation(len(names))]
    drawn.sort(key=lambda name: len(crystals[name]) > LARGEST)  # stable
    chosen: dict[str, Crystal] = {}
    refused: dict[str, str] = {}
    for name in drawn:
        if len(chosen) == sample or len(refused) > 10 * sample:
            break
        try:
            guarded(partial(tested, crystals[name]), name)
        except InputError as error:
            cause = error.__cause__ or error
            refused[name] = f"the calculator raised {type(cause).__name__}: {shortened(str(cause))}"
        else:
            chosen[name] = crystals[name]
    return chosen, refused
