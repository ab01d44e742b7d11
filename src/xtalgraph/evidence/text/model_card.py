"""The card of a model in words: what it predicts, how well, and for what it is not."""

from textwrap import wrap
from typing import Final

from xtalgraph.evidence.model_card import GeneratorCard, ModelCard, TargetError
from xtalgraph.evidence.numbers import count, percent, plain, with_interval, with_unit
from xtalgraph.metrics.measures import MEASURES

_WIDTH: Final = 96
_LABEL: Final = 13


def predicts(card: ModelCard) -> str:
    """Say what a model predicts, with units."""
    if card.spec.pretraining:
        return "nothing: a training starts from it (xtalgraph finetune)"
    return ", ".join(
        with_unit(target.name, f"({target.unit})" if target.unit else "")
        for target in card.spec.targets
    )


def model_and_errors(card: ModelCard) -> str:
    """Say the architecture, and the error of each target on the test part, without intervals."""
    if card.spec.pretraining:
        return f"{card.spec.encoder}, pre-trained without labels"
    errors = "; ".join(with_unit(plain(error.value), error.target.unit) for error in card.errors)
    return f"{card.spec.encoder}, test error {errors or 'not known'}"


def card_text(card: ModelCard | GeneratorCard) -> str:
    """Return the card as lines for the terminal."""
    if isinstance(card, GeneratorCard):
        return _generator_text(card)
    written = card.about
    brings = [count(card.members, "member")]
    knows_errors = card.members > 1 or card.spec.variance
    brings += ["standard deviation"] if knows_errors and not card.spec.pretraining else []
    brings += ["90 % intervals"] if card.has_intervals else []
    brings += ["novelty"] if card.knows_novelty else []
    without = "" if card.spec.pretraining else "not known: it was converted"
    lines = {
        "predicts": predicts(card),
        "model": f"{card.spec.encoder}; {', '.join(brings)}",
        "trained on": written.get("trained_on", ""),
        "crystals": ", ".join(f"{size:,} {part}" for part, size in card.crystals.items()),
        "elements": f"{len(card.elements)}: {' '.join(card.elements)}",
        "held out": written.get("held_out", ""),
        "test error": "\n".join(map(_error, card.errors)) or without,
        "not for": written.get("not_for", ""),
        "license": written.get("license", ""),
        "reference": written.get("reference", ""),
        "folder": f"{card.folder}, {card.bytes / 1e6:.1f} MB",
    }
    title = f"{card.name}: {written['title']}" if "title" in written else card.name
    return "\n".join([title, *(_laid_out(name, text) for name, text in lines.items() if text)])


def _generator_text(card: GeneratorCard) -> str:
    known = [f"{name} {plain(loss)}" for name, loss in card.losses.items() if loss is not None]
    lines = {
        "draws": "crystals of a given composition (xtalgraph generate); it predicts nothing",
        "crystals": ", ".join(f"{size:,} {part}" for part, size in card.crystals.items()),
        "compositions": f"{card.compositions:,} in the training part",
        "elements": f"{len(card.elements)}: {' '.join(card.elements)}",
        "losses": f"{', '.join(known)}; 1 knows nothing" if known else "",
        "folder": f"{card.folder}, {card.bytes / 1e6:.1f} MB",
    }
    return "\n".join([card.name, *(_laid_out(n, text) for n, text in lines.items() if text)])


def _error(error: TargetError) -> str:
    value, bounds = with_interval(error.value, error.low, error.high)
    unit = error.target.unit
    text = f"{error.target.name}: {MEASURES[error.measure].short} {with_unit(value, unit)}"
    text += f" (95 % interval {bounds})" if bounds else ""
    text += f" on {count(error.crystals, 'test crystal')}"
    others = [f"{name} {plain(other)}" for name, other in error.baselines.items()]
    text += f"; {', '.join(others)}" if others else ""
    if error.coverage is not None:
        text += f"; the 90 % intervals hold {percent(error.coverage)} of the labels"
    return text


def _laid_out(name: str, text: str) -> str:
    lines = [line for part in text.splitlines() for line in wrap(part, _WIDTH - _LABEL - 2) or [""]]
    return "\n".join(
        f"  {(name if number == 0 else '').ljust(_LABEL)}{line}"
        for number, line in enumerate(lines)
    )
