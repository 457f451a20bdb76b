"""What libraries say of damaged files becomes one clean sentence."""

from __future__ import annotations

import gzip
import io
import zipfile

import h5py
import nibabel
import numpy as np
import pytest
import scipy.io

from storage.errors import Invalid, Missing
from storage.reading import reading


def written(write) -> bytes:
    """Return what a function writes into a file."""
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def hdf5(file) -> None:
    with h5py.File(file, "w") as made:
        made["a"] = np.arange(3000.0)
        made.create_dataset("b", data=np.arange(3000), chunks=(100,), compression="gzip")


def volume(file) -> None:
    image = nibabel.Nifti1Image(np.random.default_rng(0).normal(size=(5, 5, 5)), np.eye(4))
    file.write(gzip.compress(image.to_bytes()))


def read_hdf5(file) -> None:
    with h5py.File(file, "r") as opened:
        names = list(opened)  # a walk that a fault ends keeps h5py's lock
        assert [opened[name][()] for name in names]


def read_volume(file) -> None:
    np.asarray(nibabel.Nifti1Image.from_bytes(gzip.decompress(file.read())).dataobj)


FORMATS = {
    "hdf5": (hdf5, read_hdf5),
    "mat": (lambda file: scipy.io.savemat(file, {"a": np.arange(300.0)}), scipy.io.loadmat),
    "npy": (lambda file: np.save(file, np.arange(300.0)), np.load),
    "nii.gz": (volume, read_volume),
}


def told(content: bytes, read) -> str:
    with pytest.raises(Invalid) as caught, reading("x.y"):
        read(io.BytesIO(content))
    return str(caught.value)


@pytest.mark.parametrize("name", FORMATS)
def test_a_truncated_file(name):
    write, read = FORMATS[name]
    content = written(write)
    assert told(content[: len(content) - 300], read) == (
        "x.y cannot be read; the file is truncated: get or write it again"
    )


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_hdf5_file_is_told_without_the_library(seed):
    """Bytes are written over at random; what is still read is no case."""
    content, random = bytearray(written(hdf5)), np.random.default_rng(seed)
    for at in random.integers(0, 2500, 40):
        content[at] = random.integers(256)
    try:
        read_hdf5(io.BytesIO(bytes(content)))
    except Exception:  # noqa: BLE001  (anything may come)
        said = told(bytes(content), read_hdf5)
        assert said.startswith("x.y cannot be read")
        assert said.endswith(": get or write it again")
        assert not [word for word in ("Unable", "Can't", "synchronously", "NoneType") if word in said]


def test_no_hdf5_at_all():
    said = "x.y cannot be read as HDF5; the file is damaged or not what its name says: get or write it again"
    assert told(b"<html>" * 500, read_hdf5) == said


def test_what_a_library_says_for_people_is_kept():
    assert "(File is not a zip file)" in told(b"no zip", zipfile.ZipFile)


def test_our_own_errors_pass():
    with pytest.raises(Missing, match=r"^gone$"), reading("x.y"):
        raise Missing("gone")
