"""What is written in a stream is read by the library of the format, and the other way round."""

import json

import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch

from xtalgraph.conventions.errors import StoreError
from xtalgraph.data.tensor_file import Column, TensorFile, write_tensors

ARRAYS = {
    "flags": np.array([[True, False, True]]),
    "small": np.arange(-3, 4, dtype=np.int8),
    "shorts": np.arange(5, dtype=np.int16),
    "ints": np.arange(7, dtype=np.int32).reshape(7, 1),
    "wide": np.array([2**40, -1]),
    "single": np.linspace(0, 1, 3, dtype=np.float32),
    "double": np.random.default_rng(0).normal(size=(5, 3, 3)),
    "nothing": np.zeros((0, 3)),
}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "some.safetensors"
    columns = {
        name: Column(array.dtype, array.shape, iter(np.array_split(array, 3)))
        for name, array in ARRAYS.items()
    }
    write_tensors(path, columns, {"graph": "crystal"})
    return path


def test_the_library_reads_it(path):
    for name, array in safetensors.numpy.load_file(path).items():
        np.testing.assert_array_equal(array, ARRAYS[name])
        assert array.dtype == ARRAYS[name].dtype
    assert set(safetensors.torch.load_file(path)) == set(ARRAYS)


def test_it_is_mapped_aligned_and_read_only(path):
    file = TensorFile.open(path)
    assert file.metadata == {"graph": "crystal"}
    assert set(file.arrays) == set(ARRAYS)
    for name, array in file.arrays.items():
        np.testing.assert_array_equal(array, ARRAYS[name])
        assert array.flags.aligned
        assert not array.flags.writeable
        assert not array.flags.owndata


def test_it_reads_what_the_library_wrote(tmp_path):
    path = tmp_path / "theirs.safetensors"
    safetensors.torch.save_file({"a": torch.arange(4), "b": torch.ones(2, 3)}, path)
    arrays = TensorFile.open(path).arrays
    np.testing.assert_array_equal(arrays["a"], np.arange(4))
    np.testing.assert_array_equal(arrays["b"], np.ones((2, 3), np.float32))


@pytest.mark.parametrize("keep", [0, 4, 30, -1])
def test_a_truncated_file_is_noticed(path, keep):
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(StoreError, match=r"some\.safetensors"):
        TensorFile.open(path)


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    def blocks():
        yield np.zeros(3)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_tensors(tmp_path / "x", {"a": Column(np.dtype("f8"), (6,), blocks())}, {})
    assert list(tmp_path.iterdir()) == []


LIES = [
    {"shape": [10**9, 10**9]},
    {"shape": [-1, 7]},
    {"shape": [7.0, 1]},
    {"data_offsets": [0, 10**15]},
    {"data_offsets": [28, 0]},
    {"dtype": "F16"},
    {"dtype": "F64"},
]


@pytest.mark.parametrize("lie", LIES)
def test_an_array_that_lies_about_itself_is_refused(path, lie):
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["ints"] |= lie
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])
    with pytest.raises(StoreError, match=r"some\.safetensors"):
        TensorFile.open(path)


@pytest.mark.parametrize("length", [10**12, 2**64 - 1])
def test_a_header_longer_than_the_file_is_refused(path, length):
    path.write_bytes(length.to_bytes(8, "little") + path.read_bytes()[8:])
    with pytest.raises(StoreError, match=f"its header has {length} bytes"):
        TensorFile.open(path)
