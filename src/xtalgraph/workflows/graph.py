"""Graph: what the periodic graph of a crystal looks like, in words, numbers and pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from xtalgraph.conventions.declarations import Spelled
from xtalgraph.conventions.errors import ConfigError, GraphError
from xtalgraph.conventions.settings import checks_arguments, settings_from
from xtalgraph.crystals.disorder import Disorder
from xtalgraph.data.table import Row, read_rows
from xtalgraph.graphs.reduction import DEFAULT_TOLERANCE
from xtalgraph.graphs.strategies import STRATEGIES, Strategy, parse_strategy, strategy_spec
from xtalgraph.graphs.summary import GraphSize, GraphSummary, compare_strategies, summarize
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.graph_pictures import Color, Pictures, radial_of
from xtalgraph.workflows.predict import load


@dataclass(frozen=True)
class DescribedGraphs:
    """The graph of each crystal."""

    rows: tuple[tuple[Row, GraphSummary | None], ...]
    """Each row with its summary; None where the row has a reason instead of a crystal, which is the
    strategy's where that refuses the crystal."""

    @property
    def bad(self) -> int:
        """Crystals without a graph."""
        return sum(summary is None for _, summary in self.rows)

    def documents(self) -> list[dict[str, Any]]:
        """Return plain values for each crystal, with g(r) or the reason."""
        documents = []
        for row, summary in self.rows:
            document: dict[str, Any] = {"id": row.id, "file": row.file}
            if summary is None or row.crystal is None:
                document["error"] = row.reason
            else:
                radial = radial_of(row.crystal, summary)
                document |= summary.as_dict()
                document["radial_distribution"] = None if radial is None else radial.as_dict()
            documents.append(document)
        return documents


@dataclass(frozen=True)
class ComparedGraphs:
    """The graphs that several strategies make of each crystal."""

    strategies: tuple[str, ...]
    """Each in a word."""
    rows: tuple[tuple[Row, list[GraphSize | str]], ...]
    """Each row with the result of each strategy, a reason where it refuses the crystal; none where
    the row has no crystal."""

    @property
    def bad(self) -> int:
        """Crystals without a graph of each strategy."""
        wanted = len(self.strategies)
        return sum(
            sum(isinstance(size, GraphSize) for size in sizes) < wanted for _, sizes in self.rows
        )

    def documents(self) -> list[dict[str, Any]]:
        """Return plain values for each crystal: its graphs, or the reason."""
        documents = []
        for row, sizes in self.rows:
            document: dict[str, Any] = {"id": row.id, "file": row.file}
            if row.crystal is None:
                document["error"] = row.reason
            else:
                document["graphs"] = [
                    {"strategy": word, "error": size} if isinstance(size, str) else size.as_dict()
                    for word, size in zip(self.strategies, sizes, strict=True)
                ]
            documents.append(document)
        return documents


@checks_arguments
def graph(
    files: Any,
    *,
    strategy: Annotated[str | None, Spelled("NAME[:SETTING...]")] = None,
    run: Annotated[str | Path | None, Spelled("RUN")] = None,
    cutoff: Annotated[float | None, Spelled("Å")] = None,
    neighbors: Annotated[int | None, Spelled("K")] = None,
    compare: Annotated[Sequence[str], Spelled("STRATEGY...")] = (),
    reduction_tolerance: Annotated[
        float | None, Spelled("Å", default=f"{DEFAULT_TOLERANCE:g}, or that of the run")
    ] = None,
    disorder: Disorder = "refuse",
    html: str | Path | None = None,
    png: str | Path | None = None,
    color: Color = "element",
    plot: str | Path | None = None,
) -> DescribedGraphs | ComparedGraphs:
    """Describe the graph of every crystal in some sources, or compare the graphs of strategies.

    Args:
        files: Files, folders, tables, structures.
        strategy: radius:5 (Å), knn:12, hybrid:12:8 (nearest, Å), knn-strict:12:8, bonded:crystalnn;
            without settings, their defaults. Without it, that of `train`.
        run: The graph that the model of a run reads.
        cutoff: Longest edge (radius: 5, hybrid: 8).
        neighbors: Nearest to keep (knn, hybrid: 12).
        compare: Strategies to compare, as radius:5 knn:12 hybrid:12:8.
        reduction_tolerance: Distances this close are merged in the symmetry reduction; 0 reduces
            nothing.
        disorder: Crystals with mixed or partly empty sites.
        html: Write a page to turn the crystal in, a folder of several.
        png: Write a picture of the crystal, or a folder.
        color: Colours of --html and --png: elements, or symmetry classes.
        plot: Plot g(r), edges and degrees (.png or .svg), or a folder.

    Raises:
        ConfigError: If the options contradict each other, or a picture cannot be written.
        RunError: If ``run`` is not a finished run.
    """
    if compare:
        if any(path is not None for path in (html, png, plot)):
            raise ConfigError("--compare draws no picture; leave out --html, --png and --plot")
        if any(value is not None for value in (strategy, run, cutoff, neighbors)):
            raise ConfigError(
                "--compare names its strategies itself, as in --compare radius:5 knn:12; leave out "
                "--strategy, --run, --cutoff and --neighbors"
            )
        return _compared(
            _rows(files, disorder),
            [parse_strategy(spec) for spec in compare],
            DEFAULT_TOLERANCE if reduction_tolerance is None else reduction_tolerance,
        )
    pictures = Pictures(html, png, plot, color)
    chosen, tolerance = _chosen(strategy, run, cutoff, neighbors, reduction_tolerance)
    rows = tuple(_described(_rows(files, disorder), chosen, tolerance))
    shown = [
        (row.id, row.crystal, summary)
        for row, summary in rows
        if row.crystal is not None and summary is not None
    ]
    pictures.write(shown, chosen, len(rows))
    return DescribedGraphs(rows)


def _described(
    rows: Iterator[Row], strategy: Strategy, tolerance: float
) -> Iterator[tuple[Row, GraphSummary | None]]:
    for row in rows:
        summary = None
        if row.crystal is not None:
            try:
                summary = summarize(row.crystal, strategy, tolerance)
            except GraphError as error:
                row = replace(row, crystal=None, reason=str(error))  # noqa: PLW2901
        yield row, summary


def _compared(
    rows: Iterator[Row], strategies: Sequence[Strategy], tolerance: float
) -> ComparedGraphs:
    words = tuple(strategy_spec(strategy) for strategy in strategies)
    compared = []
    for row in rows:
        crystal = row.crystal
        sizes = [] if crystal is None else compare_strategies(crystal, strategies, tolerance)
        compared.append((row, sizes))
    return ComparedGraphs(words, tuple(compared))


def _rows(sources: Any, disorder: str) -> Iterator[Row]:
    alone = isinstance(sources, list | tuple) and len(sources) == 1
    return read_rows(sources[0] if alone else sources, disorder)


def _chosen(
    spec: str | None,
    run: str | Path | None,
    cutoff: float | None,
    neighbors: int | None,
    tolerance: float | None,
) -> tuple[Strategy, float]:
    """Return the strategy, and the tolerance of the symmetry reduction in Å."""
    given: dict[str, Any] = {"cutoff": cutoff, "max_neighbors": neighbors}
    settings = {key: value for key, value in given.items() if value is not None}
    if run is not None:
        if settings or spec is not None:
            raise ConfigError(
                "--run takes the graph of the run: leave out --strategy, --cutoff and --neighbors"
            )
        of_run = load(run).spec.make_graph_settings()
        return of_run.strategy, of_run.reduction_tolerance if tolerance is None else tolerance
    tolerance = DEFAULT_TOLERANCE if tolerance is None else tolerance
    chosen = _default_strategy() if spec is None else parse_strategy(spec)
    if settings and spec is not None and ":" in spec:
        raise ConfigError(
            f"give the settings either in --strategy {spec} or by --cutoff and --neighbors"
        )
    if neighbors is not None and "max_neighbors" not in chosen.positional:
        raise ConfigError(
            f"--neighbors goes with --strategy hybrid or knn; {chosen.name} keeps all neighbours"
        )
    if not settings:
        return chosen, tolerance
    return settings_from(STRATEGIES[chosen.name], vars(chosen) | settings, "graph"), tolerance


def _default_strategy() -> Strategy:
    """Return the strategy of a training whose settings name no graph."""
    sections = {"data": {"path": "any", "target": "any"}}
    return RunConfig.from_sections(sections).spec.make_strategy()
