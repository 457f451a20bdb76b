"""Batches: padded, cut again, halved once where memory does not suffice, read while others are computed."""

from __future__ import annotations

from threading import Event

import numpy as np
import pytest
import torch

from pipeline.models.batches import OutOfMemory, in_batches, walked
from storage.remarks import remarks


def doubled(numbers, seeds):
    return numbers * 2 + seeds


def test_batches_are_padded_and_cut_again():
    sizes = []

    def watched(numbers, seeds):
        sizes.append(len(numbers))
        return doubled(numbers, seeds)

    given = [np.arange(11.0), np.arange(11)]
    np.testing.assert_array_equal(in_batches(watched, given, 4), np.arange(11.0) * 3)
    assert sizes == [4, 4, 4]
    assert remarks.taken() == ({}, None)


def full_gpu(_size):
    raise torch.cuda.OutOfMemoryError("CUDA out of memory")


@pytest.mark.parametrize("allocate", [np.empty, torch.empty, full_gpu], ids=["numpy", "torch", "gpu"])
def test_a_full_memory_halves_the_batch_once_and_says_so(allocate):
    def frugal(numbers, seeds):
        if len(numbers) > 2:
            allocate(2**55)  # more than any machine has
        return doubled(numbers, seeds)

    given = [np.arange(7.0), np.arange(7)]
    np.testing.assert_array_equal(in_batches(frugal, given, 4), np.arange(7.0) * 3)
    assert remarks.taken() == ({}, 2)
    with pytest.raises(OutOfMemory, match=r"does not hold a batch of 4 .*lower `batch`"):
        in_batches(frugal, given, 8)
    assert remarks.taken() == ({}, None)


def test_other_errors_are_not_taken_for_a_full_memory():
    def broken(*_):
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes do not fit"):
        in_batches(broken, [np.arange(3)], 2)


def test_the_next_batch_is_read_while_one_is_computed():
    read = {0: Event(), 4: Event(), 8: Event()}

    def reading(start, stop):
        read[start].set()
        return [np.arange(start, stop)]

    def waiting(numbers):
        coming = read.get(int(numbers[0]) + 4)
        assert coming is None or coming.wait(10)
        return numbers * 2

    np.testing.assert_array_equal(walked(waiting, reading, 10, 4), np.arange(10) * 2)


def test_what_could_not_be_read_is_told():
    def reading(start, _stop):
        if start:
            raise ValueError("the second batch is damaged")
        return [np.arange(2)]

    with pytest.raises(ValueError, match="the second batch is damaged"):
        walked(lambda numbers: numbers, reading, 4, 2)


def test_a_full_apple_gpu_is_a_full_memory():
    def full(numbers):
        if len(numbers) > 1:
            raise RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)")
        return numbers

    np.testing.assert_array_equal(in_batches(full, [np.arange(3)], 2), np.arange(3))
    assert remarks.taken() == ({}, 1)
