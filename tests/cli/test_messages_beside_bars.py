"""A message of the log stands on a line of its own, also while a progress bar is shown."""

import re
import sys

from tqdm import tqdm

from xtalgraph.cli.main import _log_to_stderr
from xtalgraph.conventions.logs import log


def lines(shown: str) -> list[str]:
    return [line.strip() for line in re.split(r"[\r\n]", shown) if line.strip()]


def test_a_message_is_not_written_behind_a_bar(capsys):
    _log_to_stderr()
    with tqdm(total=2, desc="training", file=sys.stderr, mininterval=0) as bar:
        bar.update()
        log.info("the first\nthe second")
        log.warning("the third")
    shown = lines(capsys.readouterr().err)
    at = shown.index("the first")
    assert "the second" in shown
    assert "Warning: the third" in shown
    assert shown[at - 1].startswith("training:")
    assert shown[-1].startswith("training:")


def test_without_a_bar_nothing_is_added(capsys):
    _log_to_stderr()
    log.info("alone")
    assert capsys.readouterr().err == "alone\n"
