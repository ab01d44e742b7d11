"""What goes from one model to another: what agrees, by name, by element and by target."""

from dataclasses import replace

import pytest
import torch

from xtalgraph.data.targets import Kind, Target
from xtalgraph.models.spec import ModelSpec
from xtalgraph.models.transfer import kept_heads, renamed_heads, same_target, take_weights

GAP = Target("gap", Kind.INTENSIVE, "eV")
ENERGY = Target("energy", Kind.EXTENSIVE, "eV")
SMALL = {"width": 6, "edge_width": 6, "depth": 1}


def spec(*targets: Target, readout: str = "auto", width: int = 6) -> ModelSpec:
    settings = {**SMALL, "width": width}
    return ModelSpec("xgn", settings, readout, "radius", {"cutoff": 4.0}, targets)


def model_of(of: ModelSpec, seed: int):
    torch.manual_seed(seed)
    return of.make_model()


def test_what_agrees_in_name_and_shape_is_copied_and_the_rest_is_named():
    child, parent = model_of(spec(GAP), 0), model_of(spec(GAP), 1)
    state = dict(parent.state_dict())
    before = {name: value.clone() for name, value in child.state_dict().items()}
    shorter = state["encoder.of_length.weight"][:, :-1]
    state |= {"encoder.of_length.weight": shorter, "other": shorter}
    del state["encoder.of_length.bias"]
    taken = take_weights(child, state)
    assert taken.fresh == ("encoder.of_length.weight", "encoder.of_length.bias")
    assert set(taken.left) == {"encoder.of_length.weight", "other"}
    assert not taken.by_element
    for name, value in child.state_dict().items():
        expected = before[name] if name in taken.fresh else state[name]
        assert torch.equal(value, expected), name
    assert {*taken.taken, *taken.fresh} == set(before)


@pytest.mark.parametrize("there", [["Si", "Cu", "Mo"], ["Cu", "Mo"], None])
def test_weights_of_elements_go_to_the_same_elements(there):
    # As many channels as elements, so that sizes do not tell which axis is that of elements.
    size = {"channels": 3, "depth": 1, "degree": 1, "correlation": 2, "radial_width": 4}
    child, parent = (
        ModelSpec("mace", size | {"elements": known}, "auto", "radius", {"cutoff": 4.0}, (ENERGY,))
        for known in (["Li", "Si", "Cu"], there)
    )
    new, old = model_of(child, 0), model_of(parent, 1)
    before = {name: value.clone() for name, value in new.state_dict().items()}
    state = old.state_dict()
    numbers = new.encoder.element_rows.numbers, old.encoder.element_rows.numbers
    taken = take_weights(new, state, numbers)
    assert not taken.fresh
    assert not taken.left
    axes = {"encoder.embed.weight": 1}
    assert set(taken.by_element) == {
        "encoder.embed.weight",
        *(name for name in before if ".weights." in name and before[name].ndim == 3),
    }
    for name, value in new.state_dict().items():
        if name not in taken.by_element:
            assert torch.equal(value, state[name]), name
            continue
        axis = axes.get(name, 0)
        for row, number in enumerate(numbers[0]):
            known = number in numbers[1]
            expected, place = (
                (state[name], numbers[1].index(number)) if known else (before[name], row)
            )
            assert torch.equal(value.select(axis, row), expected.select(axis, place)), name


def test_a_head_follows_its_target_to_another_place():
    parent, child = spec(GAP, ENERGY), spec(ENERGY, GAP)
    kept = kept_heads(child, parent)
    assert kept == ("energy", "gap")
    old, new = model_of(parent, 0), model_of(child, 1)
    taken = take_weights(new, renamed_heads(old.state_dict(), parent, child, kept))
    assert not taken.fresh
    assert not taken.left
    for name in kept:
        head, before = (model.head_of[name].state_dict() for model in (new, old))
        assert all(torch.equal(head[key], before[key]) for key in before)


@pytest.mark.parametrize(
    "other",
    [
        replace(GAP, unit="meV"),
        replace(GAP, name="gap_hse"),
        replace(GAP, kind=Kind.ATOMIC),
    ],
)
def test_another_target_has_a_fresh_head(other):
    parent, child = spec(GAP), spec(other)
    assert kept_heads(child, parent) == ()
    old, new = model_of(parent, 0), model_of(child, 1)
    before = {name: value.clone() for name, value in new.head_of[other.name].state_dict().items()}
    taken = take_weights(new, renamed_heads(old.state_dict(), parent, child, ()))
    assert all(name.startswith("heads.") for name in taken.fresh)
    assert all(name.startswith("parent.heads.") for name in taken.left)
    after = new.head_of[other.name].state_dict()
    assert all(torch.equal(after[key], before[key]) for key in before)
    encoders = (model.encoder.state_dict() for model in (new, old))
    assert all(torch.equal(*pair) for pair in zip(*(e.values() for e in encoders), strict=True))


def test_another_readout_has_a_fresh_head_and_another_end_does_not():
    assert kept_heads(spec(GAP, readout="mean"), spec(GAP, readout="attention")) == ()
    assert same_target(GAP, replace(GAP, best="high"))
