"""Freed memory is used again: the pages of a large array are fetched once, not in every step."""

import os
import platform
import subprocess
import sys

import pytest

from xtalgraph.cli.main import main
from xtalgraph.workflows.freed_memory import keep_freed_memory

SCRIPT = """
import resource
import numpy as np
from xtalgraph.cli.main import main
from xtalgraph.workflows.freed_memory import keep_freed_memory
print(int(keep_freed_memory()))
def touch():
    np.zeros(64 * 2**20 // 8) + 1.0
touch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    touch()
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 10)
"""


def faults(**environment: str) -> tuple[bool, float]:
    """Whether memory is kept, and the page faults of a step that needs two arrays of 64 MiB."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    kept, count = done.stdout.split()
    return kept == "1", float(count)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_pages_are_fetched_once():
    kept, few = faults()
    assert kept
    assert few < 10
    # 32 MiB, where glibc's own threshold ends: arrays above it come and go
    kept, many = faults(MALLOC_MMAP_THRESHOLD_=str(32 * 2**20))
    assert not kept
    assert many > 50  # 64 where the system takes pages of 2 MiB, 32,768 where of 4 KiB


def test_other_systems_are_left_alone(monkeypatch):
    monkeypatch.setattr("platform.libc_ver", lambda: ("", ""))
    assert not keep_freed_memory()


def test_every_verb_keeps_it(monkeypatch):
    asked = []
    monkeypatch.setattr("xtalgraph.cli.main.keep_freed_memory", lambda: asked.append(True))
    with pytest.raises(SystemExit):
        main(["data", "list"])
    assert asked == [True]
