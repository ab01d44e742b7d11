"""Independent pieces of work side by side, each in a process of one thread."""

import _thread
import logging
import logging.handlers
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Generic, TypeVar, final

from loky import ProcessPoolExecutor
from loky.backend import get_context
from loky.process_executor import TerminatedWorkerError
from tqdm import tqdm

from xtalgraph.conventions.cores import available_cores
from xtalgraph.conventions.errors import RunError
from xtalgraph.conventions.logs import log
from xtalgraph.conventions.stopping import Stopped, stopping_on_signals
from xtalgraph.training.settings import TrainingConfig
from xtalgraph.training.state import Report, silent
from xtalgraph.workflows.freed_memory import keep_freed_memory

_MESSAGE_SECONDS: Final = 0.2
"""How long is waited for a message of another process before the results are looked at."""
_LAST_SECONDS: Final = 5.0
"""How long is waited for the last messages of a task that has ended."""
_WORTH_A_PROCESS: Final = 2500
"""Steps of training, together, from which on other processes save more time than they take to
begin: each imports torch for four seconds, in which one thread takes 300 to 400 steps of XGN."""
_THREADS: Final = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""What libraries read when they are loaded."""

S = TypeVar("S")
T = TypeVar("T")
R = TypeVar("R")
Work = Callable[[S, T, Report], R]
"""From what all tasks share, a task and where to report progress, to its result."""


def processes_for(tasks: int, training: TrainingConfig, crystals: int) -> int:
    """Return in how many processes trainings of about equal length are run.

    Where ``training.jobs`` is not given there are as many as cores, or up to twice as many where
    that leaves fewer cores idle at the end: three on two cores take 1.5 times the time of one at
    once, and twice in turn. Short trainings, in a process that works for another one or on a GPU,
    run in turn.
    """
    if training.device != "cpu" or _process:
        return 1
    if training.jobs is not None:
        return max(1, min(tasks, training.jobs))
    length = training.length(crystals)
    cores = available_cores() // (training.threads or 1)
    if cores < 2 or tasks * length.steps * length.epochs < _WORTH_A_PROCESS:
        return 1
    counts = [min(count, tasks) for count in range(cores, 2 * cores)]
    return min(counts, key=lambda processes: _seconds(tasks, cores, processes))


def _seconds(tasks: int, cores: int, processes: int) -> float:
    """Return how long tasks of one second take on some cores, in so many processes at a time."""
    rounds, left = divmod(tasks, processes)
    at_the_end = max(1.0, left / cores) if left else 0.0
    return rounds * max(1.0, processes / cores) + at_the_end


def processes_outside(tasks: int, training: TrainingConfig, crystals: int) -> int:
    """Return the same for tasks that train several members each.

    Few tasks run in turn, since their members then run side by side.
    """
    inside = processes_for(training.members, training, crystals)
    return 1 if inside > 1 and tasks < inside else processes_for(tasks, training, crystals)


@dataclass(frozen=True)
class Session:
    """How a training is run; no number depends on it."""

    progress: bool = False
    """Show progress bars on standard error."""
    resume: bool = True
    """Go on from the saved states of the same training, where there are any."""
    report: Report = silent
    """Told how far the training has come."""


@final
@dataclass
class Executor(Generic[S]):
    """Runs tasks one after the other here, or side by side in other processes.

    The results do not depend on how many processes there are. A process ends with its parent, even
    if that is killed; what its task has saved by then is there for the next time.
    """

    shared: S
    """What every task needs; each process gets a copy."""
    processes: int
    """How many tasks run at a time; 1 runs them here."""
    label: str
    """Of the progress bar."""
    show: bool
    """Whether a progress bar is shown on standard error."""
    report: Report = silent
    """Told how far all tasks together have come."""
    _parts: dict[int, float] = field(default_factory=dict, init=False)
    _ended: set[int] = field(default_factory=set, init=False)

    def run(
        self,
        work: Work[S, T, R],
        tasks: Sequence[T],
        meanwhile: Callable[[], object] = lambda: None,
    ) -> Iterator[tuple[int, R]]:
        """Yield the place of each task and its result, as they end.

        Args:
            work: A function of a module.
            tasks: What it is called with.
            meanwhile: Called once, here: while other processes work, or when all is done.

        Raises:
            RunError: If a process dies.
            Stopped: If this process was asked to stop; the others have stopped, too.
        """
        with self._bar(len(tasks)) as bar:
            if self.processes <= 1 or len(tasks) <= 1:
                for number, task in enumerate(tasks):
                    yield number, work(self.shared, task, partial(self._show, bar, number))
                    self._show(bar, number, 1.0, "")
                meanwhile()
            else:
                yield from self._beside(work, tasks, meanwhile, bar)

    def _beside(
        self, work: Work[S, T, R], tasks: Sequence[T], meanwhile: Callable[[], object], bar: Any
    ) -> Iterator[tuple[int, R]]:
        context = get_context("loky")
        messages = context.Queue()
        # Not an event: it would wait for a process that was killed.
        (going, go), (alive, live) = context.Pipe(duplex=False), context.Pipe(duplex=False)
        pool = ProcessPoolExecutor(
            min(self.processes, len(tasks)),
            initializer=_begin,
            initargs=(_Process(self.shared, messages, going, alive), log.level),
            env=dict.fromkeys(_THREADS, "1"),
        )
        futures = {pool.submit(_do, work, n, task): n for n, task in enumerate(tasks)}
        waiting = dict(futures)
        try:
            meanwhile()
            while waiting:
                self._listen(bar, messages)
                for future in [running for running in waiting if running.done()]:
                    number = waiting.pop(future)
                    self._hear_out(bar, messages, {number: future})
                    yield number, future.result()
                    self._show(bar, number, 1.0, "")
        except TerminatedWorkerError as error:
            raise RunError(
                "a process that was working beside this one died; if memory was short, take fewer "
                "with --jobs. What is finished is kept: repeat the command to continue, "
                "`xtalgraph train` with --resume"
            ) from error
        except Stopped as error:
            go.close()
            ended = [future.exception() for future in futures if not future.cancel()]
            self._hear_out(bar, messages, {number: future for future, number in futures.items()})
            saved = [stopped.saved for stopped in ended if isinstance(stopped, Stopped)]
            raise Stopped(error.signum, "; ".join(saved)) from error
        finally:
            go.close()
            for future in waiting:
                future.cancel()
            pool.shutdown(wait=True)
            self._listen(bar, messages)
            live.close()
            messages.close()

    def _hear_out(self, bar: Any, messages: Any, ended: Mapping[int, Future[R]]) -> None:
        """Pass on all that tasks have sent that have ended; of a process that died there is no end.

        On a busy machine messages arrive after the result, and end with the process that sends.
        """
        full = {
            number
            for number, future in ended.items()
            if not (future.cancelled() or isinstance(future.exception(), TerminatedWorkerError))
        }
        end = time.monotonic() + _LAST_SECONDS
        while not full <= self._ended and time.monotonic() < end:
            self._listen(bar, messages)

    def _listen(self, bar: Any, messages: Any) -> None:
        """Pass on what the other processes have sent; wait a little where there is nothing."""
        wait = True
        while True:
            try:
                message = messages.get(block=wait, timeout=_MESSAGE_SECONDS)
            except queue.Empty:
                return
            wait = False
            if isinstance(message, logging.LogRecord):
                log.handle(message)
            elif isinstance(message, int):
                self._ended.add(message)
            else:
                self._show(bar, *message)

    def _show(self, bar: Any, number: int, part: float, text: str) -> None:
        self._parts[number] = max(part, self._parts.get(number, 0.0))  # messages may come late
        if text:
            bar.set_postfix_str(text, refresh=False)
        done = sum(self._parts.values())
        bar.update(done - bar.n)
        self.report(done / bar.total, text)

    @contextmanager
    def _bar(self, tasks: int) -> Iterator[Any]:
        interval = 0.2 if sys.stderr.isatty() else 30.0
        with tqdm(
            total=tasks,
            desc=self.label,
            bar_format="{desc}: {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}{postfix}]",
            mininterval=interval,
            maxinterval=interval,
            disable=not self.show,
        ) as bar:
            yield bar


@dataclass(frozen=True, eq=False)
class _Process:
    """What a process was given when it began."""

    shared: Any
    """What every task needs."""
    messages: Any
    """Where log records, progress and the number of a task that has ended go."""
    going: Any
    """A pipe that ends when the process is to save its work and stop."""
    alive: Any
    """A pipe that ends when the parent is dead, or needs the process no longer."""

    def report(self, number: int, part: float, text: str) -> None:
        """Send how far a task has come."""
        self.messages.put((number, part, text))

    def watch(self) -> None:
        """Stop when that is asked for; end at once with the parent, even if that was killed."""
        self.going.poll(None)
        if not self.alive.poll():
            _thread.interrupt_main(signal.SIGTERM)
            self.alive.poll(None)
        os._exit(1)


_process: list[_Process] = []
"""In a process that works for another one, what it was given."""


def _begin(process: _Process, level: int) -> None:
    _process[:] = [process]
    process.messages.cancel_join_thread()  # what another process left locked does not hold this one
    log.handlers = [logging.handlers.QueueHandler(process.messages)]
    log.setLevel(level)
    log.propagate = False
    keep_freed_memory()
    threading.Thread(target=process.watch, daemon=True).start()


def _do(work: Work[Any, T, R], number: int, task: T) -> R:
    (process,) = _process
    try:
        with stopping_on_signals():
            return work(process.shared, task, partial(process.report, number))
    finally:
        process.messages.put(number)
