"""Choices that several verbs offer."""

from typing import Literal

OnError = Literal["raise", "skip"]
"""Whether a row that cannot be used stops the work, or is left out with its reason."""
Device = Literal["cpu", "cuda"]
"""Where to compute; the numbers of a GPU differ in the last digits."""
