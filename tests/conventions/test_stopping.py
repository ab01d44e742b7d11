"""Signals that ask to stop are heard at once, or when the work is saved; handlers come back."""

import os
import signal
import threading

import pytest

from xtalgraph.conventions.stopping import Stopped, postponed_stop, stopping_on_signals


def ask(signum):
    os.kill(os.getpid(), signum)


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_raises_at_once_and_the_handlers_come_back(signum, code):
    before = signal.getsignal(signum)
    with pytest.raises(Stopped, match=signum.name) as stopped, stopping_on_signals():
        ask(signum)
    assert stopped.value.exit_code == code
    assert signal.getsignal(signum) == before


def test_what_goes_on_after_errors_does_not_go_on_after_this():
    def continues_after_errors():
        try:
            ask(signal.SIGTERM)
        except Exception:
            pytest.fail("taken for an error")

    with pytest.raises(KeyboardInterrupt), stopping_on_signals():
        continues_after_errors()


def test_a_block_that_saves_first_sees_the_request():
    seen = []

    def saves_first():
        with postponed_stop() as stop:
            ask(signal.SIGTERM)
            seen.append(stop.signum)

    with stopping_on_signals(), pytest.raises(Stopped, match="SIGTERM"):
        saves_first()
    assert seen == [signal.SIGTERM]


def test_a_second_signal_does_not_wait():
    def saves_too_long():
        with postponed_stop():
            ask(signal.SIGTERM)
            ask(signal.SIGINT)
            pytest.fail("went on")

    with stopping_on_signals(), pytest.raises(Stopped, match="SIGINT"):
        saves_too_long()


def test_handlers_of_others_stay():
    heard = []
    before = signal.signal(signal.SIGTERM, lambda *_: heard.append("theirs"))
    try:
        with stopping_on_signals(), postponed_stop() as stop:
            ask(signal.SIGTERM)
        assert (heard, stop.signum) == (["theirs"], None)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_another_thread_than_the_main_one_changes_nothing():
    found = []

    def look():
        with stopping_on_signals(), postponed_stop():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [signal.SIG_DFL]
