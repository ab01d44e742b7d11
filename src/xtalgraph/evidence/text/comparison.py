"""The sentences of a comparison: which baselines is the model significantly better than?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from xtalgraph.evidence.numbers import count, listing
from xtalgraph.metrics.bootstrap import Outcome
from xtalgraph.metrics.measures import MEASURES

OWN: Final = "own models"
"""The level that holds no baselines: our architectures beside the assessed one."""
LEVELS: Final = ("mean", "composition", "structure descriptors", "public models")
"""The levels of the baselines, from the plainest on."""
BETTER: Final = (Outcome.BETTER, Outcome.UNDEFINED)
"""Outcomes that count as better: also against a baseline whose correlation is not defined."""
_WORDS: Final = {
    Outcome.BETTER: "significantly better",
    Outcome.WORSE: "significantly worse",
    Outcome.NO_DIFFERENCE: "no significant difference",
    Outcome.UNDEFINED: "better (n/a)",
    Outcome.UNKNOWN: "n/a",
}


@dataclass(frozen=True)
class Verdict:
    """The result of a comparison."""

    beats: bool
    """Whether the model is significantly better than every baseline on both measures."""
    complete: bool
    """Whether a baseline of every level was run."""
    headline: str
    """The answer, in a sentence that fits a headline."""
    sentences: tuple[str, ...]
    """The answer and its details."""


def parts_of(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the document of each target: one, of a potential several."""
    if "targets" not in document:
        return [document]
    return [{**document, **part} for part in document["targets"].values()]


def verdict_of(document: Mapping[str, Any]) -> Verdict:
    """Say which baselines the assessed model is significantly better and worse than."""
    verdicts = {part["target"]["name"]: _verdict_of(part) for part in parts_of(document)}
    if len(verdicts) == 1:
        return next(iter(verdicts.values()))
    common = [set(verdict.sentences[1:]) for verdict in verdicts.values()]
    shared = set.intersection(*common)
    assessed = document["assessed"]
    sentences = [
        f"{name}: {verdict.headline.removeprefix(f'{assessed} is ')}"
        for name, verdict in verdicts.items()
    ]
    beats = all(verdict.beats for verdict in verdicts.values())
    complete = all(verdict.complete for verdict in verdicts.values())
    behind = [name for name, verdict in verdicts.items() if not verdict.beats]
    headline = f"{assessed} is significantly better than every other potential."
    if behind:
        headline = (
            f"{assessed} is not significantly better than every other potential: see "
            f"{listing(behind)}."
        )
    return Verdict(beats, complete, headline, (headline, *sentences, *sorted(shared)))


def _verdict_of(document: Mapping[str, Any]) -> Verdict:
    """Say it of one target."""
    assessed = document["assessed"]
    baselines = [entry for entry in document["entries"] if entry["level"] != OWN]
    first, second = document["deciding"]
    better, worse = (
        {key: [entry for entry in baselines if entry["against"][key]["outcome"] in outcomes]
         for key in (first, second)}
        for outcomes in (BETTER, (Outcome.WORSE,))
    )  # fmt: skip
    both = [entry for entry in better[first] if entry in better[second]]
    behind = [entry for entry in baselines if entry in worse[first] or entry in worse[second]]
    beats = bool(baselines) and len(both) == len(baselines)
    headline = _headline(document, baselines, len(both), len(behind))
    sentences = [headline]
    if baselines and not beats:
        sentences += [sentence for key in (first, second) for sentence in _details(baselines, key)]
    undefined = [
        entry["name"]
        for entry in baselines
        if entry["against"][second]["outcome"] == Outcome.UNDEFINED
    ]
    if undefined:
        sentences.append(
            f"{MEASURES[second].short} is not defined for {listing(undefined)}; {assessed} "
            "counts as better."
        )
    levels = document.get("levels", LEVELS)
    missing = [level for level in levels if level not in {entry["level"] for entry in baselines}]
    if missing:
        sentences.append(
            f"Not run: {listing(missing)}. The result holds only for the baselines that were."
        )
    return Verdict(beats, not missing, headline, tuple(sentences))


def outcome_in_words(outcome: str) -> str:
    """Return how the assessed model compares with a baseline."""
    return _WORDS[Outcome(outcome)]


def rows_of(document: Mapping[str, Any]) -> str:
    """Say on how many rows the models are compared."""
    folds, rows = len(document["folds"]), count(document["rows"], "test row")
    return f"The {rows} of {count(folds, 'fold')} together." if folds > 1 else f"On {rows}."


def methods(document: Mapping[str, Any]) -> str:
    """Say how the numbers of a comparison were made."""
    assessed = document["assessed"]
    public = any(entry["name"].startswith("published-") for entry in document["entries"])
    note = (
        " Published predictions can be compared only if these test rows were held out of their "
        "training too."
        if public
        else ""
    )
    of_others = "the published ones" if "targets" not in document else "calculators of others"
    return (
        f"{rows_of(document)} Every model was trained on the same training rows, except "
        f"{of_others}. Small numbers are 95 % bootstrap intervals. The columns "
        f"{assessed} by {_measures(document)} give the difference of {assessed} and the model of "
        "the row, with its 95 % interval from a paired bootstrap over the same test rows. A "
        "difference is significant if this interval excludes 0. The intervals cover the choice "
        f"of the test rows, not the randomness of the training.{note}"
    )


def caveats(document: Mapping[str, Any]) -> list[str]:
    """Say what limits the conclusions."""
    sentences, limits = [], document["caveats"]
    if limits["published_on_other_split"]:
        names, split = listing(limits["published_on_other_split"]), document["settings"]["data"]
        sentences.append(
            f"{names}: the split is {split['split']}, not the folds that come with the data. These "
            "test rows may therefore have been in the training of the published predictions."
        )
    if limits["rejected"]:
        rows = count(limits["rejected"], "row")
        sentences.append(f"{rows} could not be used and are in no part; see rejected.csv.")
    return sentences


def _measures(document: Mapping[str, Any]) -> str:
    return " and ".join(MEASURES[key].short for key in document["deciding"])


def _headline(
    document: Mapping[str, Any], baselines: Sequence[Mapping[str, Any]], better: int, behind: int
) -> str:
    """The answer: how many baselines the model is better than on both measures, worse on any."""
    assessed, measures, total = document["assessed"], _measures(document), len(baselines)
    if not baselines:
        return f"{assessed} was compared with no baseline."
    if total == 1 and not better:
        (only,) = baselines
        outcomes = (
            f"{MEASURES[key].short} {outcome_in_words(only['against'][key]['outcome'])}"
            for key in document["deciding"]
        )
        return f"{assessed} against {only['name']}: {', '.join(outcomes)}."
    if better == total:
        every = baselines[0]["name"] if total == 1 else f"all {total} baselines"
        return f"{assessed} is significantly better than {every} in {measures}."
    worse = f", significantly worse than {behind}" if behind else ""
    none = better or "none"
    return (
        f"{assessed} is significantly better than {none} of {total} baselines{worse} ({measures})."
    )


def _details(baselines: Sequence[Mapping[str, Any]], key: str) -> list[str]:
    """One measure: the baselines by what the difference says."""
    by: dict[str, list[str]] = {}
    for entry in baselines:
        by.setdefault(entry["against"][key]["outcome"], []).append(entry["name"])
    phrases = [
        f"{words} {listing(by[outcome])}"
        for outcome, words in (
            (Outcome.BETTER, "significantly better than"),
            (Outcome.WORSE, "significantly worse than"),
            (Outcome.NO_DIFFERENCE, "no significant difference from"),
            (Outcome.UNKNOWN, "not defined, so not compared with"),
        )
        if outcome in by
    ]
    return [f"{MEASURES[key].short}: {'; '.join(phrases)}."] if phrases else []
