"""Every space of the release: every value is what h5py and nibabel read from the same files."""

from __future__ import annotations

import gzip
import pickle
import shutil
from pathlib import Path

import h5py
import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from storage.errors import Invalid, Missing, NotInSource
from storage.remote import Location
from storage.simulate.nsd import simulate_nsd
from storage.sources.nsd import NsdSource
from storage.sources.nsd.anatomical import nearest
from storage.sources.nsd.layout import BETAS, SPACES
from storage.transfer import traffic

SUBJECT, TRIALS = "subj01", 30
FOLDER = "nsddata_betas/ppdata/subj01/{}/betas_fithrf_GLMdenoise_RR"
LABELS = {
    "nativesurface": "nsddata/freesurfer/subj01/label",
    "fsaverage": "nsddata/freesurfer/fsaverage/label",
}
EXPRESSIONS = {
    "nsdgeneral": lambda v: v("nsdgeneral") > 0,
    "brain": lambda v: v("brain") > 0,
    "lh.streams == early | rh.prf-visualrois == hV4": lambda v: (
        (v("lh.streams") == 1) | (v("rh.prf-visualrois") == 7)
    ),
    "prf-visualrois - lh.nsdgeneral": lambda v: (v("prf-visualrois") > 0) & ~(v("lh.nsdgeneral") > 0),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("spaces") / "release"
    plain = {"subjects": 1, "sessions": 3, "grid": (6, 7, 5), "images": 30, "size": 16, "seed": 3}
    simulate_nsd(place, **plain, spaces=SPACES, extras=["anatomical"])
    return place


@pytest.fixture
def copy(folder, tmp_path):
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def mgh(path):
    """Read with nibabel, which leaves files of surfaces open where it opens them itself."""
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".mgz" else path.read_bytes()
    return np.asarray(nibabel.MGHImage.from_bytes(content).dataobj)[:, 0, 0]


class Plain:
    """One space, read with h5py and nibabel alone: arrays over all its places, in the order of `voxels`."""

    def __init__(self, root, space):
        self.root, self.space = root, space
        self.surface = space in LABELS
        self.func = root / f"nsddata/ppdata/subj01/{space}"
        self.betas = root / FOLDER.format(space)

    def labels(self, name):
        if not self.surface:
            path = self.func / ("brainmask" if name == "brain" else f"roi/{name}")
            return np.asarray(nibabel.load(path.with_name(f"{path.name}.nii.gz")).dataobj)
        sides = [side for side in ("lh.", "rh.") if name.startswith(side)] or ["lh.", "rh."]
        bare = "streams" if name == "brain" else name.removeprefix("lh.").removeprefix("rh.")
        halves = []
        for side in ("lh.", "rh."):
            read = mgh(self.root / LABELS[self.space] / f"{side}{bare}.mgz")
            halves.append(np.ones_like(read) if name == "brain" else read if side in sides else 0 * read - 1)
        return np.concatenate(halves)

    def ncsnr(self):
        if not self.surface:
            return np.asarray(nibabel.load(self.betas / "ncsnr.nii.gz").dataobj)
        return np.concatenate([mgh(self.betas / f"{side}.ncsnr.mgh") for side in ("lh", "rh")])

    def session(self, number):
        name = f"betas_session{number:02d}"
        if self.space == "fsaverage":
            whole = np.concatenate([mgh(self.betas / f"{side}.{name}.mgh") for side in ("lh", "rh")]).T
            return np.nan_to_num(whole)  # what was never measured is NaN throughout
        if self.surface:
            return np.concatenate([self.hdf5(f"{side}.{name}") for side in ("lh", "rh")], axis=1)
        return self.hdf5(name).transpose(0, 3, 2, 1)

    def hdf5(self, name):
        with h5py.File(self.betas / f"{name}.hdf5") as file:
            return file["betas"][...]

    def ijk(self, mask):
        if not self.surface:
            return np.argwhere(mask)
        left = len(mgh(self.root / LABELS[self.space] / "lh.streams.mgz"))
        vertex = np.flatnonzero(mask)
        return np.stack([vertex >= left, np.where(vertex >= left, vertex - left, vertex), 0 * vertex], axis=1)


@settings(max_examples=20)
@given(
    st.sampled_from(SPACES),
    st.sampled_from(sorted(EXPRESSIONS)),
    st.sets(st.integers(1, 3), min_size=1),
    st.data(),
)
def test_every_value(folder, space, expression, sessions, data):
    plain = Plain(folder, space)
    source = NsdSource(
        Location.of(folder), expression=expression, space=space, sessions=tuple(sorted(sessions))
    )
    source.check(SUBJECT)
    mask = EXPRESSIONS[expression](plain.labels)
    voxels = source.voxels(SUBJECT)
    np.testing.assert_array_equal(np.stack([voxels[axis] for axis in "ijk"], axis=1), plain.ijk(mask))
    ratio = plain.ncsnr()[mask].astype(float)
    shown = np.unique(source.trials(SUBJECT).image_id, return_counts=True)[1]
    ceiling = 100 * ratio**2 / (ratio**2 + (1 / shown).mean())
    np.testing.assert_allclose(voxels.noise_ceiling, ceiling, rtol=1e-5)
    for name in ("nsdgeneral", "rh.streams", "lh.prf-visualrois"):
        np.testing.assert_array_equal(voxels.in_roi.sel(roi=name), plain.labels(name)[mask] > 0)
    np.testing.assert_array_equal(voxels.in_roi.sel(roi="streams/early"), plain.labels("streams")[mask] == 1)
    betas = pickle.loads(pickle.dumps(source.betas(SUBJECT)))
    expected = np.concatenate([plain.session(number)[:, mask] for number in sorted(sessions)])
    assert betas.shape == expected.shape
    assert betas.block == TRIALS
    assert (betas.dtype, betas.scale) == (("float32", 1) if space == "fsaverage" else ("int16", 1 / 300))
    start = data.draw(st.integers(0, len(expected)))
    stop = data.draw(st.integers(start, len(expected)))
    for span in ((0, len(expected)), (start, stop)):
        found = betas.read(*span)
        assert found.dtype == betas.dtype
        np.testing.assert_array_equal(found, expected[slice(*span)])
    stamps = source.stamps(SUBJECT, "betas")
    assert all(stamps[url] for url in betas.files(0, len(expected)))


@pytest.mark.parametrize("space", ["func1pt8mm", "func1mm"])
def test_both_formats_of_volumes(folder, space):
    given = {"location": Location.of(folder), "space": space, "expression": "brain | nsdgeneral"}
    one, other = (NsdSource(**given, format=form).betas(SUBJECT) for form in ("hdf5", "nifti"))
    np.testing.assert_array_equal(one.read(0, TRIALS), other.read(0, TRIALS))
    assert one.files(0, 1) != other.files(0, 1)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_versions(copy, space, version):
    name = BETAS[int(version[1]) - 1]
    here = copy / FOLDER.format(space)
    if here.name != name:
        here.rename(here.with_name(name))
    source = NsdSource(Location.of(copy), space=space, version=version)
    source.check(SUBJECT)
    assert name in source.betas(SUBJECT).files(0, 1)[0]
    assert source.identity(SUBJECT, "betas")["betas"] == name


def test_fine_volumes_have_no_first_version(copy):
    shutil.rmtree(copy / "nsddata_betas")
    NsdSource(Location.of(copy), version="v1").trials(SUBJECT)
    with pytest.raises(NotInSource, match=r"in func1mm: 'betas_assumehrf' is not known"):
        NsdSource(Location.of(copy), version="v1", space="func1mm").trials(SUBJECT)


def test_what_was_never_measured_is_zero_and_what_is_half_measured_is_refused(copy):
    path = copy / FOLDER.format("fsaverage") / "lh.betas_session02.mgh"
    values = mgh(path)
    values[7, 3] = np.nan

    def write():
        path.write_bytes(nibabel.MGHImage(values[:, None, None], np.eye(4)).to_bytes())

    write()
    source = NsdSource(Location.of(copy), space="fsaverage", expression="brain")
    betas = source.betas(SUBJECT)
    betas.read(0, TRIALS)
    with pytest.raises(Invalid, match=r"vertex 7 of .*lh\.betas_session02\.mgh is NaN or infinite in some"):
        betas.read(TRIALS, 2 * TRIALS)
    values[7] = np.nan
    write()
    assert not betas.read(TRIALS, 2 * TRIALS)[:, 7].any()
    values[7] = np.inf
    write()
    with pytest.raises(Invalid, match="vertex 7"):
        betas.read(TRIALS, 2 * TRIALS)


@pytest.mark.parametrize(
    ("space", "change", "said"),
    [
        ("fsaverage", lambda path: path.write_bytes(path.read_bytes()[:-40]), "the file is truncated"),
        (
            "fsaverage",
            lambda path: path.write_bytes(path.read_bytes()[:100]),
            "the file is truncated",
        ),
        ("fsaverage", lambda path: path.write_bytes(b"\0" * 5000), "is no .mgh file"),
        ("fsaverage", lambda path: rewrite(path, lambda v: v[:, :-1]), "holds 29 trials of .* expected 30"),
        ("fsaverage", lambda path: rewrite(path, lambda v: v[:-1]), "expected 30 of"),
        (
            "fsaverage",
            lambda path: rewrite(path, lambda v: np.nan_to_num(v).astype("i4")),
            "expected float32",
        ),
        ("nativesurface", lambda path: path.write_bytes(path.read_bytes()[:-9]), "truncated|cannot be read"),
        ("nativesurface", lambda path: path.unlink(), r"rh\.betas_session02\.hdf5 does not exist"),
    ],
)
def test_damaged_sessions_of_surfaces(copy, space, change, said):
    ending = "mgh" if space == "fsaverage" else "hdf5"
    change(copy / FOLDER.format(space) / f"rh.betas_session02.{ending}")
    with pytest.raises((Invalid, Missing), match=said) as told:
        NsdSource(Location.of(copy), space=space).check(SUBJECT)
    assert "\n" not in str(told.value)


def rewrite(path, change):
    path.write_bytes(nibabel.MGHImage(change(mgh(path))[:, None, None], np.eye(4)).to_bytes())


def test_labels_of_surfaces_must_fit(copy):
    labels = copy / LABELS["fsaverage"]
    (labels / "lh.curvature.mgz").write_bytes((labels / "lh.streams.mgz").read_bytes())
    (labels / "rh.curvature.mgz").write_bytes((labels / "rh.streams.mgz").read_bytes())
    source = NsdSource(Location.of(copy), space="fsaverage")
    assert not [
        name for name in source.voxels(SUBJECT).roi.values if "curvature" in name
    ]  # maps are no atlas
    (labels / "curvature.mgz.ctab").write_text("1 folded\n")
    assert "curvature/folded" in source.voxels(SUBJECT).roi.values
    (labels / "rh.streams.mgz").write_bytes((labels / "lh.streams.mgz").read_bytes())
    with pytest.raises(Invalid, match=r"rh\.streams\.mgz has .* vertices, other files of the hemisphere"):
        source.voxels(SUBJECT)
    for path in labels.glob("*h.*.mgz"):
        path.unlink()
    assert NsdSource(Location.of(copy), space="fsaverage", expression="brain").voxels(SUBJECT).sizes["voxel"]
    for path in (copy / FOLDER.format("fsaverage")).glob("*.ncsnr.mgh"):
        path.unlink()
    with pytest.raises(Missing, match="nothing tells how many vertices"):
        NsdSource(Location.of(copy), space="fsaverage", expression="brain").voxels(SUBJECT)


def test_fsaverage_from_s3_moves_each_file_once(folder, s3_server, s3_bucket):
    space = "fsaverage"
    place = Location.of(f"s3://{s3_bucket}/release", {"endpoint_url": s3_server})
    wanted = [*folder.glob("nsddata/experiments/**/*"), *folder.glob("nsddata/ppdata/**/*.tsv")]
    for path in [*wanted, *folder.glob("nsddata/freesurfer/**/*"), *folder.glob(f"{FOLDER.format(space)}/*")]:
        if path.is_file():
            (place / path.relative_to(folder).as_posix()).write(path.read_bytes())
    betas = NsdSource(place, space=space).betas(SUBJECT)
    expected = NsdSource(Location.of(folder), space=space).betas(SUBJECT).read(0, TRIALS)
    np.testing.assert_array_equal(betas.read(0, TRIALS), expected)
    before = traffic.bytes
    betas.read(TRIALS, 2 * TRIALS)
    size = sum(path.stat().st_size for path in (folder / FOLDER.format(space)).glob("*session02*"))
    assert traffic.bytes - before <= 1.1 * size + 2 * 284


@settings(max_examples=50)
@given(st.data())
def test_the_nearest_voxel_is_that_of_scipy(data):
    shape = data.draw(st.tuples(*[st.integers(1, 6)] * 3))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    labels = rng.integers(0, 9, shape).astype(np.int32)
    where = rng.uniform(-1, 8, (40, 3)).round(rng.integers(0, 3))
    where[rng.random(40) < 0.1] = 9999
    at = where - 1
    inside = ((at >= 0) & (at <= np.array(shape) - 1)).all(axis=1)
    expected = np.where(inside, map_coordinates(labels, at.T, order=0, mode="nearest"), -1)
    np.testing.assert_array_equal(nearest(labels, where), expected)


def test_an_atlas_in_anatomical_space(folder):
    root = folder / "nsddata/ppdata/subj01"
    where = np.asarray(nibabel.load(root / "transforms/anat0pt8-to-func1pt8.nii.gz").dataobj)
    labels = np.asarray(nibabel.load(root / "anat/roi/halves.nii.gz").dataobj)
    expected = map_coordinates(labels, (np.minimum(where, 100) - 1).reshape(-1, 3).T, order=0, mode="nearest")
    expected = np.where(where[..., 0] == 9999, -1, expected.reshape(where.shape[:3]))
    source = NsdSource(
        Location.of(folder), expression="halves == left", rois=(("right", "halves - halves == left"),)
    )
    voxels = source.voxels(SUBJECT)
    np.testing.assert_array_equal(
        np.stack([voxels[axis] for axis in "ijk"], axis=1), np.argwhere(expected == 1)
    )
    assert voxels.in_roi.sel(roi="halves/left").all()
    stamps = source.stamps(SUBJECT, "voxels")
    there = {name.rpartition("/")[2] for name, etag in stamps.items() if "anat" in name and etag}
    assert there == {"", "halves.nii.gz", "anat0pt8-to-func1pt8.nii.gz"}
    with pytest.raises(NotInSource, match="no region is called 'halves'"):  # there is no transform to it
        NsdSource(Location.of(folder), space="func1mm", expression="halves").voxels(SUBJECT)


def test_anatomical_volumes_that_do_not_fit(copy, files, monkeypatch):
    roi = copy / "nsddata/ppdata/subj01/anat/roi/halves.nii.gz"
    source = NsdSource(Location.of(copy), expression="halves")
    files.volume(roi, np.zeros((4, 4, 4), np.int16))  # voxels of 1 mm
    with pytest.raises(Missing, match="anat1pt0-to-func1pt8"):
        source.voxels(SUBJECT)
    image = nibabel.Nifti1Image(
        np.arange(4096, dtype=np.float32).reshape(16, 16, 16), np.diag([0.8, 0.8, 0.8, 1])
    )
    nibabel.save(image, roi)
    monkeypatch.setattr("storage.sources.nsd.atlases.MOST", 5)
    with pytest.raises(Invalid, match="different values, expected at most 5 labels"):
        source.voxels(SUBJECT)
    nibabel.save(nibabel.Nifti1Image(np.ones((4, 4, 4), np.int16), np.diag([2.0, 2, 2, 1])), roi)
    with pytest.raises(Invalid, match=r"has voxels of 2\.0 mm"):
        source.voxels(SUBJECT)
