"""The figures of the report that speak of uncertainty."""

from matplotlib.figure import Figure

from xtalgraph.evidence.run_record import RunRecord
from xtalgraph.metrics.calibration import calibration_curve, error_by_std, miscalibration_area
from xtalgraph.plots.uncertainty import calibration_plot, error_std_plot, interval_plot


def uncertainty_figures(record: RunRecord) -> dict[str, tuple[Figure, str]]:
    """Draw what the run has: intervals, errors by spread, calibration.

    Args:
        record: The run.

    Returns:
        For each file name the figure and its caption.
    """
    drawn: dict[str, tuple[Figure, str]] = {}
    test = record.test_rows()
    true, said = record.targets[test], record.predictions[test]
    if "intervals" in record.uncertainty:
        lower, upper = record.beside["lower"][test], record.beside["upper"][test]
        common = {"name": record.target, "unit": record.unit}
        drawn["intervals"] = (
            interval_plot(true, said, lower, upper, **common),
            "Each test crystal with its interval, the narrowest first.",
        )
    if "std" in record.uncertainty:
        error, std = said - true, record.beside["std"][test]
        binned = error_by_std(error, std)
        drawn["error-by-spread"] = (
            error_std_plot(binned.std, binned.error, unit=record.unit),
            "Errors of crystals of similar standard deviation; on the line they are equal.",
        )
        area = miscalibration_area(error, std)
        drawn["calibration"] = (
            calibration_plot(*calibration_curve(error, std), area),
            "Share of crystals within multiples of the standard deviation: expected, observed.",
        )
    return drawn
