"""What a setting or an argument is, read from where it is declared."""

from dataclasses import dataclass
from typing import Annotated, TypedDict, Unpack

from xtalgraph.conventions.declarations import (
    REQUIRED,
    Spelled,
    arguments_of,
    collected_keys,
    fields_of,
    keys_of,
)


@dataclass(frozen=True)
class Base:
    """A base.

    Args:
        length: How long it
            is. Not more.
    """

    length: float


@dataclass(frozen=True)
class Child(Base):
    """A child."""

    count: int = 3
    """How many; ``0`` for
    none."""
    bare: str = ""


class Keys(TypedDict, total=False):
    file: Annotated[str, Spelled(text="The file.")]
    plain: int


def function(place, *, out: str, many: int = 1, **options: Unpack[Keys]) -> None:
    """Do it.

    Args:
        place: Where.
        out: What is written. Never over
            anything.
        many: How many.
        **options: What else.

    Raises:
        ValueError: Never.
    """


function.__annotations__["place"] = str


def test_fields_have_the_text_beneath_them_or_in_the_docstring_and_those_of_bases():
    fields = fields_of(Child)
    assert list(fields) == ["length", "count", "bare"]
    assert (fields["length"].text, fields["length"].default) == (
        "How long it is. Not more.",
        REQUIRED,
    )
    assert (fields["count"].text, fields["count"].default) == ("How many; ``0`` for none.", 3)
    assert [fields[name].summary for name in fields] == [
        "How long it is.",
        "How many; 0 for none.",
        "",
    ]


def test_arguments_have_the_line_of_the_docstring():
    found = {one.name: (one.default, one.summary) for one in arguments_of(function)}
    assert found == {
        "place": (REQUIRED, "Where."),
        "out": (REQUIRED, "What is written."),
        "many": (1, "How many."),
    }


def test_collected_keys_bring_their_own_text():
    assert collected_keys(function) is Keys
    assert collected_keys(len) is None
    assert [(one.name, one.text) for one in keys_of(Keys)] == [("file", "The file."), ("plain", "")]
