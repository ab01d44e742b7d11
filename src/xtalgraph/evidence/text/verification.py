"""What was verified and how much is allowed, in words."""

from collections.abc import Mapping
from typing import Any, Final

from xtalgraph.models.check_result import Reason

_TEXTS: Final[Mapping[str, str]] = {
    Reason.FINITE: "no NaN, no infinity",
    Reason.ROUNDING: "exact but for rounding in float64",
    Reason.MEASURED_ROUNDING: "rounding of {size:.1g} was measured",
    Reason.SAME_BITS: "the same bits",
    Reason.CONTINUOUS: "continuous",
    Reason.DIFFERENCES: "energies {step:g} Å apart, to the fourth power",
    Reason.FRAGMENTS: "{gap:g} Å apart; exact but for rounding",
    Reason.DYNAMICS: "{atoms} atoms, {temperature:g} K, {duration:g} ps, steps of {step:g} fs, "
    "over the kinetic energy",
    Reason.HALF_STEP: "{atoms} atoms, {temperature:g} K, {duration:g} ps: halving the step "
    "divides it by {factor:.2g}, by 4 where forces are the derivative of a smooth energy",
    Reason.MERGED: "distances within {merged:g} Å are merged by design: what it costs",
    Reason.SYMMETRY: "what the symmetry forbids, in crystals that are given it to the last digit",
    Reason.STORED_SYMMETRY: "crystals have their symmetry to some digits: what that makes",
    Reason.NO_SYMMETRY: "no crystal has a symmetry",
    Reason.SINGLE_PRECISION: "the run computes in float32: what its rounding costs",
    Reason.RANKS: "the nearest neighbours change by design, under any envelope; see "
    "docs/pitfalls.md",
    Reason.LONG_RANGE: "an interaction of long range, of which {share:.0%} is left from {near:g} "
    "to {gap:g} Å apart",
    Reason.NOT_PERIODIC: "no crystal repeats in any direction",
    Reason.NO_LATTICE: "no crystal repeats in all three directions",
    Reason.NOT_REDUCIBLE: "the model cannot read a graph reduced by symmetry",
    Reason.NOT_REDUCED: "the model reads full graphs",
    Reason.NO_RUN: "the model is not one of a run",
    Reason.NO_GPU: "there is no CUDA device here",
    Reason.NOT_SINGLE: "the model does not compute in float32",
    Reason.BY_RANK: "the strategy {strategy} chooses neighbours by rank",
    Reason.NO_CHANGE: "the graphs did not change on the paths that were tried",
    Reason.LONG_RANGED_TERM: "the term {terms} acts at any distance",
    Reason.NOT_COMPUTED: "nothing could be computed; the log says why",
    Reason.ENDED: "the trajectory ended in an error; the log says why",
}
_MORE: Final[Mapping[str, str]] = {
    "over": "looked at over {over:.0e} Å",
    "strain": "looked at over {strain:.0e} of a length",
    "size": _TEXTS[Reason.MEASURED_ROUNDING],
}
"""Numbers that stand in a sentence where they are known."""


def about_reason(result: Mapping[str, Any]) -> str:
    """Say why so much is allowed, or why there is no verdict; before format 2 it was a sentence."""
    reason, details = result["reason"], result.get("details", {})
    if reason not in _TEXTS:
        return str(reason)
    texts = [_TEXTS[reason].format(**details)]
    if reason in (Reason.CONTINUOUS, Reason.DIFFERENCES):
        texts += [text.format(**details) for key, text in _MORE.items() if key in details]
    return ", ".join(texts)


def about_source(document: Mapping[str, Any]) -> str:
    """Say where the crystals are from on which a model was verified."""
    source = str(document["source"])
    text = {
        "test": f"the test part of {source}",
        "memory": "crystals in memory",
        "built-in": "built-in crystals with elements of the run",
    }
    return text.get(document.get("part", ""), source)
