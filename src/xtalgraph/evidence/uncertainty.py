"""The part of the report that says how sure the predictions are, and whether that was true."""

from xtalgraph.evidence.figures import TargetFigures
from xtalgraph.evidence.markup import Content, figure, paragraph, section, table
from xtalgraph.evidence.numbers import percent, plain, with_unit
from xtalgraph.evidence.run_record import RunRecord
from xtalgraph.evidence.target_sections import heading_of


def uncertainty_alarms(record: RunRecord) -> list[str]:
    """What of the uncertainty did not hold, in sentences.

    Args:
        record: The run.
    """
    said = record.uncertainty.get("said", [])
    return [_sentence(one["text"]) for one in said if one["alarm"]]


def uncertainty_section(record: RunRecord, drawn: TargetFigures) -> str:
    """The sentences, the numbers and the figures.

    Args:
        record: The run.
        drawn: Its figures.

    Returns:
        HTML; empty where the run says nothing of its uncertainty.
    """
    sentences = [*record.uncertainty.get("said", []), *record.novelty.get("said", [])]
    pictures = "".join(figure(*one) for one in drawn.uncertainty)
    said = [paragraph(_sentence(one["text"])) for one in sentences]
    rows = _rows(record)
    return section(
        *heading_of(record, "uncertainty", "Uncertainty"),
        [
            *said,
            table(["On the test set", ""], rows, "numbers") if rows else "",
            f'<div class="pair">{pictures}</div>' if pictures else "",
        ],
    )


def _rows(record: RunRecord) -> list[list[Content]]:
    rows: list[list[Content]] = []
    intervals, std = (record.uncertainty.get(key) for key in ("intervals", "std"))
    if intervals:
        held = intervals["coverage"]
        low, high = percent(held["low"], 3), percent(held["high"], 3)
        width = with_unit(plain(intervals["sharpness"]), record.unit)
        rows += [
            ["promised", percent(intervals["level"])],
            ["inside (95 % binomial interval)", f"{percent(held['value'], 3)} ({low} to {high})"],
            ["mean width", width],
            ["crystals that calibrated", f"{intervals['calibrating']:,}"],
        ]
    if std:
        how = ", with a learned variance" if record.uncertainty.get("learned") else ""
        area, chance = (plain(std[f"sparsification_{key}"]) for key in ("area", "chance"))
        rows += [
            ["members", f"{record.uncertainty['members']}{how}"],
            ["rank correlation of standard deviation and error", plain(std["rank_of_errors"])],
            ["miscalibration area (0 is best, 0.5 worst)", plain(std["miscalibration_area"])],
            ["sparsification area (0 is best; chance)", f"{area} ({chance})"],
        ]
    return rows


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
