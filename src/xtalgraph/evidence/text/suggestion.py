"""The sentences of a suggestion: how the batch was chosen, and what that would have saved."""

from typing import Final

from xtalgraph.evidence.numbers import count, plain
from xtalgraph.metrics.acquisition import Aim
from xtalgraph.metrics.batches import STRATEGIES, SearchRecord

_BY: Final = {
    "upper-bound": "the best value within one expected error",
    "expected-improvement": "the expected improvement over the best known value",
    "prediction": "the prediction alone",
    "uncertainty": "the largest expected error, whatever is predicted",
    "random": "at random",
}
_WHY: Final = {
    "uncertainty": "What the batch saves is not simulated: with --by uncertainty it is to improve "
    "the model, not to find a crystal.",
    "data": "What such choices would have saved is not known, because the crystals of the run are "
    "not where they were: give them with --data.",
    "few": "What such choices would have saved is not known: the run has too few crystals that it "
    "has not learned.",
}


def chosen_by(by: str) -> str:
    """Say by what a batch is chosen."""
    return _BY[by]


def headline(batch: int, candidates: int, aim: Aim, name: str, by: str) -> str:
    """Say what the page and the table hold."""
    wanted = "a better model" if by == "uncertainty" else aim.words(name)
    return f"{count(batch, 'crystal')} of {candidates:,} candidates to compute next, for {wanted}"


def why_not_simulated(reason: str) -> str:
    """Say why it is not known what a batch saves."""
    return _WHY[reason]


def savings_of(record: SearchRecord, by: str) -> tuple[str, ...]:
    """Say what the way that was asked for would have saved, and whether another is better."""
    chosen = next(strategy for strategy in STRATEGIES if strategy == by)
    mean, low, high = record.saved(chosen)
    needed = float(record.calculations[chosen].mean())
    at_random = float(record.calculations["random"].mean())
    saved = (
        f"Among {record.rows:,} held-out crystals four fifths of the best {record.wanted} were "
        f"there after {plain(needed)} calculations, at random after {plain(at_random)}: "
        f"{plain(mean)} saved (95 % interval {plain(low)} to {plain(high)}, "
        f"{len(record.calculations[chosen])} repetitions)."
    )
    best = min(STRATEGIES, key=lambda strategy: record.calculations[strategy].mean())
    other = float(record.calculations[best].mean())
    if best == chosen or other > 0.9 * needed:
        return (saved,)
    return (saved, f"There --by {best} took {plain(other)} calculations only.")
