"""What labels and a split show, in sentences."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from xtalgraph.data.leaks import DUPLICATE_TOLERANCE, REPEATED_TOLERANCE
from xtalgraph.data.targets import Kind, Target
from xtalgraph.evidence.numbers import count, percent, plain, with_unit
from xtalgraph.evidence.text.sentence import Sentence

_PARTS: Final = {"test": "test", "val": "validation"}


def about_division(division: Mapping[str, Any], targets: Sequence[Target]) -> list[Sentence]:
    """Say what labels and split of a run show."""
    facts = division.get("labels", {})
    sentences = [
        sentence
        for target in targets
        if target.name in facts
        for sentence in about_labels(facts[target.name], target)
    ]
    return sentences + about_split(division, targets[0])


def about_labels(facts: Mapping[str, Any], target: Target) -> list[Sentence]:
    """Say what is remarkable about the labels of a target; all of it are warnings."""
    name, texts = repr(target.name), []
    if facts["constant"]:
        texts.append(_about_constant(facts["constant"], target))
    if facts["outlying"]:
        texts.append(_about_outlying(facts["outlying"], target))
    if facts["rounded"]:
        deviation, step = (f"{facts['rounded'][key]:.2g}" for key in ("deviation", "step"))
        texts.append(
            f"The labels {name} differ by {deviation} on average, and numbers of their size are "
            f"rounded to {step} in single precision. Subtract a reference from them, or set "
            "training.precision=64-true."
        )
    if facts["kind_of_unit"]:
        total = facts["kind_of_unit"] == Kind.EXTENSIVE
        texts.append(
            f"{name} is declared {target.kind}, but its unit {target.unit} is that of "
            f"{'a total of the cell' if total else 'a mean'}. Use --kind {facts['kind_of_unit']}, "
            "or correct --unit."
        )
    if facts["kind_of_values"]:
        texts.append(_about_kind(facts["kind_of_values"], target))
    return [Sentence(text, alarm=True) for text in texts]


def _about_constant(facts: Mapping[str, Any], target: Target) -> str:
    value = f"{facts['value']:g}"
    if target.classes is not None:
        value = repr(target.classes[int(facts["value"])])
    where = " of the training part" if facts["training_only"] else ""
    return (
        f"All {facts['rows']} labels {target.name!r}{where} are {value}, so there is nothing to "
        "learn from them. Check that this is the intended column, and that the split leaves other "
        "labels in the training part."
    )


def _about_outlying(facts: Mapping[str, Any], target: Target) -> str:
    named = ", ".join(
        f"{name}{'' if row is None else f' (row {row})'}: {value:g}"
        for name, row, value in facts["first"]
    )
    more = facts["count"] - len(facts["first"])
    rest = f" and {more} more" if more > 0 else ""
    per_atom = " per atom" if target.kind is Kind.EXTENSIVE else ""
    median, deviation = (
        with_unit(text, target.unit) + per_atom
        for text in (f"{facts['median']:g}", f"{facts['deviation']:.3g}")
    )
    labels = f"{count(facts['count'], 'label')} {target.name!r}"
    return (
        f"{labels} {'differs' if facts['count'] == 1 else 'differ'} from all others by at least "
        f"10 robust standard deviations: {named}{rest}. The median is {median}, the standard "
        f"deviation {deviation}. Check for another unit, a typing error, or a number that marks a "
        "missing value."
    )


def _about_kind(facts: Mapping[str, Any], target: Target) -> str:
    unit = f" {target.unit}" if target.unit else ""
    low, high = facts["atoms"]
    numbers = (
        f"The cells have {low} to {high} atoms. The labels deviate from their median by "
        f"{facts['deviation']:.3g}{unit}, and by {facts['deviation_per_atom']:.3g} when divided by "
        f"the number of atoms; at the mean size the ratio is {facts['ratio']:.2g} (90\u00a0% "
        f"interval {facts['low']:.2g} to {facts['high']:.2g}; below 1 for totals, above for means)."
    )
    if facts["kind"] == Kind.EXTENSIVE:
        return (
            f"{target.name!r} is declared intensive, but its labels behave like totals of the "
            f"cell. {numbers} Use --kind extensive, or divide the labels by the number of atoms."
        )
    return (
        f"{target.name!r} is declared extensive, but its labels behave like means, which do not "
        f"grow with the cell. {numbers} Use --kind intensive if that is what they are."
    )


def about_split(division: Mapping[str, Any], target: Target) -> list[Sentence]:
    """Say what the parts of a split share, and what the order of the file does."""
    leaks = division.get("leaks") or {}
    sentences = []
    for part, name in _PARTS.items():
        shared = {leak["shares"]: leak for leak in leaks.get("shared", []) if leak["part"] == part}
        sentences += _about_shared(shared, name) if shared else []
    if leaks.get("repeated"):
        sentences += _about_repeated(leaks["repeated"], target)
    if (division.get("order") or {}).get("sorted"):
        sentences.append(_about_order(division["order"]))
    equal = division.get("equal")
    if equal and equal["constant_mae"] is not None:
        value, error = (
            with_unit(text, target.unit)
            for text in (f"{equal['value']:g}", f"{equal['constant_mae']:.3g}")
        )
        sentences.append(
            Sentence(
                f"{equal['rows']} of {equal['of']} labels ({_share(equal)}) are {value}. "
                f"Predicting this value for every crystal gives a test MAE of {error}. Look at the "
                "errors of the other crystals, or first predict which crystals have this value "
                "(--task classification).",
                alarm=True,
            )
        )
    return sentences


def _about_shared(shared: Mapping[str, Mapping[str, Any]], part: str) -> list[Sentence]:
    formula, prototype, copies = (shared[key] for key in ("formula", "prototype", "structure"))
    if formula["rows"] == 0:
        return [Sentence(f"No {part} row shares its formula with a training row.")]
    text = (
        f"{formula['rows']:,} of {formula['of']:,} {part} rows ({_share(formula)}) share their "
        f"formula with a training row. {prototype['rows']:,} ({_share(prototype)}) also have the "
        f"prototype and the elements of one, and {copies['rows']:,} ({_share(copies)}) the same "
        "structure."
    )
    if prototype["unknown"]:
        text += f" The prototype of {prototype['unknown']} of them could not be determined."
    sentences = [Sentence(text)]
    if copies["rows"]:
        sentences.append(
            Sentence(
                f"{copies['rows']} of {copies['of']} {part} rows hold a crystal that is also in "
                f"the training part (within {DUPLICATE_TOLERANCE:g} Å). The model has seen these "
                "structures, so its error on them is not a test error. --split formula keeps such "
                "rows together.",
                alarm=True,
            )
        )
    return sentences


def _about_repeated(repeated: Mapping[str, Any], target: Target) -> list[Sentence]:
    if repeated["rows"] == 0:
        return []
    text = (
        f"{repeated['rows']} rows hold a crystal that is also in another row (within "
        f"{REPEATED_TOLERANCE:g} Å)"
    )
    if repeated["median"] is None or repeated["largest"] is None:
        return [Sentence(f"{text}.")]
    if repeated["different"] == 0:
        return [Sentence(f"{text}, with the same label.")]
    unit = target.unit_per_atom if target.kind is Kind.EXTENSIVE else target.unit
    median, largest = (with_unit(plain(repeated[key], 2), unit) for key in ("median", "largest"))
    return [
        Sentence(
            f"{text}. The labels of {repeated['different']} of {repeated['pairs']} such pairs "
            f"differ: by {median} in the median of all pairs, and by at most {largest}. No model "
            "can be more accurate than that for them.",
            alarm=True,
        )
    ]


def _about_order(order: Mapping[str, Any]) -> Sentence:
    text = (
        "The file is sorted by its target (rank correlation with the row "
        f"{plain(order['correlation'], 2)})"
    )
    if order["test_is_block"]:
        return Sentence(
            f"{text}, and the test part is one block of it, so its targets differ from those of "
            "the training part. Use a random split, unless you want to test extrapolation.",
            alarm=True,
        )
    return Sentence(f"{text}. The test part is not a block of it, so the split does not follow "
                    "the order.")  # fmt: skip


def _share(counted: Mapping[str, Any]) -> str:
    return percent(counted["rows"] / counted["of"]) if counted["of"] else percent(0.0)
