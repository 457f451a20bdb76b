"""Which files a product hangs on: its identity says what is asked, its stamps what it was read from."""

from __future__ import annotations

import os

import numpy as np
import pytest

SUBJECT = "subj02"
PRODUCTS = ("trials", "voxels", "betas", "stimuli", "captions")


def test_identity_says_what_is_asked_and_not_how(release):
    given = {"rois": (("v1", "prf-visualrois == V1v"),), "sessions": 2}
    one = release.source(expression="v1  | (brain)", **given)
    other = release.source(
        expression="prf-visualrois == 'V1v' | brain", **(given | {"sessions": (2, 1)}), version="v3"
    )
    for product in PRODUCTS:
        assert other.identity(SUBJECT, product) == one.identity(SUBJECT, product)
    plain = one.identity(SUBJECT, "betas")
    assert plain["sessions"] == [1, 2]
    assert plain["voxels"] == "prf-visualrois == V1v | brain"
    assert str(release.root) not in str(plain)
    assert release.source().picture_owner(SUBJECT) == SUBJECT


def test_what_is_held_out_and_names_of_regions_are_no_matter_of_the_betas(release, tmp_path):
    listed = tmp_path / "ids.txt"
    listed.write_text(str(release.source().trials(SUBJECT).image_id.values[0]))
    plain = release.source()
    asked = {"test": {"test": str(listed)}, "rois": {"rois": (("v1", "prf-visualrois == V1v"),)}}
    other = {
        what: {
            product
            for product in PRODUCTS
            if release.source(**given).identity(SUBJECT, product) != plain.identity(SUBJECT, product)
        }
        for what, given in asked.items()
    }
    assert other == {"test": {"trials", "stimuli"}, "rois": {"voxels"}}


def test_pictures_may_be_dealt_at_random(release):
    shared, dealt, again = (release.source(test=test) for test in ("shared", "random", "random"))
    found = dealt.trials(SUBJECT)
    names, test = found.image_id.values, found.test.values
    assert set(names[test]).isdisjoint(names[~test])
    assert len(set(names[test])) == max(1, round(len(set(names)) * 841 / 9841))
    np.testing.assert_array_equal(again.trials(SUBJECT).test, found.test)
    assert dealt.identity(SUBJECT, "trials")["test"] == "random"
    assert dealt.identity(SUBJECT, "stimuli") != shared.identity(SUBJECT, "stimuli")
    assert dealt.identity(SUBJECT, "betas") == shared.identity(SUBJECT, "betas")


def _stamps(release, **given) -> dict[tuple[str, str], str]:
    source = release.source(**given)
    stamps = {product: source.stamps(SUBJECT, product) for product in PRODUCTS}
    prefix = f"{source.location}/"
    return {
        (product, url.removeprefix(prefix)): etag
        for product, found in stamps.items()
        for url, etag in found.items()
    }


SHOWN = ("nsddata/experiments/nsd/nsd_expdesign.mat", f"nsddata/ppdata/{SUBJECT}/behav/responses.tsv")
ROIS = f"nsddata/ppdata/{SUBJECT}/func1pt8mm/roi"
BETAS = f"nsddata_betas/ppdata/{SUBJECT}/func1pt8mm/betas_fithrf_GLMdenoise_RR"
STIMULI = "nsddata_stimuli/stimuli/nsd"


@pytest.mark.parametrize(
    ("file", "products"),
    [
        (SHOWN[0], PRODUCTS),
        (SHOWN[1], PRODUCTS),
        (f"nsddata/ppdata/{SUBJECT}/func1pt8mm/brainmask.nii.gz", ("voxels", "betas")),
        (f"{ROIS}/streams.nii.gz", ("voxels", "betas")),
        ("nsddata/templates/streams.ctab", ("voxels", "betas")),
        (f"{BETAS}/ncsnr.nii.gz", ("voxels", "betas")),
        (f"{BETAS}/betas_session02.hdf5", ("betas",)),
        (f"{BETAS}/betas_session03.hdf5", ()),
        (f"{STIMULI}/nsd_stimuli.hdf5", ("stimuli",)),
        (f"{STIMULI}/COCO_73k_annots_curated.npy", ("captions",)),
    ],
)
def test_a_file_stamps_the_products_that_are_read_from_it(release, file, products):
    before = _stamps(release, sessions=2)
    path = release.root / file
    os.utime(path, ns=(1, 1))
    after = _stamps(release, sessions=2)
    assert {key for key in before | after if before.get(key) != after.get(key)} == {
        (product, file) for product in products
    }


@pytest.mark.parametrize(
    ("file", "products"),
    [
        (f"{ROIS}/floc-faces.nii.gz", ("voxels", "betas")),
        ("nsddata/freesurfer/fsaverage/label/nsdgeneral.mgz.ctab", ("voxels", "betas")),
        (f"{BETAS}/ncsnr.nii.gz", ("voxels", "betas")),
        (f"{STIMULI}/COCO_73k_annots_curated.npy", ("captions",)),
    ],
)
def test_a_file_that_comes_later_changes_a_stamp_that_was_there(release, file, products):
    path = release.root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    before = _stamps(release)
    volume = (release.root / ROIS / "streams.nii.gz").read_bytes()
    path.write_bytes(volume if file.endswith(".nii.gz") else b"1 x 0 0 0 0")
    after = _stamps(release)
    changed = {key[0] for key in before if before[key] != after.get(key, before[key])}
    assert changed == {*products}


def test_a_block_of_betas_is_read_from_its_own_sessions(release):
    betas, stamps = release.source().betas(SUBJECT), release.source().stamps(SUBJECT, "betas")
    names = [f"{release.sessions}/betas_session{each:02d}.hdf5" for each in (1, 2, 3)]
    assert [betas.files(start, start + 14) for start in (0, 14, 28)] == [[name] for name in names]
    assert betas.files(13, 29) == names
    assert betas.files(0, 0) == []
    assert {*names} < {*stamps}
    images = release.source().images(SUBJECT)
    assert images.files(0, 3) == [str(release.stimuli)]
    assert str(release.stimuli) in release.source().stamps(SUBJECT, "stimuli")
