"""One thread for each test process, since several run beside each other."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("DGLBACKEND", "pytorch")  # or DGL writes its choice into the home folder
