"""Ready-made voxels on S3: the same numbers and identity as from a folder, fetched once a process."""

from __future__ import annotations

import subprocess
import sys

import h5py
import numpy as np
import pytest
import scipy.io
import zarr

from storage.errors import Changed, Invalid, Missing, NotWritten
from storage.remote import Location
from storage.sources.arrays import ArraysSource
from storage.sources.arrays.copies import local_copy

KEYS = {"train_voxels": "xTrain", "test_voxels": "xTest", "train_images": "yTrain", "test_images": "yTest"}


@pytest.fixture
def folder(s3_server, s3_bucket) -> Location:
    return Location.of(f"s3://{s3_bucket}/data", {"endpoint_url": s3_server})


def good(seed=0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    voxels = {"xTrain": rng.standard_normal((7, 5)), "xTest": rng.standard_normal((3, 5))}
    return voxels | {"yTrain": rng.random((7, 4, 4)), "yTest": rng.random((3, 4, 4))}


def write(path, seed=0):
    if path.suffix == ".npz":
        np.savez(path, **good(seed))
    elif path.suffix == ".mat":
        scipy.io.savemat(path, good(seed))
    elif path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            for key, array in good(seed).items():
                file[key] = array
    elif path.suffix == ".zarr":
        group = zarr.open_group(str(path), mode="w")
        for key, array in good(seed).items():
            group.create_array(key, data=array)
    else:
        path.mkdir()
        for key, array in good(seed).items():
            np.save(path / f"{key}.npy", array)
    return path


def upload(path, target: Location) -> None:
    if path.is_file():
        target.write(path.read_bytes())
    for file in (each for each in path.rglob("*") if each.is_file()):
        (target / file.relative_to(path).as_posix()).write(file.read_bytes())


@pytest.mark.parametrize("name", ["x.npz", "x.mat", "x.h5", "x.zarr", "x"])
def test_as_from_a_folder(tmp_path, folder, name):
    path = write(tmp_path / name)
    upload(path, folder / name)
    near, far = (ArraysSource(place, **KEYS) for place in (Location.of(path), folder / name))
    far.check("s1")
    np.testing.assert_array_equal(far.betas("s1").read(0, 10), near.betas("s1").read(0, 10))
    np.testing.assert_array_equal(far.images("s1").read(3, 10), near.images("s1").read(3, 10))
    assert far.identity("s1", "betas") == near.identity("s1", "betas")
    assert far.stamps("s1", "betas") == near.stamps("s1", "betas")
    with pytest.raises(Invalid, match="did you mean 'xTrain'"):
        ArraysSource(folder / name, **{**KEYS, "train_voxels": "xTrian"}).check("s1")


def test_a_file_is_fetched_once_and_again_when_it_has_changed(tmp_path, folder, monkeypatch):
    upload(write(tmp_path / "x.npz"), folder / "x.npz")
    fetched = []
    fetch = Location.fetch
    monkeypatch.setattr(Location, "fetch", lambda self, target: (fetched.append(self), fetch(self, target)))
    source = ArraysSource(folder / "x.npz", **KEYS)
    source.check("s1")
    source.identity("s1", "betas")
    before = source.betas("s1").read(0, 10)
    assert fetched == [folder / "x.npz"]
    upload(write(tmp_path / "x.npz", seed=1), folder / "x.npz")
    assert not np.array_equal(source.betas("s1").read(0, 10), before)
    assert len(fetched) == 2


def test_a_file_that_is_written_while_it_is_read_is_an_error(folder, monkeypatch):
    place = folder / "x.npz"
    place.write(b"before")
    monkeypatch.setattr(Location, "fetch", lambda self, _: self.write(b"afterwards"))
    with pytest.raises(Changed, match="was written while it was read"):
        local_copy(place)


def test_a_full_temporary_folder_is_an_error(folder, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    (folder / "x.npz").write(b"content")
    monkeypatch.setattr(Location, "fetch", full)
    with pytest.raises(NotWritten, match=r"No space left on device\): make room or set TMPDIR"):
        local_copy(folder / "x.npz")


def test_what_is_not_there(folder):
    for name in ("x.npz", "x.zarr", "x"):
        with pytest.raises(Missing):
            ArraysSource(folder / name, **KEYS).check("s1")
    with pytest.raises(Missing):
        ArraysSource(Location.of("s3://no-such-bucket-1/x.npz", dict(folder.options)), **KEYS).check("s1")


def test_the_copy_is_removed_when_the_process_ends(folder, tmp_path):
    (folder / "x.bin").write(b"content")
    code = f"""
from storage.remote import Location
from storage.sources.arrays.copies import local_copy
print(local_copy({folder / "x.bin"!r}))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "vox2pix-" in found.stdout
    assert not (tmp_path / found.stdout.strip()).exists()


def test_opening_loads_no_heavy_library():
    code = """
import sys
import storage.sources.arrays, storage.simulate
heavy = {"zarr", "h5py", "scipy", "xarray", "pandas", "obstore", "torch"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True)
