"""What the diagnostics of labels and shortcuts mean, in sentences."""

from collections.abc import Mapping
from typing import Final

from xtalgraph.evidence.diagnostics.labels import Duplicates, ShiftedLabels, SortedTarget
from xtalgraph.evidence.diagnostics.result import (
    DiagnosticResult,
    NotApplicable,
    Quantity,
    Reason,
    Verdict,
)
from xtalgraph.evidence.diagnostics.shortcuts import EXPLAINS, ChangedCrystals, Retrained, SizeAlone
from xtalgraph.evidence.numbers import count, percent, plain, with_unit

_REASONS: Final[Mapping[Reason, str]] = {
    Reason.FEW_CRYSTALS: "There are {available} crystals; at least {needed} are needed.",
    Reason.FEW_TEST_CRYSTALS: "There are {available} test crystals; at least {needed} are needed.",
    Reason.FEW_TRAINING_CRYSTALS: (
        "There are {available} training crystals; at least {needed} are needed."
    ),
    Reason.FEW_CHANGED_CRYSTALS: (
        "Only {available} test crystals could be changed and predicted; at least {needed} are "
        "needed."
    ),
    Reason.ONE_COMPOSITION: (
        "All training crystals have one composition, so there are no other elements to try."
    ),
    Reason.ONE_VALUE: "The target has only one value, which has no order.",
    Reason.SHORT_CUTOFF: (
        "The cutoff is {available} Å; it must be longer than {needed} Å to be varied."
    ),
    Reason.NO_PAIR_AT_THE_CUTOFF: (
        "No test crystal can be strained by 10\u00a0% or less to bring a pair of atoms to "
        "{needed} Å."
    ),
    Reason.NO_GRAPH: "The crystals have no graph with the settings of this model.",
    Reason.NO_LAYERS: "The model does not return the features after each of its layers.",
    Reason.EQUAL_ATOMS: (
        "Neighbouring atoms are equal before the first layer: each of these crystals has only one "
        "kind of site."
    ),
    Reason.NO_FORCES: "No test crystal has forces.",
    Reason.ONE_MEMBER: "The run has one member, so there is no standard deviation: train with "
    "--members 3.",
    Reason.FEW_ATOMS: "There are {available} test atoms with forces; at least {needed} are needed.",
}


def explain_absence(numbers: NotApplicable) -> str:
    """Say why a diagnostic could not be measured."""
    available, needed = (
        "" if number is None else f"{number:g}" for number in (numbers.available, numbers.needed)
    )
    return _REASONS[numbers.reason].format(available=available, needed=needed)


def shifted_labels(numbers: ShiftedLabels, result: DiagnosticResult, quantity: Quantity) -> str:
    """Say whether labels belong to their crystals."""
    rho = dict(zip(numbers.shifts, numbers.spearman, strict=True))
    text = (
        "Gradient-boosted trees on composition, density and neighbour counts predict the labels "
        f"with a rank correlation of {plain(rho[0], 2)}."
    )
    if result.verdict is Verdict.OK:
        return f"{text} Labels moved by one or two rows are not predicted better."
    if numbers.unlearnable:
        return (
            f"{text} The model reaches {plain(numbers.spearman_model, 2)} on the test part. Both "
            "are within chance: the labels may be shuffled, or may not depend on the structure."
        )
    side = "below" if numbers.best > 0 else "above"
    return (
        f"{text} With the labels that stand {count(abs(numbers.best), 'row')} {side}, it is "
        f"{plain(rho[numbers.best], 2)}: the labels are shifted against the structures. Correct "
        "the file and train again."
    )


def sorted_target(numbers: SortedTarget, result: DiagnosticResult, quantity: Quantity) -> str:
    """Say whether the file is sorted by its target, and what that does."""
    text = f"The rank correlation of target and row is {plain(numbers.correlation, 2)}."
    if result.verdict is Verdict.OK:
        return f"{text} The file is not sorted by its target."
    if numbers.test_is_block:
        return (
            f"{text} The file is sorted by its target, and the test part is one block of it. Its "
            "targets therefore differ from those of the training part. Use a random split, unless "
            "you want to test extrapolation."
        )
    return (
        f"{text} The file is sorted by its target. This split does not follow the order of the "
        "rows, but other splits may (consecutive folds, dates, the first thousand rows), and an id "
        "that counts rows reveals the target. Shuffle the file."
    )


def duplicates(numbers: Duplicates, result: DiagnosticResult, quantity: Quantity) -> str:
    """Say how many test crystals are in training, too."""
    text = (
        f"{numbers.alike} of {count(numbers.test, 'test crystal')} are also in training, "
        f"within {numbers.tolerance:g} Å. For {len(numbers.copies)} "
        f"({percent(result.number or 0.0)}) the training label reveals the test label."
    )
    if numbers.mae_copies is not None and numbers.mae_others is not None:
        copies, others = (
            with_unit(plain(error, 2), quantity.unit)
            for error in (numbers.mae_copies, numbers.mae_others)
        )
        text += (
            f" The mean error is {copies} on these and {others} on the other test crystals. Only "
            "the second number is a test error."
        )
    if result.verdict is Verdict.ALARM:
        text += " Use --split formula, which keeps copies in one part."
    return text


def size_alone(numbers: SizeAlone, result: DiagnosticResult, quantity: Quantity) -> str:
    """Say whether the size of the cell explains the label."""
    if numbers.constant:
        what = "proportional to the number of atoms" if numbers.per_atom else "a constant"
        return f"The label is {what}, so nothing can be learned from the structure."
    scores = ", ".join(
        f"{plain(score)} from the {name}" if name != "both" else f"{plain(score)} from both"
        for name, score in zip(numbers.features, numbers.r2, strict=True)
    )
    text = f"R² is {plain(numbers.r2_model)} for the model; trees reach {scores}."
    if numbers.sizes == 1:
        return (
            f"{text} All crystals have {numbers.atoms} atoms, so their number cannot be a shortcut "
            "and the volume is a density."
        )
    if result.verdict is Verdict.ALARM:
        return (
            f"{text} The size of the cell explains the label, although the same crystal can be "
            "written with a cell of any size. The model may have learned no more than that."
        )
    return f"{text} The size of the cell does not explain the label."


def shuffled_species(numbers: ChangedCrystals, result: DiagnosticResult, quantity: Quantity) -> str:
    """Say whether the prediction depends on the elements."""
    return _changed(
        numbers,
        result.verdict,
        "when the species are shuffled",
        "The prediction depends on the elements.",
        "The prediction hardly depends on the elements: geometry, size or prototype explain it. "
        "It is not reliable for new compositions.",
    )


def replaced_geometry(
    numbers: ChangedCrystals, result: DiagnosticResult, quantity: Quantity
) -> str:
    """Say whether the prediction depends on the geometry."""
    return _changed(
        numbers,
        result.verdict,
        "when the geometry is replaced",
        "The prediction depends on the geometry.",
        "The prediction hardly depends on the geometry: the model uses little more than the "
        "composition.",
    )


def _changed(numbers: ChangedCrystals, verdict: Verdict, change: str, fine: str, bad: str) -> str:
    before, after = numbers.r2
    if verdict is Verdict.SHOWN:
        meaning = (
            f"The model explains too little (R² must exceed {EXPLAINS:g}) for the change to mean "
            "anything."
        )
    else:
        meaning = bad if verdict is Verdict.ALARM else fine
    text = f"R² changes from {plain(before)} to {plain(after)} {change}. {meaning}"
    if numbers.unsupported:
        text += f" {count(numbers.unsupported, 'changed crystal')} had no graph."
    return text


def retrained(numbers: Retrained, result: DiagnosticResult, quantity: Quantity) -> str:
    """Say what geometry and composition explain alone."""
    model, geometry, composition = numbers.r2
    lengths = f"{numbers.epochs} epochs, the model {numbers.epochs_of_model}"
    if numbers.members > 1:
        lengths = (
            f"one model, {numbers.epochs} epochs; the run has {numbers.members} members of "
            f"{numbers.epochs_of_model}"
        )
    text = (
        f"R² is {plain(model)} for the model, {plain(geometry)} for the same architecture trained "
        f"with every atom replaced by {numbers.element} ({lengths}), and {plain(composition)} for "
        "gradient-boosted trees on the composition."
    )
    if result.verdict is Verdict.OK:
        return f"{text} Both geometry and composition are needed."
    if (composition or 0.0) >= (geometry or 0.0):
        return f"{text} Composition alone does as well: the graph adds little on this data set."
    return (
        f"{text} Geometry alone does as well: bond lengths reveal the elements, or the label does "
        "not depend on them."
    )
