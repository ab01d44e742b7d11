"""What the diagnostics of cutoffs, layers and errors mean, in sentences."""

from typing import Final

from xtalgraph.evidence.diagnostics.cutoffs import JUMP, CutoffChange, CutoffPath
from xtalgraph.evidence.diagnostics.depth import Reach, Smoothing
from xtalgraph.evidence.diagnostics.errors import FEWEST, ErrorGroups
from xtalgraph.evidence.diagnostics.result import DiagnosticResult, Quantity, Verdict
from xtalgraph.evidence.diagnostics.volume import VolumeSweep
from xtalgraph.evidence.diagnostics.worst import FAR, OUTLIER, RARE, WorstErrors
from xtalgraph.evidence.numbers import count, percent, plain, with_unit

CAUSES: Final = (
    "Outlier label: the labels of the five training crystals with the nearest embeddings agree "
    f"with the prediction, and the label differs from them by at least {OUTLIER:g} of their "
    f"standard deviations (and {OUTLIER:g} test errors). "
    f"Rare chemistry: an element occurs in fewer than {RARE} training crystals, or at least "
    f"{percent(FAR)} of the atoms differ from the nearest composition. "
    "Large cell: more atoms than in 95\u00a0% of the training crystals. "
    "Shortcut: the prediction changes by less than a tenth of its error when the species are "
    "shuffled, or when the geometry is replaced (median of eight draws). "
    "The first cause that applies is given."
)
"""How the cause of a large error is found."""


def volume_sweep(numbers: VolumeSweep, result: DiagnosticResult, quantity: Quantity) -> str:
    """Say whether the prediction follows the volume."""
    if result.verdict is Verdict.SHOWN:
        share = percent(numbers.strained) if numbers.strained else "None"
        text = (
            f"The true curves are not known. {share} of the training crystals share their formula "
            "with one of another volume."
        )
        if numbers.strained < 0.5:
            return f"{text} These curves are therefore extrapolations, even where they are smooth."
        return f"{text} Look for kinks."
    followed = result.number or 0.0
    share = percent(followed) if followed > 0 else "none"
    text = f"The model explains {share} of the change of the target with the volume."
    if result.verdict is Verdict.OK:
        return text
    return (
        f"{text} A prediction that does not change with the volume would have a smaller error. Do "
        "not use the model for strained crystals."
    )


def cutoff_path(numbers: CutoffPath, result: DiagnosticResult, quantity: Quantity) -> str:
    """Say whether the prediction jumps where neighbours cross the cutoff."""
    largest = with_unit(plain(max(numbers.jumps), 2), quantity.unit)
    if result.verdict is Verdict.ALARM:
        text = (
            f"The prediction jumps by up to {largest} where neighbours cross the cutoff of "
            f"{numbers.cutoff:g} Å, so nearly equal crystals get different predictions. An "
            "envelope removes the jump."
        )
    else:
        text = f"The prediction is continuous where pairs of atoms cross {numbers.cutoff:g} Å."
    if numbers.other_jumps:
        other = "without an envelope" if numbers.envelope != "none" else "with a cosine envelope"
        jump = with_unit(plain(max(numbers.other_jumps), 2), quantity.unit)
        text += f" With the same weights {other} it jumps by up to {jump}"
        none = max(*numbers.jumps, *numbers.other_jumps) <= JUMP * numbers.mae
        text += ": these graphs have no edges as long as the cutoff." if none else "."
    if numbers.rank_step is not None:
        step = with_unit(plain(numbers.rank_step, 2), quantity.unit)
        text += (
            f" The strategy {numbers.strategy} selects the nearest neighbours, which may change "
            f"when an atom moves: a displacement of {numbers.displacement:g} Å changes the "
            f"prediction by up to {step}. For molecular dynamics use the strategy radius."
        )
    return text


def cutoff_change(numbers: CutoffChange, result: DiagnosticResult, quantity: Quantity) -> str:
    """Say how much the prediction depends on the cutoff."""
    near = [
        moved
        for change, moved in zip(numbers.changes, numbers.moved, strict=True)
        if 0 < abs(change) < 0.3
    ]
    largest, error = (
        with_unit(plain(number, 2), quantity.unit) for number in (max(near), numbers.mae)
    )
    text = (
        f"Changing the cutoff by 0.25 Å changes the predictions by {largest} on average; their "
        f"mean error is {error}."
    )
    if result.verdict is Verdict.ALARM:
        text += (
            " The predictions depend strongly on the cutoff. Try an envelope, a longer cutoff or "
            "more layers."
        )
    else:
        text += " The predictions do not depend strongly on the cutoff."
    if numbers.nearest is not None:
        text += (
            f" The graph keeps the {numbers.nearest} nearest neighbours, most of which are much "
            "closer than the cutoff."
        )
    return text


def smoothing(numbers: Smoothing, result: DiagnosticResult, quantity: Quantity) -> str:
    """Say whether the layers make neighbouring atoms equal."""
    distances = [layer["mean average distance"] for layer in numbers.layers]
    text = (
        "The mean cosine distance of the features of neighbouring atoms is "
        f"{plain(distances[0], 2)} before the first layer and {plain(distances[-1], 2)} after "
        f"{count(len(distances) - 1, 'layer')}."
    )
    if result.verdict is Verdict.ALARM:
        text += (
            " The features of all atoms have become equal (over-smoothing). Use fewer layers, or "
            "residual, dense or jumping-knowledge connections (model.connections)."
        )
    else:
        text += " There is no over-smoothing."
    return text + _member(numbers, "with the strongest smoothing")


def reach(numbers: Reach, result: DiagnosticResult, quantity: Quantity) -> str:
    """Say which atoms the features of an atom depend on."""
    shares = [percent(share) for share in numbers.by_hop[:3]] + ["none"] * 2
    text = (
        f"In {numbers.formula}, repeated to {numbers.atoms} atoms, the features of an atom depend "
        f"on atoms up to {count(numbers.hops, 'edge')} ({plain(numbers.radius, 2)} Å) away. The "
        f"model has {count(numbers.layers, 'layer')}; the farthest atom is "
        f"{count(numbers.farthest, 'edge')} away. The atom itself has {shares[0]} of the "
        f"sensitivity, its neighbours {shares[1]}, and their neighbours {shares[2]}."
    )
    if result.verdict is Verdict.ALARM:
        text += " At least one layer passes no information on, so it costs time without effect."
    elif numbers.hops <= numbers.layers and numbers.hops < numbers.farthest:
        text += " Atoms farther away have no influence except through the readout."
    else:
        text += " Every atom has an influence."
    return text + _member(numbers, "with the shortest range")


def _member(numbers: Smoothing | Reach, which: str) -> str:
    if numbers.members == 1:
        return ""
    return f" This is member {numbers.member} of {numbers.members}, the one {which}."


def error_groups(numbers: ErrorGroups, result: DiagnosticResult, quantity: Quantity) -> str:
    """Say for which element the errors are largest."""
    text = f"The mean error is {with_unit(plain(numbers.mae, 2), quantity.unit)}."
    common = {z: group for z, group in numbers.elements.items() if group["crystals"] >= FEWEST}
    if not common:
        return text
    worst, group = max(common.items(), key=lambda item: item[1]["ratio"])
    return (
        f"{text} Among the elements in at least {FEWEST} test crystals it is largest for {worst}: "
        f"{plain(group['ratio'], 2)} times the mean, over "
        f"{count(int(group['crystals']), 'test crystal')}. "
        f"{count(int(group['training']), 'training crystal')} contain it."
    )


def worst_errors(numbers: WorstErrors, result: DiagnosticResult, quantity: Quantity) -> str:
    """Say how often each cause is found."""
    causes = [str(case["cause"]) for case in numbers.cases]
    counts = sorted(
        {cause: causes.count(cause) for cause in causes}.items(), key=lambda item: -item[1]
    )
    listed = ", ".join(f"{cause} {times}" for cause, times in counts)
    return f"Causes of the {len(causes)} largest errors: {listed}."
