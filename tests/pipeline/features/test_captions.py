"""Captions: those that there are, averaged."""

from __future__ import annotations

import numpy as np
import torch

from pipeline.features.captions import Prompts, Texts, reader_of, told
from pipeline.features.encoders import encoded
from pipeline.models.clip import numbers_of


def written(encoder, captions, batch=2):
    return encoded(encoder, lambda start, stop: encoder.numbers(captions[start:stop]), len(captions), batch)


def test_captions_are_averaged_over_those_that_there_are():
    captions = np.array([["a dog", " ", "a red car"], ["", "two cats", ""], ["a", "b", "c"]], object)
    np.testing.assert_array_equal(told(captions), [[1, 0, 1], [0, 1, 0], [1, 1, 1]])
    encoder = Texts("random", 3)
    network = encoder.pretrained.on_worker()
    read = {text: network(numbers_of([text])).flatten() for text in ["a dog", "a red car", "two cats"]}
    expected = torch.stack([(read["a dog"] + read["a red car"]) / 2, read["two cats"]])
    found = written(encoder, captions)
    np.testing.assert_allclose(found[:2], expected, atol=1e-5)
    np.testing.assert_allclose(written(encoder, captions, batch=3), found, atol=1e-5)


def test_readers_by_base():
    assert reader_of("random", 2) == Texts("random", 2)
    assert reader_of("random", 2, "sd15") == Prompts("random", 2, "sd15")
