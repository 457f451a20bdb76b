"""What is read of a measurement's file, and what is said of one that was cut or edited."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from pipeline.bench.catalogue import load
from pipeline.errors import RecipeError

KEPT = sorted((Path(__file__).parents[3] / "benchmarks" / "results").glob("*.json"))


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_what_is_kept_here_is_read(path):
    assert load(path)["scenario"]


def _set(found, place, value):
    *keys, last = place
    for key in keys:
        found = found[key]
    found[last] = value


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("scenario",), "../elsewhere"),
        (("machine",), None),
        (("load",), 3),
        (("cluster",), []),
        (("software",), []),
        (("size",), 3),
        (("cases",), {}),
        (("cases", 0, "runs"), None),
        (("cases", 0, "runs", 0, "wall"), "fast"),
        (("cases", 0, "runs", 0, "stages"), 3),
        (("cases", 0, "runs", 0, "stages"), [{"product": "x"}]),
    ],
)
def test_what_was_edited_is_told_by_its_place(result, tmp_path, place, value):
    found = {**copy.deepcopy(result), "format": 1}
    path = tmp_path / "a.json"
    path.write_text(json.dumps(found))
    assert load(path) == found
    _set(found, place, value)
    path.write_text(json.dumps(found))
    with pytest.raises(RecipeError, match=rf"a\.json is no measurement .*\({place[0]}"):
        load(path)
