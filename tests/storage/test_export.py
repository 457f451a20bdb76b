"""Export: the same numbers in files that other programs read."""

from __future__ import annotations

import csv
import re

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from storage import tables
from storage.errors import Exists, NoSuchForm, NotWritten
from storage.export import default_form, export
from storage.pngs import file_safe, names


def text(*values: str) -> np.ndarray:
    return np.array(values, object)


def pictures(samples: int = 1, channels: int = 3, repeat: int = -1) -> xr.Dataset:
    random = np.random.default_rng(0)
    values = random.integers(0, 256, (5, samples, 4, 6, channels), np.uint8)
    dataset = xr.Dataset(
        {"picture": (("row", "sample", "y", "x", "channel"), values)},
        coords={"image_id": ("row", text(*"abcde")), "repeat": ("row", np.full(5, repeat, np.int16))},
    )
    return dataset.chunk({"row": 2})


def scores() -> xr.Dataset:
    values = {name: ("metric", np.array([0.25, 0.5])) for name in tables.SUMMARY}
    return xr.Dataset(
        {**values, "score": (("metric", "row"), np.arange(6.0).reshape(2, 3))},
        coords={"metric": text("pix_corr", "ssim"), "image_id": ("row", text("a", "b", "c, d"))},
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_png_holds_the_pixels(tmp_path, channels):
    dataset = pictures(channels=channels)
    paths = export(dataset, "images/final", tmp_path / "out")
    assert [path.name for path in paths] == ["a.png", "b.png", "c.png", "d.png", "e.png"]
    for row, path in enumerate(paths):
        found = np.asarray(Image.open(path)).reshape(4, 6, channels)
        np.testing.assert_array_equal(found, dataset.picture.values[row, 0])


def test_stimuli_have_no_samples(tmp_path):
    values = np.zeros((2, 4, 4, 1), np.uint8)
    dataset = xr.Dataset(
        {"picture": (("image", "y", "x", "channel"), values)}, coords={"image_id": ("image", text("1", "2"))}
    )
    assert [path.name for path in export(dataset, "stimuli", tmp_path)] == ["1.png", "2.png"]


def test_names_tell_repeat_and_sample_where_there_are_several():
    assert names(pictures())[0] == "a.png"
    assert names(pictures(samples=2))[:2] == ["a_0.png", "a_1.png"]
    assert names(pictures(samples=2, repeat=1))[:2] == ["a_1_0.png", "a_1_1.png"]


@given(st.text(min_size=1), st.text(min_size=1))
def test_file_names_are_safe_and_different(first, second):
    safe = [file_safe(one) for one in (first, second)]
    for name in safe:
        assert re.fullmatch(r"[A-Za-z0-9_.~% -]+", name)
        assert not name.startswith(".")
        assert len(name) <= 200
    assert (safe[0] == safe[1]) == (first == second)


@pytest.mark.parametrize("form", ["npz", "npy"])
def test_arrays_come_back_without_pickle(tmp_path, form):
    dataset = scores()
    paths = export(dataset, "scores/final", tmp_path, form)
    if form == "npz":
        assert [path.name for path in paths] == ["scores-final.npz"]
        with np.load(paths[0]) as file:
            found = dict(file)
    else:
        found = {path.stem.removeprefix("scores-final-"): np.load(path) for path in paths}
    assert set(found) == set(dataset.variables)
    np.testing.assert_array_equal(found["score"], dataset.score.values)
    assert found["image_id"].tolist() == ["a", "b", "c, d"]


def test_text_of_variable_length_as_zarr_reads_it(tmp_path):
    dataset = xr.Dataset({"caption": ("image", np.array(["one", "two"], np.dtypes.StringDType()))})
    export(dataset, "captions", tmp_path, "npz")
    with np.load(tmp_path / "captions.npz") as file:
        assert file["caption"].tolist() == ["one", "two"]


def test_csv_is_long_with_its_coordinates(tmp_path):
    paths = export(scores(), "scores/final", tmp_path)
    assert sorted(path.name for path in paths) == ["scores-final-metric-row.csv", "scores-final-metric.csv"]
    with (tmp_path / "scores-final-metric-row.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[2] == {"metric": "pix_corr", "row": "2", "image_id": "c, d", "score": "2.0"}
    assert len(rows) == 6


def test_csv_of_too_many_values_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "MOST", 5)
    with pytest.raises(NoSuchForm, match="6 values by metric, row are too many"):
        export(scores(), "scores/final", tmp_path / "out", "csv")
    assert not (tmp_path / "out").exists()


def test_latex_is_a_table_of_the_means(tmp_path):
    (path,) = export(scores(), "scores/final", tmp_path, "latex")
    lines = path.read_text().splitlines()
    assert lines[0] == r"\begin{tabular}{lrrr}"
    assert lines[3] == r"pix\_corr & 0.250 & 0.250 to 0.250 & 0.250 \\"
    assert lines[-1] == r"\end{tabular}"


def test_default_forms():
    assert default_form(pictures()) == "png"
    assert default_form(scores()) == "csv"
    assert default_form(xr.Dataset({"gram": (("row", "column"), np.eye(2))})) == "npz"


@pytest.mark.parametrize("form", ["png", "latex"])
def test_a_form_a_product_does_not_have(tmp_path, form):
    with pytest.raises(NoSuchForm, match="gram-all holds no"):
        export(xr.Dataset({"gram": (("row", "column"), np.eye(2))}), "gram/all", tmp_path / "out", form)
    assert not (tmp_path / "out").exists()


def test_what_is_there_is_never_overwritten(tmp_path):
    export(pictures(), "images/final", tmp_path)
    before = (tmp_path / "a.png").stat()
    export(pictures(), "images/final", tmp_path)
    after = (tmp_path / "a.png").stat()  # it was read since, so one of its times may be another
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    (tmp_path / "a.png").unlink()
    (tmp_path / "d.png").write_bytes(b"mine")
    with pytest.raises(Exists, match=r"d\.png is there"):
        export(pictures(), "images/final", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.png", "c.png", "d.png", "e.png"]


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotWritten, match="name another folder"):
        export(pictures(), "images/final", tmp_path / "file" / "below")
