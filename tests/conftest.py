"""For every test: one thread, oracles by other hands, a cache of its own."""

import logging
import os
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from xtalgraph.training.loop import Trainer

os.environ.setdefault("OMP_NUM_THREADS", "1")  # several processes run beside each other
os.environ.setdefault("DGLBACKEND", "pytorch")  # or DGL writes its choice into the home folder
pytest_plugins = ["first_calls", "linear_bases"]  # the first checks types and shapes


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """Keep what tests put into the cache away from the user's, and out of other sessions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XTALGRAPH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def logger_as_before() -> Iterator[None]:
    """Take away what the command adds to the logger, which writes to the streams of a test."""
    logger = logging.getLogger("xtalgraph")
    before = [*logger.handlers], logger.propagate, logger.level
    yield
    logger.handlers[:], logger.propagate, level = before
    logger.setLevel(level)


@pytest.fixture(scope="session", autouse=True)
def heard_interrupts():
    """Hear SIGINT, which a shell lets what it runs in the background ignore."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session", autouse=True)
def one_member() -> Iterator[int]:
    """Train one network where a test does not say how many: the others cost their time again."""
    from xtalgraph.models.xgn import XGN  # after OMP_NUM_THREADS, which torch reads

    recommended = XGN.recommended
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(XGN, "recommended", replace(recommended, members=1))
        yield recommended.members


@pytest.fixture
def as_recommended(one_member, monkeypatch) -> int:
    """Train as many as are recommended for XGN."""
    from xtalgraph.models.xgn import XGN

    monkeypatch.setattr(XGN, "recommended", replace(XGN.recommended, members=one_member))
    return one_member


@pytest.fixture(scope="session")
def without_report() -> Iterator[None]:
    """Train without the report of the run: its figures take longer than a small training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xtalgraph.workflows.train.write_report", lambda folder: None)
        yield


@pytest.fixture
def with_report(monkeypatch) -> None:
    """Train with the report of the run, where other tests of the session do without."""
    from xtalgraph.evidence.pages.report import write_report

    monkeypatch.setattr("xtalgraph.workflows.train.write_report", write_report)


@pytest.fixture(scope="session")
def pyg() -> ModuleType:
    """PyTorch Geometric's layers, as oracles; importing them warns of torch's own deprecations."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import torch_geometric.nn
    return torch_geometric.nn


@pytest.fixture
def sizes_are_symbols(monkeypatch: pytest.MonkeyPatch) -> None:
    """No checks of types: sizes are symbols while a function is recorded, and no whole numbers."""
    import jaxtyping

    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.fixture
def traced_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is recorded for the compiler is run as it is: fast, and the same but for it."""
    import torch

    monkeypatch.setattr(torch, "compile", lambda traced, **_: traced)


@pytest.fixture
def killed_in(monkeypatch: pytest.MonkeyPatch) -> "Callable[[int, Trainer], None]":
    """A function that starts a training and kills it in an epoch; each one before has a state."""
    from xtalgraph.training import loop

    monkeypatch.setattr(loop, "_SECONDS_BETWEEN_STATES", -1.0)

    def start(epoch: int, training: "Trainer") -> None:
        work = training._epoch

        def until(number: int) -> float:
            if number == epoch:
                raise KeyboardInterrupt
            return work(number)

        with monkeypatch.context() as patch:
            patch.setattr(training, "_epoch", until)
            with pytest.raises(KeyboardInterrupt):
                training.fit()

    return start


@pytest.fixture
def stopped_after(
    monkeypatch: pytest.MonkeyPatch,
) -> "Callable[[int], AbstractContextManager[None]]":
    """A context in which every training is asked to stop when it has saved an epoch."""
    from xtalgraph.conventions.stopping import Stopped
    from xtalgraph.training import loop

    @contextmanager
    def stopping(epoch: int) -> Iterator[None]:
        saved = loop.Trainer._save

        def save(self: "Trainer") -> None:
            saved(self)
            if self.progress.epoch == epoch:
                raise Stopped(15)

        with monkeypatch.context() as patch:
            patch.setattr(loop.Trainer, "_save", save)
            patch.setattr(loop, "_SECONDS_BETWEEN_STATES", 0.0)
            with pytest.raises(Stopped):
                yield

    return stopping
