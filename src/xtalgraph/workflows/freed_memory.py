"""What becomes of the memory of large arrays that are no longer needed."""

import ctypes
import os
import platform
from typing import Final

_TRIM: Final = -1
_MMAP: Final = -3
"""M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h."""
_LARGEST: Final = 2**31 - 1
"""The largest threshold that mallopt takes, bytes."""
_VARIABLES: Final = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")
"""What a user may have set in the environment for the same."""


def keep_freed_memory() -> bool:
    """Let this process keep memory that it has freed, and use it again.

    By default glibc returns each array of more than 32 MB to the system as soon as it is freed, and
    every page of the next one is fetched and zeroed anew, in each step of a large graph. No result
    changes; the process stays as large as it once was. It concerns the whole process, so the
    commands call it, and processes that work for another one; the functions of the library do not.

    Returns:
        Whether it was done: not on other systems than Linux with glibc, nor where the environment
        has set either threshold.

    Source: mallopt(3), https://man7.org/linux/man-pages/man3/mallopt.3.html
    """
    if platform.libc_ver()[0] != "glibc" or any(name in os.environ for name in _VARIABLES):
        return False
    libc = ctypes.CDLL(None)
    return all(libc.mallopt(which, _LARGEST) == 1 for which in (_TRIM, _MMAP))
