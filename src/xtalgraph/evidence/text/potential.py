"""What a log says of the labels of a potential."""

from xtalgraph.baselines.pulay_stress import PulayStress
from xtalgraph.conventions.units import GPA
from xtalgraph.data.potential_labels import UNKNOWN_FACTOR
from xtalgraph.data.potential_summary import LabelSummary
from xtalgraph.evidence.numbers import count


def about_labels(summary: LabelSummary, pulay: PulayStress | None = None) -> list[str]:
    """Say how many labels there are and how large they are.

    Args:
        summary: Of all of them.
        pulay: What stresses have beside the derivative of the energies, where it was measured.
    """
    frames = count(summary.crystals, "crystal")
    known = ", ".join(f"{number} with {role}" for role, number in summary.counts.items())
    low, high = summary.ranges["energy"]
    sentences = [
        f"{frames} with {summary.atoms:,} atoms: {known}.",
        f"Energies: {low:.4g} to {high:.4g} eV/atom.",
    ]
    if "forces" in summary.ranges:
        elements = ", ".join(
            f"{element} {largest:.3g} ({number:,} atoms)"
            for element, (number, largest) in summary.by_element.items()
        )
        ids = ", ".join(f"{name} {force:.3g}" for name, force in summary.worst)
        sentences.append(f"Largest forces by element, eV/Å: {elements}; by crystal: {ids}.")
    if "stress" in summary.ranges:
        low, high = (GPA * value for value in summary.ranges["stress"])
        text = f"Pressures: {low:.3g} to {high:.3g} GPa."
        if summary.stress is not None and not summary.stress.factor:
            text += (
                f" Sign and unit fit the energies of {count(summary.stress.pairs, 'pair')} of "
                "strained copies."
            )
        sentences.append(text)
    if pulay is not None and not pulay.is_there:
        sentences.append(
            f"Energies, forces and stresses of {count(pulay.frames, 'frame')} fit together."
        )
    return [*sentences, *_about_references(summary)]


def _about_references(summary: LabelSummary) -> list[str]:
    """Say what the labels tell of the energies of the elements."""
    sentences = []
    if summary.independent < len(summary.elements):
        sentences.append(
            f"Reference energies: the compositions tell {summary.independent} of those of "
            f"{', '.join(summary.elements)} apart, and fitted ones say nothing of other "
            "compositions."
        )
    if summary.isolated:
        energies = ", ".join(f"{name} {energy:.4g}" for name, energy in summary.isolated.items())
        sentences.append(
            f"Isolated atoms, eV: {energies}; model.reference_energies=isolated takes them."
        )
    else:
        sentences.append(
            "No frame holds an isolated atom: what it costs to take the crystals apart is not "
            "known, unless model.reference_energies says it."
        )
    return sentences


def warnings_about_labels(summary: LabelSummary, pulay: PulayStress | None = None) -> list[str]:
    """Say what is wrong with labels, or may be.

    Args:
        summary: Of all of them.
        pulay: What stresses have beside the derivative of the energies, where it was measured.
    """
    sentences = []
    for role, number in summary.counts.items():
        if number < summary.crystals:
            sentences.append(
                f"{count(summary.crystals - number, 'crystal')} of {summary.crystals} have no "
                f"{role}: they are learned from without it"
            )
    if summary.far:
        name, force = summary.worst[0]
        sentences.append(
            f"{name} has a force of {force:.4g} eV/Å, far from those of all other crystals: "
            "calculations that did not converge look so. Leave it out if it is one"
        )
    check = summary.stress
    contradicts = pulay is not None and pulay.is_there
    if check is not None and check.factor and not (contradicts and check.factor == UNKNOWN_FACTOR):
        sentences.append(
            f"the stresses seem to be {check.factor}: in {count(check.pairs, 'pair')} of strained "
            f"copies the energy changes by {check.ratio:.3g} times the work of the stress. They "
            "must be in eV/Å³, positive in tension: correct them, or leave them out"
        )
    elif summary.dense:
        sentences.append(
            f"half of the crystals have pressures above {GPA:.0f} GPa, if the stresses are in "
            "eV/Å³: they may be in GPa or kbar"
        )
    if pulay is not None and pulay.is_there:
        sentences.append(_about_contradiction(pulay))
    return sentences


def _about_contradiction(pulay: PulayStress) -> str:
    """Say what stresses have too much."""
    kind = "tension" if pulay.stress > 0 else "compression"
    elements = ", ".join(
        f"{name} {virial:.3g} eV/atom, {' to '.join(f'{end:.3g}' for end in pulay.ends[name])}"
        for name, virial in pulay.virials.items()
    )
    setting = ", ".join(f"{name}: {virial:.3g}" for name, virial in pulay.virials.items())
    return (
        "energies and stresses contradict each other, and no potential can have both: stresses "
        f"have a {kind} of {GPA * abs(pulay.stress):.2g} GPa too much, in the mean of "
        f"{count(pulay.frames, 'frame')} ({elements}). Stresses of plane waves with a small cutoff "
        f'energy have such a Pulay stress. --set "data.pulay_stress={{{setting}}}" subtracts it'
    )
