"""What is deterministic inside is as it was outside."""

import pytest
import torch

from xtalgraph.nn.determinism import deterministic


@pytest.mark.parametrize("before", [True, False])
def test_it_is_put_back_even_after_an_error(before):
    torch.use_deterministic_algorithms(before)
    torch.set_num_threads(2)
    filled = torch.utils.deterministic.fill_uninitialized_memory

    def fail():
        with deterministic():
            assert torch.are_deterministic_algorithms_enabled()
            assert torch.get_num_threads() == 1
            assert not torch.utils.deterministic.fill_uninitialized_memory
            raise ValueError

    try:
        with pytest.raises(ValueError, match=r"^$"):
            fail()
        assert torch.are_deterministic_algorithms_enabled() is before
        assert torch.get_num_threads() == 2
        assert torch.utils.deterministic.fill_uninitialized_memory is filled
    finally:
        torch.use_deterministic_algorithms(False)
        torch.set_num_threads(1)
