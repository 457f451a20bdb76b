"""A tiny release in NSD's file layout, written with h5py, nibabel and scipy alone."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import TYPE_CHECKING

import h5py
import nibabel
import numpy as np
import pytest
import scipy.io

from storage.remote import Location
from storage.sources.nsd import NsdSource

if TYPE_CHECKING:
    from pathlib import Path

CTAB = "0 Unknown 25 5 25 0\n1 V1v 1 2 3 0\n2 V1 d\t4 5 6 0\n3 hV4 7 8 9 0\n"
MANY = ("subj01", "subj02")


@dataclass
class Release:
    """What was written where, and what should come back."""

    root: Path
    grid: tuple[int, int, int]
    lengths: tuple[int, ...]
    kid10: np.ndarray
    subjectim: np.ndarray
    pictures: np.ndarray
    volumes: dict[str, np.ndarray]
    betas: dict[int, np.ndarray]
    """(trial, x, y, z) by session."""
    captions: np.ndarray
    subject: str = "subj02"

    @property
    def func(self) -> Path:
        return self.root / f"nsddata/ppdata/{self.subject}/func1pt8mm"

    @property
    def responses(self) -> Path:
        return self.root / f"nsddata/ppdata/{self.subject}/behav/responses.tsv"

    @property
    def design(self) -> Path:
        return self.root / "nsddata/experiments/nsd/nsd_expdesign.mat"

    @property
    def stimuli(self) -> Path:
        return self.root / "nsddata_stimuli/stimuli/nsd/nsd_stimuli.hdf5"

    @property
    def sessions(self) -> Path:
        return self.root / f"nsddata_betas/ppdata/{self.subject}/func1pt8mm/betas_fithrf_GLMdenoise_RR"

    @property
    def kid73(self) -> np.ndarray:
        return self.subjectim[int(self.subject[-1]) - 1, self.kid10 - 1]

    def source(self, **given) -> NsdSource:
        return NsdSource(**{"location": Location.of(self.root), "expression": "nsdgeneral", **given})

    def everything(self, sessions=None) -> np.ndarray:
        return np.concatenate([self.betas[each] for each in sessions or self.betas])


def volume(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), path)


def write_session(folder: Path, number: int, betas: np.ndarray, layout: str) -> None:
    """Write (trial, x, y, z) as one of the layouts that HDF5 allows, or as NIfTI."""
    folder.mkdir(parents=True, exist_ok=True)
    name = folder / f"betas_session{number:02d}"
    trials, x, y, z = betas.shape
    if layout == "nifti":
        volume(name.with_suffix(".nii.gz"), np.moveaxis(betas, 0, -1))
        return
    options = {
        "voxels": {"chunks": (trials, 1, 1, 1)},
        "sparse": {"chunks": (trials, 1, 1, 1)},
        "packed": {"chunks": (trials, 1, 1, 1), "compression": "gzip", "shuffle": True},
        "volumes": {"chunks": (1, z, y, x)},
        "bricks": {"chunks": (min(3, trials), min(2, z), min(2, y), min(2, x)), "compression": "gzip"},
        "latest": {"chunks": (trials, 1, 1, 1)},
        "checked": {"chunks": (1, z, y, x), "fletcher32": True},
        "contiguous": {},
    }[layout]
    with h5py.File(
        name.with_suffix(".hdf5"), "w", libver="latest" if layout == "latest" else "earliest"
    ) as file:
        data = file.create_dataset("betas", (trials, z, y, x), "int16", **options)
        stored = betas.transpose(0, 3, 2, 1)
        if layout == "sparse":  # what is zero was never written
            for at in np.argwhere(stored.any(axis=0)):
                data[(slice(None), *at)] = stored[(slice(None), *at)]
        else:
            data[...] = stored


def write_stimuli(path: Path, pictures: np.ndarray, chunks: tuple[int, ...] | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file.create_dataset("imgBrick", data=pictures, chunks=chunks)


def write_responses(path: Path, session: np.ndarray, run: np.ndarray, kid73: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        f"2\t{s}\t{r}\t{at}\t{kid}\t1\tNaN"
        for at, (s, r, kid) in enumerate(zip(session, run, kid73, strict=True))
    ]
    path.write_text("\n".join(["SUBJECT\tSESSION\tRUN\tTRIAL\t73KID\t10KID\tBUTTON", *rows]) + "\n")


def build(root: Path, *, seed=0, grid=(5, 4, 3), lengths=(14, 14, 14), layout="voxels") -> Release:
    """Write a release of two subjects, one of them with data."""
    rng = np.random.default_rng(seed)
    total, rows, listed, shared = sum(lengths), 60, 20, 4
    subjectim = np.stack([rng.permutation(rows)[:listed] + 1 for _ in range(8)])
    subjectim[:, :shared] = subjectim[0, :shared]
    for row in subjectim:  # ids of a subject are distinct
        rest = np.setdiff1d(np.arange(1, rows + 1), row[:shared])
        row[shared:] = rng.permutation(rest)[: listed - shared]
    kid10 = rng.integers(1, listed - 3, total)  # the last entries are never shown
    kid10[:2] = 1, shared + 1
    volumes = {
        "nsdgeneral": rng.integers(-1, 2, grid).astype(np.int16),
        "prf-visualrois": rng.integers(-1, 5, grid).astype(np.int32),
        "lh.prf-visualrois": rng.integers(-1, 2, grid).astype(np.float32),
        "streams": rng.integers(-1, 3, grid).astype(np.float64),
        "brainmask": rng.integers(0, 2, grid).astype(np.int16),
        "ncsnr": rng.random(grid).astype(np.float32),
    }
    volumes["nsdgeneral"].flat[0] = volumes["brainmask"].flat[-1] = 1
    volumes["ncsnr"].flat[-1] = np.nan
    betas = {
        session: rng.integers(-32768, 32768, (length, *grid)).astype(np.int16)
        for session, length in enumerate(lengths, 1)
    }
    for each in betas.values():
        each[:, rng.random(grid) < 0.2] = 0
    pictures = rng.integers(0, 256, (rows, 6, 5, 3)).astype(np.uint8)
    captions = rng.choice(["", "a cat", "zwei Hünde", "x" * 30], (rows, 5)).astype("<U40")
    made = Release(root, grid, lengths, kid10, subjectim, pictures, volumes, betas, captions)
    write(made, layout)
    return made


def write(made: Release, layout: str) -> None:
    for name, values in made.volumes.items():
        place = {"brainmask": made.func, "ncsnr": made.sessions}.get(name, made.func / "roi")
        volume(place / f"{name}.nii.gz", values)
    labels = made.root / f"nsddata/freesurfer/{made.subject}/label"
    labels.mkdir(parents=True)
    (labels / "prf-visualrois.mgz.ctab").write_text(CTAB)
    (made.root / "nsddata/templates").mkdir()
    (made.root / "nsddata/templates/streams.ctab").write_text("0 Unknown 0 0 0 0\n1 early 0 0 0 0\n")
    made.design.parent.mkdir(parents=True)
    sharedix = np.sort(made.subjectim[0, :4])[None]
    ids = {"masterordering": made.kid10[None], "subjectim": made.subjectim, "sharedix": sharedix}
    scipy.io.savemat(made.design, {name: each.astype(float) for name, each in ids.items()})
    session = np.repeat(np.arange(1, len(made.lengths) + 1), made.lengths)
    run = np.concatenate([np.arange(length) // 3 + 1 for length in made.lengths])
    write_responses(made.responses, session, run, made.kid73)
    for number, values in made.betas.items():
        write_session(made.sessions, number, values, layout)
    write_stimuli(made.stimuli, made.pictures)
    np.save(made.stimuli.with_name("COCO_73k_annots_curated.npy"), made.captions)
    (made.root / "nsddata/ppdata/subj01").mkdir()


@pytest.fixture(scope="session")
def make():
    """Write a release into a folder."""
    return build


@pytest.fixture
def release(tmp_path) -> Release:
    return build(tmp_path)


@pytest.fixture
def files():
    """Ways to write single files of a release anew."""

    class Files:
        session = staticmethod(write_session)
        stimuli = staticmethod(write_stimuli)
        responses = staticmethod(write_responses)
        volume = staticmethod(volume)

        @staticmethod
        def cut(path: Path, nbytes: int) -> None:
            path.write_bytes(path.read_bytes()[:-nbytes])

        @staticmethod
        def unzip(path: Path) -> bytes:
            return gzip.decompress(path.read_bytes())

    return Files


@pytest.fixture
def on_s3(s3_server, s3_bucket):
    """Copy a release to S3, and return where it lies."""

    def upload(made: Release) -> Location:
        place = Location.of(f"s3://{s3_bucket}/release", {"endpoint_url": s3_server})
        for path in (each for each in made.root.rglob("*") if each.is_file()):
            (place / path.relative_to(made.root).as_posix()).write(path.read_bytes())
        return place

    return upload
