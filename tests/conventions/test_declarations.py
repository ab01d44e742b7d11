"""What a setting or an argument is, read from where it is declared."""

import importlib
import subprocess
import sys
from dataclasses import dataclass
from typing import Annotated, TypedDict, Unpack

from xtalgraph.conventions.declarations import (
    REQUIRED,
    Spelled,
    arguments_of,
    collected_keys,
    declared_function,
    fields_of,
    keys_of,
)
from xtalgraph.graphs.reduction import DEFAULT_TOLERANCE
from xtalgraph.models.registry import ENCODERS


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


def test_a_function_is_declared_as_its_module_declares_it():
    for module, name in (("train", "train"), ("tune", "tune"), ("data", "describe_source")):
        read = declared_function(f"xtalgraph.workflows.{module}", name)
        real = getattr(importlib.import_module(f"xtalgraph.workflows.{module}"), name)
        options = [vars(one) for one in arguments_of(read)]
        assert options == [vars(one) for one in arguments_of(real)]
        assert collected_keys(read) == collected_keys(real)


def test_values_of_a_module_are_known_before_it_is_imported():
    program = """
import sys
from xtalgraph.conventions.declarations import definition
print(definition("xtalgraph.workflows.data", "DEFAULT_TOLERANCE"))
print(*definition("xtalgraph.models.registry", "ENCODERS"))
print("torch" in sys.modules)
"""
    command = [sys.executable, "-c", program]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines() == [f"{DEFAULT_TOLERANCE}", " ".join(ENCODERS), "False"]
