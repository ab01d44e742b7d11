import warnings
from pathlib import Path

import pandas as pd
import pytest

from xtalgraph.conventions.boundary import guarded, guarded_items, name_of_source, shortened
from xtalgraph.conventions.errors import GraphError, InputError
from xtalgraph.data.dataset import read_dataset
from xtalgraph.data.targets import Kind, Target


def raising(error: BaseException):
    def make():
        raise error

    return make


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyError("species"), "the row is incomplete: 'species' is missing"),
        (ZeroDivisionError("float division by zero"), "the row cannot be read: a division by zero"),
        (OverflowError("int too large"), "the row holds a number too large to be one"),
        (MemoryError(), "the row needs more memory than there is: a size in it is absurd"),
        (RecursionError("maximum"), "the row is nested too deeply to be read"),
        (OSError(36, "File name too long"), "the row cannot be read: File name too long"),
        (
            UnicodeDecodeError("utf-8", b"a\xe9", 1, 2, ""),
            "byte 0xe9 at position 1; save it as UTF",
        ),
        (AssertionError(), "the row is malformed"),
        (AttributeError("'numpy.ndarray' object has no attribute 'keys'"), "a value in it is of"),
        (TypeError("'NoneType' object is not iterable"), "a value in it is of the wrong kind"),
        (IndexError("list index out of range"), "a list in it is too short"),
        (ValueError("a\n b"), "the row is malformed: a b"),
    ],
)
def test_what_a_parser_raises_is_said_in_words(error, words):
    with pytest.raises(InputError) as caught:
        guarded(raising(error), "the row")
    assert words in str(caught.value)
    assert not any(python in str(caught.value) for python in ("object", "NoneType", "Error"))
    assert caught.value.__cause__ is error


def test_errors_of_the_project_and_interrupts_pass():
    with pytest.raises(GraphError, match="as it is"):
        guarded(raising(GraphError("as it is")), "the row")
    with pytest.raises(KeyboardInterrupt):
        guarded(raising(KeyboardInterrupt()), "the row")


def test_results_and_items_pass_without_their_warnings():
    def make():
        warnings.warn("of a library", stacklevel=1)
        return 3

    assert guarded(make, "the row") == 3

    def items():
        yield 1
        yield None
        raise ValueError("broken")

    taken = guarded_items(items(), "the file")
    assert [next(taken), next(taken)] == [1, None]
    with pytest.raises(InputError, match="the file is malformed: broken"):
        next(taken)


def test_long_texts_lose_their_middle():
    assert shortened("a  b\nc") == "a b c"
    short = shortened("x" * 3000, 60)
    assert len(short) == 60
    assert " ... " in short


def test_a_source_in_memory_is_not_printed_into_a_message():
    assert name_of_source(Path("a.cif")) == "a.cif"
    assert name_of_source([Path("a.cif"), "b"]) == "a.cif, b"
    for source in (pd.DataFrame({"x": range(100)}), ["a.cif", 3], [], None):
        assert name_of_source(source) == "crystals in memory"
    with pytest.raises(InputError, match=r"no row of crystals in memory can be used, 1 were"):
        read_dataset(
            pd.DataFrame({"structure": ["nothing"], "y": [1.0]}), Target("y", Kind.INTENSIVE)
        )
