"""What is known of published weights, and of which it is said to be here."""

from __future__ import annotations

import pytest

from pipeline.models.inventory import here, inventory, size_of
from pipeline.models.published import CATALOGUE


@pytest.fixture
def ours(monkeypatch, tmp_path):
    monkeypatch.setenv("VOX2PIX_WEIGHTS", str(tmp_path))
    folder = tmp_path / "versatile-diffusion" / "vae"
    folder.mkdir(parents=True)
    (folder / "config.json").write_bytes(b"{}")
    (folder / "diffusion_pytorch_model.bin").write_bytes(b"12345")
    return folder


def test_a_part_that_is_here(ours):
    assert list(here()) == ["versatile-diffusion/vae"]
    (row,) = [one for one in inventory() if one["name"] == "versatile-diffusion"]
    assert row["there"] is None
    assert [part["there"] for part in row["parts"]] == [None, None, str(ours)]
    assert row["parts"][2]["bytes"] == 7  # as it is, rather than as was said


def test_each_model_and_part_once(ours):
    rows = inventory(str(ours / "nowhere"))
    assert [row["name"] for row in rows] == list(CATALOGUE)
    names = [part["name"] for row in rows for part in row["parts"]]
    assert len(set(names)) == len(names)
    assert not [part for row in rows for part in row["parts"] if part["there"]]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([(5, None), (7, 1000)], (12, True)),
        ([(5, None), (None, 10)], (45, False)),
        ([(5, None), (None, None)], (None, True)),
    ],
)
def test_sizes(parts, expected):
    assert size_of([{"bytes": size, "parameters": numbers} for size, numbers in parts]) == expected
