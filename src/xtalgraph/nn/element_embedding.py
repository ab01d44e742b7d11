"""The vector with which an atom starts, learned from what is known of its element."""

from typing import Literal, final, get_args

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.nn.element_features import (
    binned_element_features,
    continuous_element_features,
    one_hot_element_features,
)
from xtalgraph.nn.segments import gather

ElementFeatures = Literal["binned", "continuous", "embedding"]
"""What an `ElementEmbedding` starts from."""


@final
class ElementEmbedding(nn.Module):
    """A linear map from the features of an element to the vector of an atom.

    With ``binned`` or ``continuous`` features, elements that resemble each other start near each
    other, and one that is rare in training borrows from its relatives. ``embedding`` knows nothing
    of an element but that it is another one: a vector for each, drawn from a normal distribution,
    as models that start from the bare atomic number have it.

    Args:
        width: Length of an atom's vector.
        features: ``binned``, ``continuous`` or ``embedding``.

    Raises:
        ConfigError: If there are no such features.
    """

    elements: Tensor

    def __init__(self, width: int, features: str = "binned") -> None:
        super().__init__()
        if features not in get_args(ElementFeatures):
            known = ", ".join(get_args(ElementFeatures))
            raise ConfigError(f"element features must be one of {known}, got {features!r}")
        make = {
            "binned": binned_element_features,
            "continuous": continuous_element_features,
            "embedding": one_hot_element_features,
        }
        self.register_buffer("elements", make[features](), persistent=False)
        linear = nn.Linear(self.elements.shape[1], width)
        self.weight, self.bias = linear.weight, linear.bias
        if features == "embedding":
            nn.init.normal_(self.weight)
            nn.init.zeros_(self.bias)

    def table(self) -> Float[Tensor, "elements width"]:
        """Return the vector of each element, by atomic number."""
        elements = self.elements.to(self.weight.dtype)
        return functional.linear(elements, self.weight, self.bias)

    def forward(self, number: Int[Tensor, " atoms"]) -> Float[Tensor, "atoms width"]:
        """Look atoms up by atomic number."""
        return gather(self.table(), number)
