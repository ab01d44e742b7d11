"""Metrics and counts for the terminal."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from xtalgraph.evidence.numbers import count, meaningful, plain, with_interval
from xtalgraph.metrics.measures import MEASURES

if TYPE_CHECKING:
    import pandas as pd

    from xtalgraph.evidence.diagnostics.result import DiagnosticResult


def unusable(rows: int) -> str:
    """Say how many rows could not be used, after what was done with the others."""
    return f"{count(rows, 'row')} that could not be used"


def metrics_table(document: Mapping[str, Any], model: str) -> str:
    """Lay out the metrics of a target on the test part, as reported, a line for each predictor."""
    kind = "" if "reported" in document else f" ({document['target']['kind']})"
    document = document.get("reported", document)
    target = document["target"]
    unit = f", {target['unit']}" if target["unit"] else ""
    head = f"{target['name']}{unit}{kind}, {count(document['splits']['test'], 'test crystal')}"
    metrics = document["models"][model]["test"]
    keys = [key for key in MEASURES if key in metrics]
    rows = [["", *(MEASURES[key].short for key in keys)]]
    for name, figures in document["models"].items():
        rows.append([name, *(with_interval(**figures["test"][key])[0] for key in keys)])
    best = target["best"]
    recall = f"top-k: recall of the k with the {best}est {target['name']}; " if best else ""
    first, bounds = keys[0], with_interval(**metrics[keys[0]])[1]
    interval = f"{MEASURES[first].short} of {model}: 95 % interval {bounds}" if bounds else ""
    absent = "n/a: not defined here. " if kind or any("n/a" in row for row in rows) else ""
    return "\n".join([head, *aligned(rows), f"{recall}{absent}{interval}".rstrip()])


def metrics_tables(document: Mapping[str, Any]) -> str:
    """Lay out the test part of ``metrics.json``, a table for each target."""
    sections = document["targets"].values()
    return "\n\n".join(metrics_table(section, document["model"]) for section in sections)


def single_table(metrics: Mapping[str, Any]) -> str:
    """Lay out the metrics of one predictor with their intervals, a line for each."""
    rows = [["", "value", "95 % interval"]]
    for key in [key for key in MEASURES if key in metrics]:
        rows.append([MEASURES[key].short, *with_interval(**metrics[key])])
    return "\n".join(aligned(rows))


def aligned(rows: list[list[str]]) -> list[str]:
    """Return the rows as lines, the first column to the left and the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def results_table(results: "Sequence[DiagnosticResult]") -> str:
    """Lay out the results of a diagnosis, a line for each diagnostic."""
    from xtalgraph.evidence.pages.diagnosis import limit_of, number_of

    rows = [["", "verdict", "number", "alarm"]]
    rows += [
        [result.name, str(result.verdict), number_of(result), limit_of(result)]
        for result in results
    ]
    return "\n".join(aligned(rows))


_LISTED: Final = 10
"""How many of the best candidates the terminal shows."""


def screened_table(table: "pd.DataFrame", error: float | None) -> str:
    """Lay out the first candidates of a screening, with two digits of the error of the run."""
    wanted = {"std": 2, "expected_improvement": 2, "best_case": 3, "distance": 2}
    wanted |= {"expected_error": 2, "cost": 3}
    digits = {key: number for key, number in wanted.items() if key in table}
    rows = [["rank", "id", "formula", "prediction", *digits]]
    for line in table.head(_LISTED).to_dict("records"):
        prediction = meaningful(float(line["prediction"]), error)
        numbers = [plain(float(line[key]), number) for key, number in digits.items()]
        rows.append(
            [str(line["rank"]), str(line["id"]), str(line["formula"]), prediction, *numbers]
        )
    more = len(table) - _LISTED
    return "\n".join([*aligned(rows), *([f"... and {more} more in the table"] if more > 0 else [])])


def ablation_tables(document: Mapping[str, Any]) -> str:
    """Lay out ``ablate.json``: a table for each target, a line for each setting."""
    from xtalgraph.evidence.pages.ablation import mean_and_std
    from xtalgraph.evidence.text.ablation import errors_of_chosen, headline, measure_name

    tables = []
    for target in document["targets"]:
        measure, unit = measure_name(target), f", {target['unit']}" if target["unit"] else ""
        parts = ("validation", "test")
        keys = list(document["sweep"])
        head = [*keys, "runs", *(f"{part} {measure}" for part in parts), "parameters", "MAD"]
        rows = [head]
        for setting in document["settings"]:
            errors = setting["targets"].get(target["name"], {})
            last = (
                setting["smoothing"][-1]["mean average distance"] if setting["smoothing"] else None
            )
            rows.append(
                [
                    *(str(setting["settings"][key]) for key in keys),
                    f"{setting['done']}/{setting['runs']}",
                    *(mean_and_std(errors.get(part)) for part in parts),
                    str(setting["parameters"] or ""),
                    "n/a" if last is None else f"{last:.3f}",
                ]
            )
        tables.append("\n".join([f"{target['name']}{unit}", *aligned(rows)]))
    note = "MAD: mean average distance of neighbours after the last layer, 0 where all are alike."
    chosen = [headline(document), *errors_of_chosen(document)]
    return "\n\n".join([*tables, "\n".join([note, *chosen])])
