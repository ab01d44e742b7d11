"""Libraries that not everybody needs, imported where they are used."""

import importlib
from typing import Any, Final

from xtalgraph.conventions.errors import MissingExtraError

EXTRAS: Final = {
    "chgnet": "chgnet",
    "dgl": "dgl",
    "dscribe": "descriptors",
    "jarvis": "jarvis",
    "networkx": "networkx",
    "optuna": "tune",
    "phonopy": "phonons",
    "pyxtal": "generation",
    "seekpath": "phonons",
    "tad_dftd3": "dispersion",
    "tad_mctc": "dispersion",
    "torch_geometric": "pyg",
    "torchpme": "longrange",
    "umap": "embed",
}
"""The extra of xtalgraph that brings a library, by the name under which the library is imported."""


def extra_of(module: str) -> str | None:
    """Return the extra that brings a module, by its full name; None where none does.

    >>> extra_of("chgnet.model.dynamics")
    'chgnet'
    """
    return EXTRAS.get(module.partition(".")[0])


def import_extra(module: str) -> Any:
    """Import a module of an extra of xtalgraph, or raise a `MissingExtraError` that names it."""
    try:
        return importlib.import_module(module)
    # A compiled library that was built for another torch is an OSError.
    except (ImportError, OSError) as error:
        raise MissingExtraError(
            f"{module} cannot be imported ({error}); install it with pip install "
            f"'xtalgraph[{extra_of(module)}]'"
        ) from error
