"""The same numbers, identity and refusals from S3, and no more bytes than are needed."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest

from storage.errors import Changed, Denied, Invalid, Missing, Unreachable
from storage.remote import Location
from storage.s3 import Bucket
from storage.sources.nsd import NsdSource
from storage.transfer import traffic

SUBJECT = "subj02"


@pytest.mark.parametrize("layout", ["voxels", "bricks", "nifti"])
def test_as_from_a_folder(tmp_path, make, on_s3, layout):
    made = make(tmp_path, layout=layout)
    given = {"expression": "nsdgeneral | streams == early", "rois": (("v1", "prf-visualrois == V1v"),)}
    near, far = made.source(**given), NsdSource(on_s3(made), **given)
    far.check(SUBJECT)
    assert far.identity(SUBJECT, "betas") == near.identity(SUBJECT, "betas")
    for product in ("trials", "voxels", "betas", "stimuli", "captions"):
        names = [
            {url.removeprefix(f"{source.location}/") for url in source.stamps(SUBJECT, product)}
            for source in (near, far)
        ]
        assert names[0] == names[1]
    for what in ("trials", "voxels"):
        assert getattr(far, what)(SUBJECT).identical(getattr(near, what)(SUBJECT))
    assert far.captions(SUBJECT).compute().identical(near.captions(SUBJECT).compute())
    for what in ("betas", "images"):
        there, here = getattr(far, what)(SUBJECT), getattr(near, what)(SUBJECT)
        assert there.shape == here.shape
        np.testing.assert_array_equal(there.read(3, 20), here.read(3, 20))
        np.testing.assert_array_equal(there.read(0, there.shape[0]), here.read(0, here.shape[0]))
    walked = list(there.walk([(3, 9), (1, 2)]))  # of the pictures
    np.testing.assert_array_equal(walked, np.concatenate([here.read(3, 9), here.read(1, 2)]))


def test_only_the_pictures_asked_for_are_moved(release, on_s3):
    images = NsdSource(on_s3(release)).images(SUBJECT)
    images.read(0, 1)  # the header
    before = traffic.bytes
    images.read(2, 6)
    assert traffic.bytes - before == 4 * 6 * 5 * 3


def test_pictures_in_chunks(release, on_s3, files):
    expected = release.source().images(SUBJECT).read(0, 6)
    files.stimuli(release.stimuli, release.pictures, chunks=(2, 3, 5, 3))
    np.testing.assert_array_equal(NsdSource(on_s3(release)).images(SUBJECT).read(0, 6), expected)


def test_a_session_file_does_not_stay(tmp_path, make, on_s3, monkeypatch, caplog):
    made = make(tmp_path / "release", layout="latest")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = set(tmp_path.iterdir())
    NsdSource(on_s3(made)).betas(SUBJECT).read(0, 42)
    assert set(tmp_path.iterdir()) == before
    assert "the whole file is read through h5py" in caplog.text


@pytest.mark.parametrize("layout", ["voxels", "volumes", "latest", "nifti"])
def test_a_session_that_is_written_while_it_is_read(tmp_path, make, on_s3, monkeypatch, layout):
    made = make(tmp_path, layout=layout)
    place = on_s3(made)
    betas = NsdSource(place).betas(SUBJECT)
    name = Path(next(made.sessions.glob("betas_session01*"))).relative_to(made.root).as_posix()
    content, read = (place / name).read(), Bucket.read
    betas.check()
    asked = []

    def read_and_touch(self, key, *given):
        asked.append(key)
        if len(asked) == 1:
            (place / name).write(content + b" ")
        return read(self, key, *given)

    monkeypatch.setattr(Bucket, "read", read_and_touch)
    with pytest.raises(Changed, match="was written while it was read"):
        betas.read(0, 14)


def test_truncated_there(release, on_s3, files):
    files.cut(release.sessions / "betas_session02.hdf5", 50)
    with pytest.raises(Invalid, match=r"betas_session02.hdf5 cannot be read"):
        NsdSource(on_s3(release)).check(SUBJECT)


def test_what_the_store_says_while_a_header_is_read_is_passed_on(release, on_s3, monkeypatch):
    place = on_s3(release)
    betas = NsdSource(place).betas(SUBJECT)

    def lost(self, *_):
        raise Unreachable(f"{self} could not be reached")

    monkeypatch.setattr(Location, "read", lost)
    with pytest.raises(Unreachable):
        betas.check()


def test_no_such_bucket_and_wrong_credentials(s3_server, s3_bucket, monkeypatch):
    options = {"endpoint_url": s3_server}
    with pytest.raises(Missing, match="bucket 'no-such-bucket' does not exist"):
        NsdSource(Location.of("s3://no-such-bucket", options)).check(SUBJECT)
    with pytest.raises(Missing, match=r"nsd_expdesign.mat does not exist"):
        NsdSource(Location.of(f"s3://{s3_bucket}", options)).check(SUBJECT)
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(Denied, match="nobody"):
        NsdSource(Location.of(f"s3://{s3_bucket}", options | {"profile": "nobody"})).check(SUBJECT)
