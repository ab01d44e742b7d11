"""How many threads a computation takes if nobody says."""

import os


def usual_threads() -> int:
    """Return what ``OMP_NUM_THREADS`` says, else the number of cores this process may run on.

    Schedulers of clusters, and whoever runs several processes beside each other, say it there;
    taskset and containers bind a process to some of the cores.
    """
    said = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]  # one number for each nesting level
    if said.isdecimal() and int(said) > 0:
        return int(said)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
