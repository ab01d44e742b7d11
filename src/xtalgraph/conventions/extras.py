"""Libraries that not everybody needs, imported where they are used."""

import importlib
from typing import Any

from xtalgraph.conventions.errors import MissingExtraError


def import_extra(module: str, extra: str) -> Any:
    """Import a module of an extra of xtalgraph, or raise a `MissingExtraError` that names it."""
    try:
        return importlib.import_module(module)
    # A compiled library that was built for another torch is an OSError.
    except (ImportError, OSError) as error:
        raise MissingExtraError(
            f"{module} cannot be imported ({error}); install it with pip install "
            f"'xtalgraph[{extra}]'"
        ) from error
