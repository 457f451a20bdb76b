"""NIfTI files as nibabel reads them: values in their places, in the right millimetres."""

from __future__ import annotations

import tracemalloc

import dask.array as da
import nibabel
import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.errors import NoSuchForm
from storage.export import export

AFFINE = np.array([[-1.8, 0.1, 0, 70], [0, 1.7, -0.2, -90], [0.05, 0.2, 1.8, -60], [0, 0, 0, 1]])


def product(grid=(5, 4, 3), voxels=11, rows=6, dtype="f4", seed=0) -> xr.Dataset:
    """Return a product along `voxel` whose voxels lie in a volume, in chunks of all rows by some voxels."""
    random = np.random.default_rng(seed)
    places = np.array(np.unravel_index(random.permutation(np.prod(grid))[:voxels], grid), np.int32)
    values = (random.normal(size=(rows, voxels)) * 100).astype(dtype)
    space = {"grid": list(grid), "affine": AFFINE.tolist()}
    return xr.Dataset(
        {
            "response": (("row", "voxel"), da.from_array(values, (rows, 4))),
            "mean": ("voxel", values.mean(axis=0).astype("f4")),
            "valid": ("voxel", values[0] > 0),
            "code": (("voxel", "row"), values.T.astype("f2")),
        },
        coords={
            "i": ("voxel", places[0], space),
            "j": ("voxel", places[1]),
            "k": ("voxel", places[2]),
            "image_id": ("row", np.array([f"n{at}" for at in range(rows)], object)),
        },
    )


def filled(dataset, values):
    """Return the volume that values (voxel) make."""
    volume = np.zeros(dataset.i.attrs["grid"])
    volume[dataset.i.values, dataset.j.values, dataset.k.values] = values
    return volume


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    grid=st.tuples(*[st.integers(1, 6)] * 3),
    share=st.floats(0.01, 1),
    dtype=st.sampled_from(["i2", "f4", "f8", "u1", "?"]),
    seed=st.integers(0, 99),
)
def test_every_value_lies_in_its_place(tmp_path_factory, grid, share, dtype, seed):
    dataset = product(grid, max(1, int(share * np.prod(grid))), 3, dtype, seed)
    (path,) = export(dataset, "responses", tmp_path_factory.mktemp("out"), "nifti", ["response"])
    image = nibabel.load(path)
    assert image.shape == (*grid, 3)
    np.testing.assert_allclose(image.affine, AFFINE, rtol=1e-6)
    assert image.header.get_xyzt_units()[0] == "mm"
    for row in range(3):
        np.testing.assert_array_equal(
            np.asarray(image.dataobj)[..., row], filled(dataset, dataset.response[row].values)
        )


def test_one_volume_an_array_unless_rows_are_asked_for(tmp_path):
    dataset = product()
    paths = export(dataset, "responses", tmp_path, "nifti")
    assert [path.name for path in paths] == ["responses-mean.nii.gz", "responses-valid.nii.gz"]
    valid = nibabel.load(paths[1])
    assert valid.get_data_dtype() == np.uint8
    np.testing.assert_array_equal(valid.dataobj, filled(dataset, dataset.valid.values))
    (code,) = export(dataset, "weights", tmp_path, "nifti", ["code"])  # voxels first, half precision
    np.testing.assert_array_equal(nibabel.load(code).dataobj[..., 2], filled(dataset, dataset.code[:, 2]))
    (betas,) = export(dataset[["response"]], "betas", tmp_path, "nifti")  # has nothing else
    assert nibabel.load(betas).shape == (5, 4, 3, 6)


def test_a_selection_is_exported_as_a_product_is(tmp_path):
    some = product().isel(voxel=slice(2, 7), row=[4, 1])
    (path,) = export(some, "v1", tmp_path, "nifti", ["response"])
    np.testing.assert_array_equal(nibabel.load(path).dataobj[..., 1], filled(some, some.response[1].values))


def test_twice_is_the_same_file(tmp_path):
    first = export(product(), "responses", tmp_path, "nifti")[0].read_bytes()
    assert export(product(), "responses", tmp_path, "nifti")[0].read_bytes() == first


@pytest.mark.parametrize(
    ("spoil", "arrays", "says"),
    [
        (lambda it: it.drop_vars(["i", "j", "k"]), (), "lie in no volume"),
        (lambda it: it.assign_coords(i=("voxel", it.i.values)), (), "lie in no volume"),
        (lambda it: it.isel(voxel=0), (), "no value of a voxel"),
        (lambda it: it.assign(x=it.response.expand_dims(sample=2)), ("x",), "takes voxel and one more"),
        (lambda it: it, ("respones",), "no array 'respones'; it has response, mean"),
    ],
)
def test_what_has_no_volume_is_refused(tmp_path, spoil, arrays, says):
    with pytest.raises(NoSuchForm, match=says):
        export(spoil(product()), "responses", tmp_path / "out", "nifti", arrays)
    assert not (tmp_path / "out").exists()


def test_memory_is_a_chunk_and_a_volume(tmp_path):
    dataset = product((20, 20, 20), 4000, 8)
    wide = da.ones((4000, 4000), chunks=(4000, 100), dtype="f4")
    dataset = dataset.drop_dims("row").assign(response=(("row", "voxel"), wide))
    tracemalloc.start()
    (path,) = export(dataset, "responses", tmp_path, "nifti", ["response"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < wide.nbytes / 4
    assert nibabel.load(path).shape == (20, 20, 20, 4000)
