"""The sentences of a fine-tuning: did pre-training help, and what was known or is forgotten?"""

from collections.abc import Mapping
from typing import Any, Final

from xtalgraph.evidence.numbers import count, listing, plain, with_interval, with_unit
from xtalgraph.evidence.text.sentence import Sentence
from xtalgraph.metrics.bootstrap import Outcome
from xtalgraph.metrics.measures import MEASURES

_NAMED: Final = 5
"""Crystals that are named."""
_HELPED: Final = {
    Outcome.BETTER: "pre-training helped",
    Outcome.WORSE: "pre-training did harm",
    Outcome.NO_DIFFERENCE: "no significant difference to training from scratch",
}
_CHANGED: Final = {
    Outcome.BETTER: "the parent's own test part is predicted better than by the parent",
    Outcome.WORSE: "the parent's own test part is predicted worse than by the parent",
    Outcome.NO_DIFFERENCE: "the parent's own test part is predicted as well as by the parent",
}
_NO_FORGETTING: Final = {
    "other targets": "the run predicts other targets than its parent",
    "no data of the parent": "the data of the parent is not there",
    "all were learned again": "the whole test part of the parent was learned",
}


def about_transfer(document: Mapping[str, Any]) -> list[Sentence]:
    """Say what ``transfer.json`` tells of a parent, errors and their difference first."""
    sentences = [Sentence(_about_start(document["start"]))]
    sentences += [_about_target(name, figures) for name, figures in document["targets"].items()]
    if not document["targets"]:
        sentences.append(Sentence("The model was not trained from scratch for comparison."))
    sentences += _about_known(document)
    forgetting = document["forgetting"]
    if forgetting["measured"]:
        sentences += [
            _about_forgetting(name, figures) for name, figures in forgetting["targets"].items()
        ]
    else:
        reason = _NO_FORGETTING[forgetting["reason"]]
        sentences.append(Sentence(f"What was forgotten is not measured: {reason}."))
    return sentences


def _about_start(start: Mapping[str, Any]) -> str:
    heads = [f"the head of {listing(start['heads kept'])} kept"] if start["heads kept"] else []
    heads += [f"that of {listing(start['heads fresh'])} fresh"] if start["heads fresh"] else []
    new = start["elements the parent had not"]
    elements = f" The parent was not trained on {listing(new)}." if new else ""
    return f"Started from {start['parent']}, {listing(heads)}; depth: {start['depth']}.{elements}"


def _about_target(name: str, figures: Mapping[str, Any]) -> Sentence:
    outcome = Outcome(figures["paired"]["outcome"])
    verdict = _HELPED.get(outcome, "the difference is not defined")
    text = f"{name}: {verdict}. {_errors(figures, 'finetuned', 'fine-tuned', 'scratch')}."
    if "unseen" in figures:
        unseen = figures["unseen"]
        text += (
            f" On crystals that the parent was not trained on: "
            f"{_errors(unseen, 'finetuned', 'fine-tuned', 'scratch')}."
        )
    return Sentence(text, outcome is Outcome.WORSE)


def _about_forgetting(name: str, figures: Mapping[str, Any]) -> Sentence:
    outcome = Outcome(figures["paired"]["outcome"])
    text = f"{name}: {_CHANGED.get(outcome, 'the difference is not defined')}. "
    text += f"{_errors(figures, 'finetuned', 'fine-tuned', 'parent')}."
    return Sentence(text, outcome is Outcome.WORSE)


def _errors(figures: Mapping[str, Any], first: str, called: str, second: str) -> str:
    measure, unit = MEASURES[figures["measure"]].short, figures["unit"]
    values = [with_unit(plain(figures[name]["value"]), unit) for name in (first, second)]
    paired = figures["paired"]
    difference, bounds = with_interval(paired["difference"], paired["low"], paired["high"])
    interval = f" (95 % interval {bounds}, p = {plain(paired['p'], 2)})" if bounds else ""
    crystals = count(figures["crystals"], "test crystal")
    return (
        f"{measure} on {crystals}: {values[0]} {called}, {values[1]} {_OTHER[second]}, difference "
        f"{with_unit(difference, unit)}{interval}"
    )


_OTHER: Final = {"scratch": "from scratch", "parent": "of the parent"}


def _about_known(document: Mapping[str, Any]) -> list[Sentence]:
    """Say which test crystals the parent was trained on."""
    known = document["known"]
    if not known["checked"]:
        text = "The parent does not keep what it was trained on: test crystals may be among it."
        return [Sentence(text)]
    if known["rows"] == 0:
        return [Sentence("No test crystal was in the training part of the parent.")]
    named = listing(known["ids"][:_NAMED])
    more = " and others" if known["rows"] > _NAMED else ""
    text = (
        f"{known['rows']} of {count(known['of'], 'test crystal')} were in the training part of the "
        f"parent: {named}{more}. Their labels may differ, their structures are known to it."
    )
    return [Sentence(text, alarm=True)]
