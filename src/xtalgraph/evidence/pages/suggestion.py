"""The page of a suggestion: the batch with pictures, and what such choices would have saved."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from xtalgraph.data.targets import Target
from xtalgraph.evidence.numbers import plain
from xtalgraph.evidence.pages.markup import Html, figure, paragraph, section, table
from xtalgraph.evidence.pages.screening import Candidate, write_screen_page
from xtalgraph.evidence.text.suggestion import chosen_by, headline
from xtalgraph.metrics.acquisition import Aim
from xtalgraph.metrics.batches import STRATEGIES, SearchRecord, Strategy
from xtalgraph.plots.curves import Curve, curves_plot
from xtalgraph.plots.export import figure_to_svg, inline_svg


def write_suggest_page(
    folder: Path,
    batch: Sequence[Candidate],
    *,
    target: Target,
    aim: Aim,
    by: str,
    candidates: int,
    error: float | None,
    record: SearchRecord | None,
    savings: Sequence[str],
) -> Path:
    """Write ``suggest.html``, one file that loads nothing.

    Args:
        folder: Where to.
        batch: The crystals, in the order of choice.
        target: What was predicted.
        aim: What is wanted.
        by: What makes a calculation worth it.
        candidates: How many there were.
        error: Mean absolute error of the model, two digits of which are shown of a prediction.
        record: Of simulated searches; None where there are none.
        savings: The same in sentences.
    """
    parts = [paragraph(sentence) for sentence in savings]
    if record is not None:
        parts += [_picture(record, by), _numbers(record)]
    return write_screen_page(
        folder,
        batch,
        target=target,
        title=headline(len(batch), candidates, aim, target.name, by),
        ranking=f"chosen one after the other by {chosen_by(by)}",
        error=error,
        file="suggest.html",
        further=[section("saved", "What it would have saved", parts)],
    )


def _picture(record: SearchRecord, by: str) -> str:
    calculations = np.arange(1, record.rows + 1, dtype=float)
    curves = [
        Curve(calculations, 100 * record.curves[strategy], _named(strategy), _role(strategy, by))
        for strategy in STRATEGIES
    ]
    drawn = curves_plot([curves], xlabel="calculations", ylabel="of the best crystals (%)")
    text = "Share of the best crystals that a search has computed, by the number of calculations"
    return figure(Html(inline_svg(figure_to_svg(drawn), "saved", text)), text)


def _role(strategy: Strategy, by: str) -> str:
    if strategy == by:
        return "model"
    return {"random": "beside", "prediction": "truth"}.get(strategy, "other")


def _numbers(record: SearchRecord) -> str:
    rows = []
    for strategy in STRATEGIES:
        mean, low, high = record.saved(strategy)
        needed = plain(float(record.calculations[strategy].mean()))
        interval = "" if strategy == "random" else f"{plain(low)} to {plain(high)}"
        rows.append([_named(strategy), needed, plain(mean), interval])
    return table(["", "calculations", "saved", "95 % interval"], rows, "numbers")


def _named(strategy: str) -> str:
    return strategy.replace("-", " ")
