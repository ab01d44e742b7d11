"""Asking a process to stop: it stops at once, or saves a state first where it can be resumed."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, Final

_SIGNALS: Final = {signal.SIGTERM: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler}
"""What asks a process to stop, and the handler that Python starts with."""


class Stopped(KeyboardInterrupt):
    """The process was asked to stop by SIGTERM, or by SIGINT (Ctrl-C).

    It is a `KeyboardInterrupt`: code that continues after an error does not continue after this.

    Args:
        signum: The signal.
        saved: What is saved, and how to continue.
    """

    def __init__(self, signum: int, saved: str = "") -> None:
        super().__init__(signum, saved)
        self.signum = signum
        self.saved = saved

    def __str__(self) -> str:
        words = f"stopped by {signal.Signals(self.signum).name}"
        return f"{words}: {self.saved}" if self.saved else words

    @property
    def exit_code(self) -> int:
        """The exit code of a process that a signal ended: 143 for SIGTERM, 130 for SIGINT."""
        return 128 + self.signum


@dataclass
class StopRequest:
    """Whether the process was asked to stop."""

    signum: int | None = None
    """The signal that asked; None as long as none has."""


_waiting: list[StopRequest] = []
"""The requests of the blocks that stop by themselves, the innermost last."""


@contextmanager
def stopping_on_signals() -> Iterator[None]:
    """Raise `Stopped` in the main thread when SIGTERM or SIGINT arrives during the block.

    Handlers that somebody else has set stay as they are. In any other thread than the main thread
    this does nothing, since Python calls handlers in the main thread only.

    Raises:
        Stopped: When a signal arrives.
    """
    changed: dict[signal.Signals, Any] = {}
    try:
        if threading.current_thread() is threading.main_thread():
            for number, usual in _SIGNALS.items():
                if signal.getsignal(number) == usual:
                    changed[number] = usual
                    signal.signal(number, _handle)
        yield
    finally:
        for number, usual in changed.items():
            signal.signal(number, usual)


@contextmanager
def postponed_stop() -> Iterator[StopRequest]:
    """Note a first request to stop instead of raising `Stopped`; a second one raises it at once.

    Yields:
        The request: a block that looks at it can save its work, and raise `Stopped` itself.

    Raises:
        Stopped: At the end of a block that was asked to stop and has not raised it.
    """
    request = StopRequest()
    _waiting.append(request)
    try:
        yield request
    finally:
        _waiting.remove(request)
    if request.signum is not None:
        raise Stopped(request.signum)


def _handle(signum: int, frame: FrameType | None) -> None:
    if _waiting and _waiting[-1].signum is None:
        _waiting[-1].signum = signum
        return
    raise Stopped(signum)
