"""What is missing, wrong or damaged is said in one line, with the exit code of its kind."""

from __future__ import annotations

import gzip
import shutil

import h5py
import numpy as np
import pytest
import scipy.io

from storage.errors import Invalid, Missing, NotInSource
from storage.remote import Location
from storage.sources.nsd import NsdSource

SUBJECT = "subj02"


def refused(kind, said, call, *given):
    with pytest.raises(kind, match=said) as told:
        call(*given)
    assert "\n" not in str(told.value)
    assert told.value.exit_code == (2 if kind is NotInSource else 3)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sessions": 4}, "asks for session 4, but subj02 has 1 to 3"),
        ({"sessions": (2, 7)}, "asks for session 7"),
        ({"sessions": (0, 1)}, "asks for session 0"),
        ({"sessions": 0}, "names no session"),
        ({"version": "betas_fithrf_GLMdenoise"}, "did you mean 'betas_fithrf_GLMdenoise_RR'"),
        ({"version": "v1"}, "'betas_assumehrf' is not known"),
        ({"space": "func2mm"}, "data.space 'func2mm' is not known; did you mean 'func1mm'"),
        ({"space": "nativesurface", "format": "nifti"}, "data.format 'nifti' is not known; .*auto, hdf5"),
        ({"space": "fsaverage", "format": "hdf5"}, "data.format 'hdf5' is not known; .*auto, mgh"),
        ({"format": "nii"}, "data.format 'nii' is not known"),
        ({"expression": "nsdgenral"}, "did you mean 'nsdgeneral'"),
        ({"expression": "prf-visualrois == V1x"}, "label of prf-visualrois"),
        ({"expression": "streams - streams"}, "holds no voxel of subj02"),
        ({"rois": (("streams", "brain"),)}, "alias 'streams' is the name of a region"),
        ({"rois": (("x", "y"),)}, "no region is called 'y'"),
    ],
)
def test_what_the_recipe_asks_wrongly(release, given, said):
    refused(NotInSource, said, release.source(**given).check, SUBJECT)


@pytest.mark.parametrize("subject", ["subj2", "subj09", "subj03"])
def test_a_subject_that_there_is_not(release, subject):
    refused(NotInSource, f"subject '{subject}' is not known; did you mean", release.source().check, subject)


def test_test_pictures(release, tmp_path):
    for content, said in (("nsd1\nshared\n", "line 2 of .* is 'shared'"), ("99\n", "lists no picture")):
        (tmp_path / "ids.txt").write_text(content)
        refused(NotInSource, said, release.source(test=str(tmp_path / "ids.txt")).check, SUBJECT)
    refused(
        Missing,
        "none.txt does not exist, which data.test names: take one of shared, imagery, synthetic",
        release.source(test=str(tmp_path / "none.txt")).trials,
        SUBJECT,
    )


def test_no_release(tmp_path):
    refused(Missing, "nsd_expdesign.mat does not exist", NsdSource(Location.of(tmp_path)).check, SUBJECT)


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("design", "images"),
        ("responses", "trials"),
        ("stimuli", "check"),
        ("session", "trials"),
        ("brainmask", "voxels"),
    ],
)
def test_a_file_that_is_not_there(release, name, needed):
    place = {
        "session": release.sessions / "betas_session02.hdf5",
        "brainmask": release.func / "brainmask.nii.gz",
    }.get(name) or getattr(release, name)
    place.unlink()
    refused(Missing, place.name, getattr(release.source(), needed), SUBJECT)


def test_sessions_can_be_left_out(release):
    (release.sessions / "betas_session02.hdf5").unlink()
    betas = release.source(sessions=(1, 3), expression="brain").betas(SUBJECT)
    mask = release.volumes["brainmask"] > 0
    np.testing.assert_array_equal(betas.read(0, 28), release.everything((1, 3))[:, mask])
    refused(
        Missing,
        r"session01.nii.gz does not exist, nor do 1 more",
        release.source(format="nifti", sessions=2).check,
        SUBJECT,
    )


def test_a_release_without_betas_cannot_be_run(release):
    shutil.rmtree(release.sessions)
    refused(Missing, "betas_session01.hdf5 does not exist", release.source().check, SUBJECT)
    release.stimuli.unlink()
    refused(Missing, "nsd_stimuli.hdf5 does not exist", release.source().check, SUBJECT)


def test_the_record_tells_of_another_picture(release, files):
    session, kid73 = np.repeat([1, 2, 3], 14), release.kid73.copy()
    kid73[17] = kid73[17] % 60 + 1
    files.responses(release.responses, session, np.ones(42, int), kid73)
    said = rf"trial 18 \(session 2\) of .* has 73KID {kid73[17]}, but .* shows {release.kid73[17]}; 1 trials"
    refused(Invalid, said, release.source().trials, SUBJECT)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no column 'SESSION'"),
        ("SESSION\tRUN\t10KID\n1\t1\t1\n", "no column '73KID'"),
        ("SESSION\tRUN\t73KID\n1\t1\tx\n", "cannot be read"),
        ("SESSION\tRUN\t73KID\n1\t1\n", "cannot be read"),
        ("SESSION\tRUN\t73KID\n2\t1\t5\n", "does not hold sessions 1, 2, 3"),
        ("SESSION\tRUN\t73KID\n", "does not hold sessions 1, 2, 3"),
        (
            "SESSION\tRUN\t73KID\n1\t1\t5\n1\tNaN\t5\n",
            "row 2 .* has RUN nan, expected a .* 1 to 99",
        ),
        ("SESSION\tRUN\t73KID\n1\t0\t5\n", "row 1 of .* has RUN 0, expected"),
        ("SESSION\tRUN\t73KID\n1\t100000\t5\n", "row 1 of .* has RUN 100000, expected"),
        ("SESSION\tRUN\t73KID\nNaN\t1\t5\n", "row 1 of .* has SESSION nan, expected a whole .* 1 to 999"),
        ("SESSION\tRUN\t73KID\n1.5\t1\t5\n", "row 1 of .* has SESSION 1.5, expected"),
        ("SESSION\tRUN\t73KID\n1\t1\t-3\n", "row 1 of .* has 73KID -3, expected"),
    ],
)
def test_a_damaged_record(release, content, said):
    release.responses.write_text(content)
    refused(Invalid, said, release.source().trials, SUBJECT)


def test_the_record_ends_before_the_sessions_do(release, files):
    files.responses(release.responses, np.repeat([1, 2], 14), np.ones(28, int), release.kid73[:28])
    refused(Invalid, "responses.tsv has no trials of session 3", release.source(sessions=3).trials, SUBJECT)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sharedix": None}, "has no variable 'sharedix'"),
        ({"masterordering": np.full((1, 42), 21.0)}, "is 21 in trial 1, expected 1 to 20"),
        ({"masterordering": np.zeros((1, 42))}, "is 0 in trial 1"),
        ({"masterordering": np.ones((1, 7))}, "designs 7 trials"),
        ({"subjectim": np.ones((1, 20))}, "of 1 subjects"),
    ],
)
def test_a_damaged_design(release, change, said):
    found = {name: each for name, each in scipy.io.loadmat(release.design).items() if name[0] != "_"}
    kept = {name: each for name, each in {**found, **change}.items() if each is not None}
    scipy.io.savemat(release.design, kept)
    refused(Invalid, said, release.source().trials, SUBJECT)
    release.design.write_bytes(b"MATLAB 5.0".ljust(200))
    refused(Invalid, "cannot be read", release.source().trials, SUBJECT)


def test_a_picture_id_out_of_range(release, files):
    files.stimuli(release.stimuli, release.pictures[:20])
    refused(Invalid, "shows picture nsd000.., but .* has 20", release.source().images, SUBJECT)
    files.stimuli(release.stimuli, release.pictures)
    np.save(release.stimuli.with_name("COCO_73k_annots_curated.npy"), release.captions[:20])
    refused(Invalid, "curated.npy has 20", release.source().check, SUBJECT)


@pytest.mark.parametrize(
    ("layout", "cut"), [("voxels", 1), ("voxels", 3000), ("contiguous", 1), ("nifti", 1), ("nifti", 900)]
)
def test_a_truncated_session(release, files, layout, cut):
    (release.sessions / "betas_session02.hdf5").unlink()
    files.session(release.sessions, 2, release.betas[2], layout)
    path = next(release.sessions.glob("betas_session02*"))
    files.cut(path, cut)
    source = release.source()
    refused(Invalid, path.name, source.check, SUBJECT)
    refused(Invalid, path.name, source.betas(SUBJECT).read, 14, 28)
    assert source.betas(SUBJECT).read(0, 14).shape[0] == 14  # the other sessions can be read


@pytest.mark.parametrize("name", ["stimuli", "captions", "brainmask", "nsdgeneral"])
def test_another_truncated_file(release, files, name):
    path = {
        "captions": release.stimuli.with_name("COCO_73k_annots_curated.npy"),
        "brainmask": release.func / "brainmask.nii.gz",
        "nsdgeneral": release.func / "roi/nsdgeneral.nii.gz",
    }.get(name, release.stimuli)
    files.cut(path, 20)
    refused(Invalid, path.name, release.source().check, SUBJECT)


def test_a_session_of_another_shape_or_type(release, files):
    path = release.sessions / "betas_session02.hdf5"
    files.session(release.sessions, 2, release.betas[2][:13], "voxels")
    refused(
        Invalid, "holds 13 trials of 5 x 4 x 3 voxels, expected 14 trials", release.source().check, SUBJECT
    )
    files.session(release.sessions, 2, release.betas[2].transpose(0, 3, 2, 1), "voxels")
    refused(Invalid, "14 trials of 3 x 4 x 5 voxels", release.source().check, SUBJECT)
    files.session(release.sessions, 2, release.betas[2], "voxels")
    with h5py.File(path, "a") as file:
        values = file["betas"][...]
        del file["betas"]
        file["betas"] = values.astype("float32")
    refused(Invalid, "holds float32, expected int16", release.source().check, SUBJECT)
    with h5py.File(path, "a") as file:
        file.move("betas", "beta")
    refused(Invalid, "no dataset 'betas'; it has beta", release.source().check, SUBJECT)


def test_a_nifti_session_of_another_type(release, files):
    (release.sessions / "betas_session01.hdf5").unlink()
    files.volume(release.sessions / "betas_session01.nii.gz", np.zeros((5, 4, 3, 14), np.float32))
    refused(Invalid, "holds float32, expected int16", release.source().check, SUBJECT)


def test_a_flipped_bit_in_a_zipped_session(release, files):
    (release.sessions / "betas_session01.hdf5").unlink()
    files.session(release.sessions, 1, release.betas[1], "nifti")
    path = release.sessions / "betas_session01.nii.gz"
    plain = bytearray(files.unzip(path))
    plain[-1] ^= 1
    whole = path.read_bytes()
    path.write_bytes(gzip.compress(bytes(plain))[:-8] + whole[-8:])
    refused(Invalid, "cannot be read", release.source().betas(SUBJECT).read, 0, 14)


def test_an_atlas_of_another_grid(release, files):
    files.volume(release.func / "roi/other.nii.gz", np.ones((2, 2, 2), np.int16))
    refused(Invalid, r"other.nii.gz has shape \(2, 2, 2\), the brain mask", release.source().voxels, SUBJECT)
    files.volume(release.func / "brainmask.nii.gz", np.ones((5, 4, 3, 2), np.int16))
    refused(Invalid, "expected three axes", release.source().voxels, SUBJECT)


@pytest.mark.parametrize("odd", [0.5, np.inf, -np.inf])
def test_labels_that_are_no_whole_numbers(release, files, odd):
    labels = release.volumes["streams"].astype(np.float32)
    files.volume(release.func / "roi/other.nii.gz", np.where(labels == 1, odd, labels))
    refused(Invalid, rf"other.nii.gz has the label {odd:g}, expected whole", release.source().voxels, SUBJECT)
    files.volume(release.func / "roi/other.nii.gz", np.where(labels == 1, np.nan, labels + 1e-4))
    found = release.source().voxels(SUBJECT).in_roi
    expected = found.sel(roi="streams") & ~found.sel(roi="streams/early")
    np.testing.assert_array_equal(found.sel(roi="other"), expected)


def test_other_things_in_place_of_pictures_and_captions(release, files):
    files.stimuli(release.stimuli, release.pictures[..., 0])
    refused(Invalid, r"expected \(image, y, x, 3\) uint8", release.source().images, SUBJECT)
    with h5py.File(release.stimuli, "w") as file:
        file["pictures"] = release.pictures
    refused(Invalid, "no dataset 'imgBrick'; it has pictures", release.source().images, SUBJECT)
    files.stimuli(release.stimuli, release.pictures)
    np.save(release.stimuli.with_name("COCO_73k_annots_curated.npy"), np.zeros((60, 5)))
    refused(Invalid, "expected text", release.source().captions, SUBJECT)
    release.stimuli.with_name("COCO_73k_annots_curated.npy").write_bytes(b"text")
    refused(Invalid, "cannot be read", release.source().captions, SUBJECT)
