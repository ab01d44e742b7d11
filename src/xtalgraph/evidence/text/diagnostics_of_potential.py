"""What the diagnostics of a potential mean, in sentences."""

from xtalgraph.evidence.diagnostics.energy_volume import EnergyVolume
from xtalgraph.evidence.diagnostics.force_errors import Committee, ForceErrors, WorstFrames
from xtalgraph.evidence.diagnostics.force_path import ForcePath
from xtalgraph.evidence.diagnostics.result import DiagnosticResult, Quantity, Verdict
from xtalgraph.evidence.numbers import count, percent, plain, with_unit

_FEWEST = 5
"""Atoms of a group below which it is not named."""


def milli(value: float | None, unit: str) -> str:
    """Return a number in eV in meV, with its unit."""
    return with_unit(plain(None if value is None else 1000.0 * value, 2), f"m{unit}")


def force_errors(numbers: ForceErrors, result: DiagnosticResult, quantity: Quantity) -> str:
    """Say for which forces the errors are largest."""
    every = numbers.all
    text = (
        f"The mean error is {milli(every['energy'], 'eV/atom')} for energies and "
        f"{milli(every['mae'], 'eV/Å')} for the components of forces, whose root mean square is "
        f"{milli(every['size'], 'eV/Å')} ({count(int(every['atoms'] or 0), 'atom')} in "
        f"{count(int(every['frames'] or 0), 'test frame')})."
    )
    for groups, what in ((numbers.elements, ""), (numbers.groups, "the group ")):
        known = {n: g["mae"] for n, g in groups.items() if (g["atoms"] or 0) >= _FEWEST}
        if len(known) > 1:
            name = max(known, key=lambda group: known[group] or 0.0)
            text += f" It is largest for {what}{name}: {milli(known[name], 'eV/Å')}."
    large = [g for g in numbers.sizes.values() if (g["atoms"] or 0) >= _FEWEST]
    if len(large) > 1 and large[-1]["size"]:
        name = next(n for n, g in numbers.sizes.items() if g is large[-1])
        share = (large[-1]["rmse"] or 0.0) / large[-1]["size"]
        text += f" Forces of {name} eV/Å are off by {percent(share)} of their size."
    return text


def worst_frames(numbers: WorstFrames, result: DiagnosticResult, quantity: Quantity) -> str:
    """Say where the worst force is."""
    case = numbers.cases[0]
    group = f" of the group {case['group']}" if case["group"] else ""
    error, force = (with_unit(plain(case[key], 2), "eV/Å") for key in ("error", "force"))
    return (
        f"The largest error of a force is {error}, on atom {case['site']} ({case['element']}) of "
        f"{case['id']}{group}, whose force is {force}. Atoms are coloured by the error of their "
        "force; arrows show the error vectors of the worst."
    )


def committee(numbers: Committee, result: DiagnosticResult, quantity: Quantity) -> str:
    """Say whether the standard deviation tells errors."""
    text = (
        f"Over {count(numbers.atoms, 'test atom')} the rank correlation of the standard deviation "
        f"of {numbers.members} members and the error of a force is {plain(numbers.atom_rank, 2)}"
    )
    if numbers.frame_rank is not None:
        text += f", over frames, of the largest in each, {plain(numbers.frame_rank, 2)}"
    ratio = numbers.ratio or 0.0
    size = "too small" if ratio > 1 else "too large"
    text += (
        f". In root mean squares errors are {plain(ratio, 2)} times the standard deviations: these "
        f"are {size}; multiply them with that number."
    )
    if result.verdict is Verdict.ALARM:
        text += " The standard deviation hardly tells which forces are wrong. Do not rely on it."
    return text


def force_path(numbers: ForcePath, result: DiagnosticResult, quantity: Quantity) -> str:
    """Say whether the force jumps at the cutoff, and what other cutoffs would do."""
    jumps = dict(zip(numbers.envelopes, numbers.force_jumps, strict=True))
    trained = numbers.envelopes[0]
    text = (
        f"In {numbers.formula} ({count(numbers.atoms, 'atom')}) one atom crosses the cutoff of "
        f"{numbers.cutoff:g} Å around another. As trained, the force on the other jumps by "
        f"{milli(jumps[trained], 'eV/Å')}."
    )
    if "none" in jumps and trained != "none":
        energy = numbers.energy_jumps[numbers.envelopes.index("none")]
        text += (
            f" With the same weights and a hard cutoff it jumps by {milli(jumps['none'], 'eV/Å')}, "
            f"and the energy by {milli(energy, 'eV')}: no force is the derivative of a jump, so "
            "dynamics would not keep the energy."
        )
    if "cosine" in jumps and "polynomial" in jumps:
        text += (
            " The force is continuous with both envelopes; with the cosine its slope jumps, with "
            "the polynomial that is continuous, too."
        )
    return text


def energy_volume(numbers: EnergyVolume, result: DiagnosticResult, quantity: Quantity) -> str:
    """Say whether the curves are those of matter, and how well they follow the frames."""
    sentences = []
    bad = [case["formula"] for case in numbers.cases if case["minima"] > 1]
    if bad:
        sentences.append(
            f"The curve of {', '.join(bad)} has more than one valley, or falls at small volumes: "
            "matter has one. Dynamics and relaxations under pressure may fall into the other. Add "
            "compressed and stretched frames."
        )
    else:
        sentences.append("No curve has a second valley, or falls at small volumes.")
    for case in numbers.cases:
        errors = [
            abs(a - b)
            for a, b in zip(case["strained_predicted"], case["strained_energy"], strict=True)
            if a is not None
        ]
        if len(errors) > 1:
            sentences.append(
                f"On {count(len(errors), 'strained copy', 'strained copies')} of {case['id']} "
                f"({case['formula']}) in training the mean error is "
                f"{milli(sum(errors) / len(errors), 'eV/atom')}."
            )
    return " ".join(sentences)
