"""One thread for each test process, since several run beside each other; a cache of its own."""

import os

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """Keep what tests put into the cache away from the user's, and out of other sessions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XTALGRAPH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
