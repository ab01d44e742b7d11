"""Check the types and shapes of the first calls of a function in each test, not of all of them.

jaxtyping's decorator checks every call. In a test that trains, the same shapes pass through the
same functions thousands of times, and checking them takes a third of the time of all tests.
"""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

from jaxtyping import _decorator

CALLS = 20
"""Calls of a function that are checked in each test."""
check_every_call = _decorator.jaxtyped


class Counts:
    """The number of the test that runs; with each test the counts of all functions begin again."""

    test = 0


def check_first_calls(function: Any, **options: Any) -> Any:
    """Decorate as jaxtyping's decorator does, which calls this for the methods of a class too."""
    if not inspect.isfunction(function):
        return check_every_call(function, **options)
    checked: Callable[..., Any] | None = None  # made by the first call: most are never called
    test, left = 0, CALLS

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal checked, test, left
        if test != Counts.test:
            test, left = Counts.test, CALLS
        if left == 0:
            return function(*args, **kwargs)
        left -= 1
        if checked is None:
            checked = check_every_call(function, **options)
        return checked(*args, **kwargs)

    return call


def pytest_configure() -> None:
    """Begin before the package is imported.

    Libraries that a checked module imports first are compiled anew by jaxtyping's import hook,
    which takes seconds for torch.
    """
    import torch  # noqa: F401

    _decorator.jaxtyped = check_first_calls


def pytest_runtest_setup() -> None:
    Counts.test += 1
