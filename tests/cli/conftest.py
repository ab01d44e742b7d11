"""Run the command in this process."""

import logging
from collections.abc import Callable

import pytest

from xtalgraph.cli.main import main


@pytest.fixture
def xtalgraph_command(capsys) -> Callable[..., tuple[int, str, str]]:
    """Run `xtalgraph ...`; return its exit code and what it printed."""

    def run(*args: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(arg) for arg in args])
        printed = capsys.readouterr()
        logging.getLogger("xtalgraph").handlers.clear()
        logging.getLogger("xtalgraph").propagate = True
        return int(ended.value.code or 0), printed.out, printed.err

    return run
