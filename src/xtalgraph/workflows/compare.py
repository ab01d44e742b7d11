"""Compare: a model against the baselines, on one split or on folds."""

import json
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Unpack, final

import pandas as pd
import yaml

from xtalgraph.conventions.declarations import Spelled
from xtalgraph.conventions.documents import write_json
from xtalgraph.conventions.errors import ConfigError, RunError
from xtalgraph.conventions.files import write_atomically
from xtalgraph.conventions.logs import log
from xtalgraph.data.dataset import Dataset
from xtalgraph.evidence.assessment import assess_labels
from xtalgraph.evidence.leaderboard import EntryResult, Fold, as_table
from xtalgraph.evidence.pages.comparison import write_leaderboard
from xtalgraph.evidence.text.comparison import Verdict, verdict_of
from xtalgraph.evidence.text.data import about_labels
from xtalgraph.evidence.text.division import about_drawing
from xtalgraph.metrics.measures import error_of, rank_of
from xtalgraph.workflows.claim import sole_writer
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.executor import Session
from xtalgraph.workflows.leaderboard.catalogue import BASELINES, compared_with, own_entries
from xtalgraph.workflows.leaderboard.entry import Case, LeaderboardEntry, entry_documents
from xtalgraph.workflows.leaderboard.potential_assessment import DECIDING, LEVELS, assess_potentials
from xtalgraph.workflows.leaderboard.potentials import POTENTIALS
from xtalgraph.workflows.leaderboard.running import run_entries
from xtalgraph.workflows.preflight import check_ahead
from xtalgraph.workflows.prepared import Preparations, known_folds
from xtalgraph.workflows.record import hardware, versions
from xtalgraph.workflows.rejections import check_rejected, stop_at_rejected
from xtalgraph.workflows.request import Request
from xtalgraph.workflows.setting_names import SeededOptions, with_settings
from xtalgraph.workflows.train import announce_all


@final
@dataclass(frozen=True)
class Comparison:
    """A finished comparison on disk."""

    folder: Path
    """Where it is."""

    @classmethod
    def open(cls, folder: str | Path) -> "Comparison":
        """Open a folder that `compare` wrote; a `RunError` if no comparison was finished there."""
        path = Path(folder)
        if not (path / "compare.json").is_file():
            raise RunError(
                f"{path} holds no compare.json: it is not the folder of a comparison, or that has "
                "not ended; repeat its `xtalgraph compare` command"
            )
        return cls(path)

    @cached_property
    def document(self) -> dict[str, Any]:
        """The content of ``compare.json``."""
        document: dict[str, Any]
        document = json.loads((self.folder / "compare.json").read_text(encoding="utf-8"))
        return document

    @property
    def verdict(self) -> Verdict:
        """Which baselines the model is significantly better than, with its sentences."""
        return verdict_of(self.document)

    @cached_property
    def table(self) -> pd.DataFrame:
        """The content of ``compare.csv``: a row for each model."""
        return pd.read_csv(self.folder / "compare.csv")


@with_settings
def compare(
    data: Any,
    *,
    out: Annotated[str | Path, Spelled("DIR")],
    models: Annotated[
        Sequence[str] | None, Spelled("A,B,...", True, choices="xtalgraph.models.registry:ENCODERS")
    ] = None,
    baselines: Annotated[
        Sequence[str] | None, Spelled("A,B,...", True, choices=(*BASELINES, *POTENTIALS))
    ] = None,
    published: Annotated[str | Path | None, Spelled("FILE.csv")] = None,
    calculator: Annotated[Sequence[str] | None, Spelled("MODULE:NAME,...", True)] = None,
    progress: bool = True,
    **options: Unpack[SeededOptions],
) -> Comparison:
    """Compare a model with simpler ones and with those of others, on the same split.

    Our architectures have as many members as `train` gives them, or ``training.members``; the
    networks of others are single.

    What is in the folder already is taken from there: a comparison that was killed goes on when the
    command is repeated. What another setting decides is computed beside it.

    Args:
        data: A file, folder, table, DataFrame or list of crystals, or the name of a known data set.
        out: Folder of the comparison.
        models: Our architectures, the first of which is assessed. It has the settings of the
            section ``model``; the others have their defaults. Without them that of the
            configuration.
        baselines: Baselines, by default all.
        published: Predictions by others: a column of ids, and a column for each model.
        calculator: Calculators of ASE to compare a potential with, or what makes them, as
            ``package.module:name``.
        progress: Show progress bars on standard error.
        **options: Settings, of every network; one target, or a potential. Without a test fold all
            folds are tested, where the split has folds, which are random where no split is given.

    Raises:
        ConfigError: On settings that cannot be.
        InputError: If the data cannot be used.
        RunError: If an entry was tested on other crystals than the rest, or another process writes
            into the folder.
    """
    asked = Request.of(data, {"model": models[0] if models else None, **options})
    request = asked.recommended()
    resolved, every = _resolved(request)
    given = asked.sections.get("training", {}).get("members")
    members = None if given is None else resolved.training.members
    ours = own_entries(models or [resolved.spec.encoder], members)
    others = compared_with(resolved, baselines, published, calculator or ())
    check_ahead(request.data, request.known, resolved)
    folder = Path(out)
    with sole_writer(folder):
        began = time.monotonic()
        cases = _cases(folder, request, resolved, every, Session(progress=progress))
        document = _measured(ours[0], [*others, *ours], cases, progress)
        if every:
            document["settings"]["data"]["fold"] = None
        repeat = {
            "data": data,
            "out": folder,
            "models": models,
            "baselines": baselines,
            "published": published,
            "calculator": calculator,
        }
        seconds = time.monotonic() - began
        document["record"] = _record(repeat, cases, document["settings"], seconds)
        _write(folder, document)
    return Comparison(folder)


def _resolved(request: Request) -> tuple[RunConfig, bool]:
    """Return the settings, and whether every fold is the test once."""
    sections = {name: dict(section) for name, section in request.sections.items()}
    if sections["data"].get("folds") is not None:
        sections["data"].setdefault("split", "folds")
    given = sections["data"]
    has_folds = given.get("folds") is not None or given.get("split") == "folds"
    every = has_folds and given.get("fold") is None
    if every:
        sections["data"]["fold"] = 0  # any, until the folds are known
    resolved = RunConfig.from_sections(sections)
    if resolved.spec.is_potential:
        return resolved, every
    if len(resolved.targets) > 1:
        names = ", ".join(target.name for target in resolved.targets)
        raise ConfigError(f"compare takes one target, got {names}: compare each by itself")
    if not (resolved.targets[0].tensor.is_scalar or resolved.targets[0].is_tensor):
        raise ConfigError(
            f"compare takes a number or a tensor, got {resolved.targets[0].described}: write the "
            "numbers of a list in columns, and compare each by itself"
        )
    return resolved, every


def _measured(
    assessed: LeaderboardEntry,
    entries: Sequence[LeaderboardEntry],
    cases: Sequence[Case],
    progress: bool,
) -> dict[str, Any]:
    """Run everything, and return the content of ``compare.json`` but its record."""
    results, not_run = run_entries(entries, cases)
    if assessed not in results:
        raise ConfigError(f"{assessed.name} cannot be run: {not_run[-1]['reason']}")
    log.info("measuring %d models with their intervals", len(results))
    document = _document(cases, results, not_run, assessed, progress)
    verdict = verdict_of(document)
    document["verdict"] = {"beats": verdict.beats, "complete": verdict.complete}
    return document


def _cases(
    folder: Path, request: Request, config: RunConfig, every: bool, session: Session
) -> list[Case]:
    """Read the crystals, leave out what the assessed model cannot read, and divide the rest."""
    announce_all(config)
    preparations = Preparations(request)
    chosen: list[int | None] = [config.data.fold]
    if every:
        dataset = preparations.dataset(config, progress=session.progress)
        stop_at_rejected(dataset.table.rejected, config.data.on_error, folder)
        chosen = [*known_folds(dataset, config.data, request.known)]
    cases: list[Case] = []
    for fold in chosen:
        of_fold = replace(config, data=replace(config.data, fold=fold))
        prepared = preparations.prepared(of_fold, folder, progress=session.progress)
        if not cases:
            check_rejected(prepared.dataset.table.rejected, config.data.on_error, folder)
            assessed = assess_labels(prepared.divided)
            for target in config.targets:
                for sentence in about_labels(assessed[target.name].as_dict(), target):
                    log.warning("%s", sentence.text)
        cases.append(Case(preparations, of_fold, prepared.divided, folder, session))
        sizes = ", ".join(f"{len(rows)} {name}" for name, rows in prepared.split.parts().items())
        log.info("%s: %s (%s)", cases[-1].where, sizes, about_drawing(prepared.split.drawn))
    return cases


def _document(
    cases: Sequence[Case],
    results: Mapping[LeaderboardEntry, Sequence[EntryResult]],
    not_run: Sequence[Mapping[str, str]],
    assessed: LeaderboardEntry,
    progress: bool,
) -> dict[str, Any]:
    first = cases[0]
    common = {
        "format": 1,
        "assessed": assessed.name,
        "split": dict(first.split.drawn),
        "folds": [case.where for case in cases],
        "not_run": list(not_run),
        "caveats": _caveats(first.dataset, cases, results),
        "settings": first.config.sections(),
        "data_sha256": first.dataset.content_hash,
    }
    if first.config.spec.is_potential:
        targets = assess_potentials(cases, results, assessed, progress=progress)
        return {**common, "deciding": [*DECIDING], "levels": [*LEVELS], "targets": targets}
    target = first.target
    folds = [Fold(case.where, case.labels(case.split.test)) for case in cases]
    return {
        **common,
        "target": target.as_dict(),
        "rows": sum(len(fold.true) for fold in folds),
        "deciding": [error_of(target).key, rank_of(target).key],
        "entries": entry_documents(folds, results, assessed, target, progress=progress),
    }


def _caveats(
    dataset: Dataset,
    cases: Sequence[Case],
    results: Mapping[LeaderboardEntry, Sequence[EntryResult]],
) -> dict[str, Any]:
    """What limits the conclusions: published models on a split of their own, rows left out."""
    data = cases[0].config.data
    own_split = data.split != "folds" or data.folds is not None
    published = [entry.name for entry in results if entry.name.startswith("published-")]
    return {
        "published_on_other_split": published if own_split else [],
        "rejected": len(dataset.table.rejected),
    }


def _record(
    repeat: Mapping[str, Any],
    cases: Sequence[Case],
    sections: Mapping[str, Mapping[str, Any]],
    seconds: float,
) -> dict[str, dict[str, Any]]:
    first = cases[0]
    return {
        "Repeat": {"command": _command(repeat)},
        "Data": {
            "crystals": len(first.dataset.table),
            "data sha256": first.dataset.content_hash,
            **{
                f"{name} of {case.where}": len(rows)
                for case in cases
                for name, rows in case.split.parts().items()
            },
        },
        **{f"Settings: {name}": dict(values) for name, values in sections.items()},
        "Hardware": hardware(),
        "Versions": versions(),
        "Time": {
            "ended": time.strftime("%Y-%m-%d %H:%M:%S %z"),
            "everything, s": round(seconds, 1),
        },
    }


def _command(repeat: Mapping[str, Any]) -> str:
    folder = Path(repeat["out"])
    options = [(f"--{name}", repeat[name]) for name in ("models", "baselines", "calculator")]
    words = [f"{option} {','.join(names)}" for option, names in options if names]
    if repeat["published"] is not None:
        words.append(f"--published {shlex.quote(str(repeat['published']))}")
    settings = shlex.quote(str(folder / "config.yaml"))
    if not isinstance(repeat["data"], str | Path):
        return f"xtalgraph.compare(data, out={str(folder)!r}, config={settings!r})"
    data, where = shlex.quote(str(repeat["data"])), shlex.quote(str(folder))
    return " ".join(["xtalgraph compare", data, "--config", settings, *words, "--out", where])


def _write(folder: Path, document: Mapping[str, Any]) -> None:
    settings = yaml.safe_dump(document["settings"], sort_keys=False, allow_unicode=True)
    write_atomically(folder / "config.yaml", settings)
    write_json(folder / "compare.json", document)
    write_atomically(folder / "compare.csv", as_table(document).to_csv(index=False))
    write_leaderboard(folder, document)
