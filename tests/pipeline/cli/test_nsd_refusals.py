"""NSD: whatever is asked wrongly or missing from the release is one line, with its exit code."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import h5py
import pytest
from moto.core import set_initial_no_auth_action_count
from scipy.io import loadmat, savemat

from storage.remote import Location
from storage.simulate import simulate_nsd

BETAS = "nsddata_betas/ppdata/subj01/func1pt8mm/betas_fithrf_GLMdenoise_RR"
DESIGN = "nsddata/experiments/nsd/nsd_expdesign.mat"
STIMULI = "nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5"
#: The library that reads a format, and what it calls things: none of a user's business.
INTERNAL = ("Unable to", "sblock", "h5py", "OSError", "KeyError", "zlib", "Errno", "<", "Traceback")


@pytest.fixture(scope="module")
def _release(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("nsd") / "release"
    simulate_nsd(folder, subjects=1, sessions=3, grid=(10, 12, 8), images=60, size=16, seed=3)
    return folder


@pytest.fixture
def nsd(_release, tmp_path, monkeypatch) -> Path:
    """Return the working folder: a release to spoil, and the recipe that runs it."""
    folder = Path(shutil.copytree(_release, tmp_path / "nsd"))
    with (folder / "recipe.toml").open("a") as file:
        file.write('\n[cluster]\nkind = "threads"\nworkers = 1\n')
    monkeypatch.chdir(folder)
    return folder


def refused(vox2pix, words: str, code: int, *more: str) -> str:
    """Run the recipe, and assert that it ends in one clean line and an exit code; return the line."""
    said = vox2pix("run", "recipe.toml", "-q", *more)
    assert said.code == code, said.err
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith("vox2pix: ")
    assert words in said.err
    assert not [word for word in INTERNAL if word in said.err], said.err
    return said.err


# --- what can be known beforehand: nothing is written ---------------------------------------------


def asks(*changes: str):
    """Return a spoiler that leaves the release alone and asks for something that it does not have."""

    def change(_nsd: Path) -> list[str]:
        return [word for each in changes for word in ("--set", each)]

    return change


def no_session(nsd):
    for name in ("hdf5", "nii.gz"):
        (nsd / BETAS / f"betas_session02.{name}").unlink()


def no_design(nsd):
    (nsd / DESIGN).unlink()


def no_stimuli(nsd):
    (nsd / STIMULI).unlink()


def cut_stimuli(nsd):
    cut(nsd / STIMULI, 700)


def short_stimuli(nsd):
    (nsd / STIMULI).write_bytes(b"\x89HDF")


def no_hdf5(nsd):
    (nsd / STIMULI).write_bytes(b"<html>503 Slow Down</html>" * 100)


def cut_hdf5(nsd):
    cut(nsd / BETAS / "betas_session02.hdf5", 2000)


def cut_nifti(nsd):
    (nsd / BETAS / "betas_session02.hdf5").unlink()
    cut(nsd / BETAS / "betas_session02.nii.gz", 500)


def cut_brainmask(nsd):
    cut(nsd / "nsddata/ppdata/subj01/func1pt8mm/brainmask.nii.gz", 20)


def cut_atlas(nsd):
    cut(nsd / "nsddata/ppdata/subj01/func1pt8mm/roi/nsdgeneral.nii.gz", 20)


def cut_captions(nsd):
    cut(nsd / "nsddata_stimuli/stimuli/nsd/COCO_73k_annots_curated.npy", 20)


def cut_design(nsd):
    cut(nsd / DESIGN, 300)


def cut_design_of_matlab_73(nsd):
    """MATLAB 7.3's .mat files are HDF5."""
    variables = loadmat(nsd / DESIGN)
    with h5py.File(nsd / DESIGN, "w", userblock_size=512) as file:
        for name in ("masterordering", "subjectim", "sharedix"):
            file[name] = variables[name].T
    with (nsd / DESIGN).open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM")
    cut(nsd / DESIGN, 300)


def beyond_the_release(nsd):
    """The design shows a picture with a number far beyond the last."""
    design = {name: value for name, value in loadmat(nsd / DESIGN).items() if name[0] != "_"}
    design["subjectim"][0, int(design["masterordering"][0, 0]) - 1] = 10**6
    savemat(nsd / DESIGN, design)


def fewer_pictures(nsd):
    """Design and record agree on pictures that the file of pictures does not have."""
    with h5py.File(nsd / STIMULI, "r") as file:
        pictures = file["imgBrick"][:5]
    with h5py.File(nsd / STIMULI, "w") as file:
        file["imgBrick"] = pictures


def cut(path: Path, nbytes: int) -> None:
    path.write_bytes(path.read_bytes()[:-nbytes])


BEFOREHAND = {
    "a-session-beyond": (asks("data.sessions=9"), 2, "asks for session 9, but subj01 has 1 to 3"),
    "a-session-of-a-list": (asks("data.sessions=[1, 7]"), 2, "asks for session 7"),
    "an-atlas": (asks("data.voxels=nsdgenral"), 2, "did you mean 'nsdgeneral'"),
    "a-label": (asks("data.voxels=streams == erly"), 2, "early"),
    "an-alias": (asks("ridge.spaces.pixels.rois=erly"), 2, "erly"),
    "a-subject": (asks('data.subjects=["subj02"]'), 2, "subject 'subj02' is not known"),
    "no-such-subject": (asks('data.subjects=["subj09"]'), 2, "did you mean"),
    "a-version": (asks("data.betas=betas_fithrf_GLM"), 2, "did you mean 'betas_fithrf_GLMdenoise_RR'"),
    "a-version-of-none": (asks("data.betas=v1"), 2, "betas_assumehrf"),
    "missing-session": (no_session, 3, "betas_session02.hdf5 does not exist"),
    "missing-design": (no_design, 3, "nsd_expdesign.mat does not exist"),
    "missing-stimuli": (no_stimuli, 3, "nsd_stimuli.hdf5 does not exist"),
    "id-of-the-design": (beyond_the_release, 3, "1000000"),
    "id-of-the-pictures": (fewer_pictures, 3, "nsd_stimuli.hdf5 has 5"),
    "truncated-hdf5": (cut_hdf5, 3, "betas_session02.hdf5"),
    "truncated-nifti": (cut_nifti, 3, "betas_session02.nii.gz"),
    "truncated-stimuli": (cut_stimuli, 3, "is truncated"),
    "nearly-empty-stimuli": (short_stimuli, 3, "nsd_stimuli.hdf5"),
    "no-hdf5": (no_hdf5, 3, "does not begin as HDF5 files do"),
    "truncated-brainmask": (cut_brainmask, 3, "brainmask.nii.gz"),
    "truncated-atlas": (cut_atlas, 3, "nsdgeneral.nii.gz"),
    "truncated-captions": (cut_captions, 3, "COCO_73k_annots_curated.npy"),
    "truncated-design": (cut_design, 3, "design.mat cannot be read; the file is truncated"),
    "truncated-design-7.3": (cut_design_of_matlab_73, 3, "design.mat cannot be read; the file is truncated"),
}


@pytest.mark.parametrize(("spoil", "code", "words"), BEFOREHAND.values(), ids=BEFOREHAND)
def test_what_can_be_known_beforehand_writes_nothing(vox2pix, nsd, spoil, code, words):
    refused(vox2pix, words, code, *(spoil(nsd) or []))
    assert not (nsd / "archive").exists()


# --- what shows on the way: finished blocks are kept ---------------------------------------------


def a_flipped_bit(nsd):
    """A NIfTI session whose checksum is another's."""
    (nsd / BETAS / "betas_session03.hdf5").unlink()
    path = nsd / BETAS / "betas_session03.nii.gz"
    plain, whole = bytearray(gzip.decompress(path.read_bytes())), path.read_bytes()
    plain[-1] ^= 1
    path.write_bytes(gzip.compress(bytes(plain))[:-8] + whole[-8:])


def a_broken_index(nsd):
    """An HDF5 session of the right length, whose chunks' index has been written over."""
    path = nsd / BETAS / "betas_session03.hdf5"
    content = bytearray(path.read_bytes())
    at = content.find(b"TREE\x01")
    assert at > 0
    while at > 0:
        content[at + 24 : at + 200] = b"\xff" * 176
        at = content.find(b"TREE\x01", at + 1)
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [(a_flipped_bit, "betas_session03.nii.gz"), (a_broken_index, "betas_session03.hdf5")],
    ids=["nifti", "hdf5"],
)
def test_what_shows_on_the_way_costs_no_finished_block(vox2pix, nsd, tmp_path, spoil, words):
    kept = Path(shutil.copytree(nsd / BETAS, tmp_path / "sessions"))
    spoil(nsd)
    refused(vox2pix, words, 3)
    done = sorted(path.name for path in (nsd / "archive/subj01/betas").glob("*/done/0*.json"))
    assert done == ["00000.json", "00001.json"]
    shutil.rmtree(nsd / BETAS)
    shutil.copytree(kept, nsd / BETAS)
    said = vox2pix("run", "recipe.toml", "--json", "--refresh")
    assert said.code == 0, said.err
    computed = {each["name"]: each["computed"] for each in said.json["subjects"]["subj01"]["products"]}
    assert computed["betas"] == 1


# --- where it lies -------------------------------------------------------------------------------


@pytest.fixture
def on_s3(nsd, s3_server, s3_bucket) -> list[str]:
    """Put the release into a bucket, and return the options that read it from there."""
    upload(nsd, s3_server, s3_bucket)
    return from_s3(s3_server, s3_bucket)


def upload(folder: Path, server: str, bucket: str) -> None:
    place = Location.of(f"s3://{bucket}", {"endpoint_url": server})
    for path in (each for each in folder.rglob("*") if each.is_file()):
        (place / path.relative_to(folder).as_posix()).write(path.read_bytes())


def from_s3(server: str, bucket: str, **more: str) -> list[str]:
    options = {"endpoint_url": server, **more}
    given = ("data.storage_options." + f'{name}="{value}"' for name, value in options.items())
    return [word for each in (f"data.source=s3://{bucket}", *given) for word in ("--set", each)]


def test_no_such_bucket(vox2pix, nsd, s3_server):
    refused(vox2pix, "bucket 'nobody-has-this' does not exist", 3, *from_s3(s3_server, "nobody-has-this"))
    assert not (nsd / "archive").exists()


def test_no_credentials(vox2pix, nsd, on_s3, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    refused(vox2pix, "no credentials found", 3, *on_s3)
    assert not (nsd / "archive").exists()


def test_a_profile_that_does_not_exist(vox2pix, nsd, on_s3):
    refused(vox2pix, "profile 'nobody'", 3, *on_s3, "--set", "data.storage_options.profile=nobody")
    assert not (nsd / "archive").exists()


def test_keys_that_the_server_does_not_know(vox2pix, nsd, on_s3, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIANOBODYHASTHIS000")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-that-is-told-to-nobody")
    enforced = set_initial_no_auth_action_count(0)(refused)
    line = enforced(vox2pix, "access denied", 3, *on_s3)
    assert "a-secret" not in line
    assert not (nsd / "archive").exists()
    # the same keys are fine where nobody asks: it was they that were refused
    assert vox2pix("plan", "recipe.toml", *on_s3).code == 0


def test_a_session_that_is_cut_on_s3(vox2pix, nsd, s3_server, s3_bucket):
    cut_hdf5(nsd)
    upload(nsd, s3_server, s3_bucket)
    refused(vox2pix, f"s3://{s3_bucket}/{BETAS}/betas_session02.hdf5", 3, *from_s3(s3_server, s3_bucket))
    assert not (nsd / "archive").exists()
