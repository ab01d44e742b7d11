"""How the threads of OpenMP wait for each other."""

import os
from typing import Final

POLICY: Final[str] = "OMP_WAIT_POLICY"
"""The setting of the OpenMP standard."""
_OTHERS: Final = ("GOMP_SPINCOUNT", "KMP_BLOCKTIME")
"""Settings of GNU and LLVM for the same."""


def wait_without_spinning() -> bool:
    """Let threads that wait sleep, unless the environment says how they wait.

    By default a thread spins: it keeps its core busy while it waits. Where another process needs
    that core, each operation then takes as long as the scheduler leaves the core to the one that
    spins. OpenMP reads the setting when it is loaded, so that this must come before torch.

    Returns:
        Whether the setting was made.

    Source: OpenMP 5.2, section 21.6.
    """
    if POLICY in os.environ or any(name in os.environ for name in _OTHERS):
        return False
    os.environ[POLICY] = "PASSIVE"
    return True
