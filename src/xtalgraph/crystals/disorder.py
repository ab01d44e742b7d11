"""What is done with a crystal whose sites hold several species or are empty in part."""

from typing import Final, Literal, get_args

from xtalgraph.conventions.errors import WAYS_OUT, ConfigError, InputError
from xtalgraph.conventions.settings import nearest
from xtalgraph.crystals.crystal import Crystal

Disorder = Literal["refuse", "mix", "order"]
"""``refuse`` it; read each site as the mixture of its species (``mix``); or take the most probable
ordering (``order``)."""
DISORDER: Final[tuple[str, ...]] = get_args(Disorder)


def resolve_disorder(crystal: Crystal, disorder: str) -> Crystal:
    """Return a crystal as it is to be read.

    Args:
        crystal: Any; one whose sites hold one atom each is returned as it is.
        disorder: ``refuse``, ``mix`` or ``order``.

    Raises:
        InputError: If it is disordered and that is refused, or has no ordering within the bounds.
        ConfigError: If there is no such choice.
    """
    check_disorder(disorder)
    if crystal.occupancies is None or disorder == "mix":
        return crystal
    if disorder == "order":
        from xtalgraph.crystals.ordering import most_probable_ordering

        return most_probable_ordering(crystal)
    raise InputError(
        f"{crystal.disorder_text()}; a crystal graph needs one atom on each "
        f"site, so choose an ordering first (pymatgen's OrderDisorderedStructureTransformation "
        f"makes them), or: {WAYS_OUT}"
    )


def check_disorder(disorder: str) -> None:
    """Raise a `ConfigError` where a name is none of `DISORDER`."""
    if disorder not in DISORDER:
        raise ConfigError(
            f"disorder must be one of {', '.join(DISORDER)}, got {disorder!r}"
            f"{nearest(disorder, DISORDER)}"
        )
