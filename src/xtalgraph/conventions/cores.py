"""How many cores a computation may use."""

import os


def available_cores() -> int:
    """Return what ``OMP_NUM_THREADS`` says, else the number of cores this process may run on.

    Schedulers of clusters, and whoever runs several processes beside each other, say it there;
    taskset binds a process to some of the cores, and containers give it a share of them.
    """
    given = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]  # one for each nesting level
    if given.isdecimal() and int(given) > 0:
        return int(given)
    from loky import cpu_count  # here, since not every command needs it

    return int(cpu_count())
