"""Every value is what h5py, nibabel and scipy read from the same files."""

from __future__ import annotations

import pickle
import tempfile
from pathlib import Path

import h5py
import nibabel
import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st

LAYOUTS = ["voxels", "sparse", "packed", "volumes", "bricks", "latest", "checked", "contiguous", "nifti"]
SUBJECT = "subj02"
EXPRESSIONS = {
    "nsdgeneral": lambda v: v["nsdgeneral"] > 0,
    "brain": lambda v: v["brainmask"] > 0,
    "brain | nsdgeneral": lambda v: (v["brainmask"] > 0) | (v["nsdgeneral"] > 0),
    "prf-visualrois == V1v | nsdgeneral": lambda v: (v["prf-visualrois"] == 1) | (v["nsdgeneral"] > 0),
}


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    grid=st.tuples(*[st.integers(1, 5)] * 3),
    lengths=st.lists(st.integers(3, 9), min_size=1, max_size=4),
    layout=st.sampled_from(LAYOUTS),
    expression=st.sampled_from(sorted(EXPRESSIONS)),
    data=st.data(),
)
def test_every_value(make, seed, grid, lengths, layout, expression, data):
    with tempfile.TemporaryDirectory() as folder:
        made = make(Path(folder), seed=seed, grid=grid, lengths=tuple(lengths), layout=layout)
        numbers = range(1, len(lengths) + 1)
        chosen = sorted(data.draw(st.sets(st.sampled_from(numbers), min_size=1)))
        source = pickle.loads(pickle.dumps(made.source(expression=expression, sessions=tuple(chosen))))
        source.check(SUBJECT)
        check_trials(made, source, chosen)
        check_betas(made, source, chosen, EXPRESSIONS[expression](made.volumes), data)
        check_pictures(made, source, data)


def check_trials(made, source, chosen):
    mat = scipy.io.loadmat(made.design)
    of_session = np.repeat(np.arange(1, len(made.lengths) + 1), made.lengths)
    here = np.flatnonzero(np.isin(of_session, chosen))
    kid10 = mat["masterordering"].ravel().astype(int)[here]
    nsd = mat["subjectim"].astype(int)[1, kid10 - 1] - 1
    found = source.trials(SUBJECT)
    assert found.image_id.values.tolist() == [f"nsd{each:05d}" for each in nsd]
    assert found.session.values.tolist() == of_session[here].tolist()
    assert found.test.values.tolist() == (kid10 <= 4).tolist()
    assert found.repeat.values.tolist() == [list(nsd[:at]).count(each) for at, each in enumerate(nsd)]
    types = {"session": "int16", "run": "int16", "repeat": "int16", "test": "bool", "image_id": "object"}
    assert {name: str(each.dtype) for name, each in found.items()} == types


def check_betas(made, source, chosen, mask, data):
    expected = made.everything(chosen)[:, mask]
    reader = pickle.loads(pickle.dumps(source.betas(SUBJECT)))
    assert (reader.shape, reader.dtype, reader.scale) == (expected.shape, "int16", 1 / 300)
    lengths = {made.lengths[each - 1] for each in chosen[:-1] or chosen}  # the last may be another
    assert reader.block == (lengths.pop() if len(lengths) == 1 else 750)
    start = data.draw(st.integers(0, len(expected)))
    stop = data.draw(st.integers(start, len(expected)))
    for span in ((0, len(expected)), (start, stop)):
        found = reader.read(*span)
        assert found.dtype == np.int16
        np.testing.assert_array_equal(found, expected[slice(*span)])
    voxels = source.voxels(SUBJECT)
    np.testing.assert_array_equal(np.stack([voxels[axis] for axis in "ijk"], axis=1), np.argwhere(mask))


def check_pictures(made, source, data):
    trials, images = source.trials(SUBJECT), source.images(SUBJECT)
    ids = list(dict.fromkeys(trials.image_id.values))
    assert images.ids == ids
    assert images.shape == (len(ids), 6, 5, 3)
    assert dict(zip(images.ids, images.test, strict=True)) == dict(
        zip(trials.image_id.values, trials.test.values, strict=True)
    )
    start = data.draw(st.integers(0, len(ids) - 1))
    rows = [int(each.removeprefix("nsd")) for each in ids]
    with h5py.File(made.stimuli) as file:
        expected = np.stack([file["imgBrick"][row] for row in rows])
    np.testing.assert_array_equal(images.read(0, len(ids)), expected)
    np.testing.assert_array_equal(images.read(start, len(ids)), expected[start:])
    captions = source.captions(SUBJECT).caption.values
    assert captions.tolist() == made.captions[rows].tolist()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_axes_are_those_of_the_nifti_mean(tmp_path, make, layout):
    made = make(tmp_path, grid=(4, 3, 2), layout=layout)
    mean = nibabel.Nifti1Image(made.everything().mean(axis=0), np.eye(4))
    nibabel.save(mean, made.sessions / "meanbeta.nii.gz")
    source = made.source(expression="brain | nsdgeneral")
    voxels, betas = source.voxels(SUBJECT), source.betas(SUBJECT)
    volume = nibabel.load(made.sessions / "meanbeta.nii.gz").get_fdata()
    found = betas.read(0, betas.shape[0]).mean(axis=0)
    np.testing.assert_allclose(found, volume[voxels.i, voxels.j, voxels.k])


def test_pictures_that_lie_in_chunks(release, files):
    expected = release.source().images(SUBJECT).read(0, 5)
    files.stimuli(release.stimuli, release.pictures, chunks=(2, 3, 5, 3))
    np.testing.assert_array_equal(release.source().images(SUBJECT).read(0, 5), expected)


def test_a_matlab_7_3_design(release):
    expected = release.source().trials(SUBJECT)
    variables = scipy.io.loadmat(release.design)
    release.design.unlink()
    with h5py.File(release.design, "w", userblock_size=512) as file:
        for name in ("masterordering", "subjectim", "sharedix"):
            file[name] = variables[name].T
    with release.design.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM")
    assert release.source().trials(SUBJECT).identical(expected)


def test_regions_and_noise_ceilings(release):
    source = release.source(expression="brain | nsdgeneral", rois=(("both", "streams & 'prf-visualrois'"),))
    found, volumes = source.voxels(SUBJECT), release.volumes
    at = found.i.values, found.j.values, found.k.values
    expected = {
        "both": (volumes["streams"] > 0) & (volumes["prf-visualrois"] > 0),
        "brain": volumes["brainmask"] > 0,
        "streams/early": volumes["streams"] == 1,
        "streams/2": volumes["streams"] == 2,
        "prf-visualrois/V1v": volumes["prf-visualrois"] == 1,
        "prf-visualrois/V1 d": volumes["prf-visualrois"] == 2,
        "prf-visualrois/hV4": volumes["prf-visualrois"] == 3,
        "prf-visualrois/4": volumes["prf-visualrois"] == 4,
        "lh.prf-visualrois/V1v": volumes["lh.prf-visualrois"] == 1,
        "lh.prf-visualrois/hV4": np.zeros(release.grid, bool),
        **{name: volumes[name] > 0 for name in ("nsdgeneral", "streams", "prf-visualrois")},
    }
    assert set(expected) <= set(found.roi.values.tolist())
    for name, mask in expected.items():
        np.testing.assert_array_equal(found.in_roi.sel(roi=name), mask[at], err_msg=name)
    assert found.in_roi.dtype == bool
    assert found.i.dtype == np.int32
    _, times = np.unique(release.kid73, return_counts=True)
    ratio = volumes["ncsnr"][at].astype(float)
    np.testing.assert_allclose(
        found.noise_ceiling, 100 * ratio**2 / (ratio**2 + (1 / times).mean()), rtol=1e-6
    )
    assert np.isnan(found.noise_ceiling).sum() == np.isnan(ratio).sum()
    assert found.noise_ceiling.dtype == np.float32


def test_without_noise_ratios_ceilings_are_unknown(release):
    (release.sessions / "ncsnr.nii.gz").unlink()
    assert np.isnan(release.source().voxels(SUBJECT).noise_ceiling).all()


def test_runs_are_those_of_the_record_and_else_of_the_design(release):
    assert release.source().trials(SUBJECT).run.values[:14].tolist() == [at // 3 + 1 for at in range(14)]


def test_test_pictures_of_a_file(release, tmp_path):
    ids = list(dict.fromkeys(release.source().trials(SUBJECT).image_id.values))
    listed = tmp_path / "ids.txt"
    listed.write_text(f"# two of them\n{ids[0]}\n{int(ids[3][3:])}  # a number\n\n")
    trials = release.source(test=str(listed)).trials(SUBJECT)
    assert set(trials.image_id.values[trials.test.values]) == {ids[0], ids[3]}
    assert release.source(test=str(listed)).images(SUBJECT).test.sum() == 2
    same = tmp_path / "same.txt"
    same.write_text(f"{ids[3]}\n{ids[0]}\n")
    one, other = (release.source(test=str(each)).identity(SUBJECT, "stimuli") for each in (listed, same))
    assert one == other != release.source().identity(SUBJECT, "stimuli")


def test_no_captions(release):
    release.stimuli.with_name("COCO_73k_annots_curated.npy").rename(release.root / "elsewhere.npy")
    assert release.source().captions(SUBJECT) is None
    (release.root / "elsewhere.npy").rename(release.root / "COCO_73k_annots_curated.npy")
    assert release.source().captions(SUBJECT) is not None
    assert release.source().labels(SUBJECT) is None


def test_a_run_is_planned_before_betas_and_pictures_are_there(release):
    whole = release.source(sessions=2)
    expected = whole.trials(SUBJECT), whole.betas(SUBJECT).shape, whole.identity(SUBJECT, "betas")
    assert expected[1][0] == 28
    for path in [*release.sessions.iterdir(), release.stimuli]:
        path.unlink()
    release.sessions.rmdir()
    found = whole.trials(SUBJECT), whole.betas(SUBJECT).shape, whole.identity(SUBJECT, "betas")
    assert found[0].identical(expected[0])
    assert found[1:] == expected[1:]
    assert np.isnan(whole.voxels(SUBJECT).noise_ceiling).all()
    assert whole.images(SUBJECT).shape[1:] == (425, 425, 3)
