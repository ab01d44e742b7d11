"""The members of a run on disk: whole, of one run, finite, and what they were trained on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from xtalgraph.conventions.elements import ATOMIC_NUMBERS
from xtalgraph.conventions.errors import RunError
from xtalgraph.conventions.logs import log
from xtalgraph.crystals.composition import VACANCY_NAME
from xtalgraph.models.checkpoint import check_finite, load_model, member_folder
from xtalgraph.models.intervals import Intervals, load_intervals
from xtalgraph.models.manifest import check_manifest
from xtalgraph.models.model import Model
from xtalgraph.models.spec import ModelSpec


class SavedMembers(NamedTuple):
    """What a run folder holds of its models."""

    members: list[Model]
    """In evaluation mode, on the CPU."""
    spec: ModelSpec
    """What each of them is."""
    elements: tuple[str, ...]
    """Symbols of the elements in the training part."""
    intervals: dict[str, Intervals]
    """Of the targets that have some, by name."""


def load_members(run: Path) -> SavedMembers:
    """Read all members of a run, and its intervals.

    Args:
        run: The run folder.

    Raises:
        RunError: If something is missing or damaged, or not of this run.
    """
    if check_manifest(run, evidence=False) is None:
        log.warning(
            "%s is of an xtalgraph that wrote no manifest: whether its files are those of one run "
            "is not known",
            run,
        )
    first, spec, document = load_model(run)
    elements, count = _seen(run, document)
    members = [first]
    for number in range(1, count):
        place = member_folder(run, number)
        member, of_member, _ = load_model(place)
        if of_member != spec:
            raise RunError(f"{place} is another model than {run}: it is of another run")
        members.append(member)
    for number, member in enumerate(members):
        check_finite(member, member_folder(run, number))
    intervals = load_intervals(run, spec.targets)
    return SavedMembers(members, spec, elements, intervals)


def _seen(run: Path, document: Mapping[str, Any]) -> tuple[tuple[str, ...], int]:
    """Return the elements of the training part and the number of members."""
    elements, count = document.get("elements"), document.get("members")
    if not isinstance(elements, list) or not all(
        isinstance(one, str) and one in {*ATOMIC_NUMBERS, VACANCY_NAME} for one in elements
    ):
        raise RunError(f"{run / 'model.json'} is damaged: the elements are not symbols")
    if type(count) is not int or count < 1:
        raise RunError(f"{run / 'model.json'} is damaged: members is {count!r}")
    return tuple(elements), count
