"""Damaged files, full disks and impossible names: one line, the right exit code, and a run that mends."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from tests.disks import mounting

DEEP = b"[" * 100_000
JUNK = [b"", b"{", b"garbage", b"\xff\xfe\x80", b"[]", b"{}", DEEP]
JUNK_NAMES = ["empty", "cut", "garbage", "no text", "list", "object", "deep"]


def one_line(said, code: int, words: str = "") -> None:
    """Assert that a command ended in its exit code, with one line and without surprise."""
    assert said.code == code, said.err
    assert "unexpected" not in said.err
    assert "Traceback" not in said.err
    if code not in (0, 5) or words:
        assert said.err.count("\n") == 1
        assert words in said.err


def mended(vox2pix) -> None:
    """Assert that a run mends what verify found."""
    one_line(vox2pix("run", "recipe.toml", "-q"), 0)
    assert vox2pix("verify", "archive", "--json").json["damaged"] == []
    assert "Nothing to compute" in vox2pix("run", "recipe.toml").out


def the(done, pattern: str):
    (file,) = done.glob(f"archive/{pattern}")
    return file


SEALS = dict(zip(JUNK_NAMES, JUNK, strict=True)) | {"digest": b'{"digest": 3}', "text": b'{"digest": "3"}'}


@pytest.mark.parametrize("content", SEALS.values(), ids=SEALS)
def test_a_damaged_seal(vox2pix, done, content):
    the(done, "s1/images/final/*/product.json").write_bytes(content)
    said = vox2pix("ls", "archive", "--json")
    one_line(said, 0)
    assert [row["name"] for row in said.json["products"] if not row["sealed"]] == ["images/final"]
    said = vox2pix("verify", "archive", "--json")
    assert said.code == 5
    assert [found["reason"] for found in said.json["damaged"]] == ["seal is damaged"]
    one_line(vox2pix("report", "recipe.toml"), 0)
    one_line(vox2pix("show", "archive", "s1/images/final"), 0)
    one_line(vox2pix("status", "recipe.toml"), 0)
    one_line(vox2pix("export", "archive", "s1/images/final", "--to", "out"), 2, "still being made")
    mended(vox2pix)


@pytest.mark.parametrize("content", [*JUNK, b'{"chunks": []}'], ids=[*JUNK_NAMES, "chunks"])
@pytest.mark.parametrize("name", ["frame", "00000"])
def test_a_damaged_marker(vox2pix, done, name, content):
    the(done, f"s1/betas/*/done/{name}.json").write_bytes(content)
    one_line(vox2pix("ls", "archive"), 0)
    assert vox2pix("verify", "archive", "--json").json["damaged"][0]["reason"] == "marker is damaged"
    mended(vox2pix)


def empty_list(metadata):
    metadata["attributes"]["vox2pix"] = []


def empty_mapping(metadata):
    metadata["attributes"]["vox2pix"] = {}


def no_attributes(metadata):
    metadata["attributes"] = 3


def odd_edges(metadata):
    metadata["attributes"]["vox2pix"]["edges"] = "01"


ROOTS = {**dict(zip(JUNK_NAMES, JUNK, strict=True)), **{f.__name__: f for f in (empty_list, empty_mapping)}}
ROOTS |= {f.__name__: f for f in (no_attributes, odd_edges)}


@pytest.mark.parametrize("how", ROOTS.values(), ids=ROOTS)
def test_damaged_group_metadata(vox2pix, done, how):
    root = the(done, "s1/scores/final/*/data/zarr.json")
    if callable(how):
        metadata = json.loads(root.read_text())
        how(metadata)
        how = json.dumps(metadata).encode()
    root.write_bytes(how)
    one_line(vox2pix("ls", "archive"), 0)
    one_line(vox2pix("report", "recipe.toml"), 5, "zarr.json is damaged; `vox2pix run` writes it again")
    for line in (
        ["export", "archive", "s1/scores/final", "--to", "out"],
        ["show", "archive", "s1/scores/final"],
    ):
        one_line(vox2pix(*line), 5, "zarr.json is damaged; `vox2pix run` writes it again")
    assert vox2pix("verify", "archive", "--json").json["damaged"][0]["chunk"] == "data/zarr.json"
    mended(vox2pix)


@pytest.mark.parametrize("content", JUNK, ids=JUNK_NAMES)
@pytest.mark.parametrize("sealed", [True, False])
def test_damaged_array_metadata(vox2pix, done, sealed, content):
    the(done, "s1/predictions/pixels/*/data/predicted/zarr.json").write_bytes(content)
    if not sealed:
        the(done, "s1/predictions/pixels/*/product.json").unlink()
        root = the(done, "s1/predictions/pixels/*/data/zarr.json")
        metadata = json.loads(root.read_text())
        del metadata["consolidated_metadata"]
        root.write_text(json.dumps(metadata))
        one_line(vox2pix("show", "archive", "s1/predictions/pixels"), 5, "`vox2pix run` writes it again")
    said = vox2pix("verify", "archive", "--json")
    assert said.code == 5
    assert "data/predicted/zarr.json" in {found["chunk"] for found in said.json["damaged"]}
    mended(vox2pix)


@pytest.mark.parametrize("content", JUNK, ids=JUNK_NAMES)
def test_seal_and_metadata_damaged_at_once(vox2pix, done, content):
    the(done, "s1/betas/*/product.json").write_bytes(content)
    the(done, "s1/betas/*/data/zarr.json").write_bytes(content)
    the(done, "s1/responses/*/done/frame.json").unlink()
    the(done, "s1/responses/*/data/zarr.json").write_bytes(content)
    assert vox2pix("verify", "archive").code == 5
    mended(vox2pix)


@pytest.mark.parametrize("content", JUNK, ids=JUNK_NAMES)
def test_a_damaged_sign(vox2pix, done, content):
    (done / "archive" / "archive.json").write_bytes(content)
    for line in (["ls", "archive"], ["verify", "archive"], ["run", "recipe.toml"]):
        one_line(vox2pix(*line), 2, "archive.json is not vox2pix's")


# --- names -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["x" * 300, f"new/{'x' * 300}/archive"])
def test_a_name_too_long_for_the_file_system(vox2pix, lab, name):
    one_line(vox2pix("run", "recipe.toml", "-q", "--archive", name), 3, "File name too long")
    one_line(vox2pix("simulate", name, "--dataset", "arrays", "--images", "10"), 3, "File name too long")
    one_line(vox2pix("ls", name), 3, "xxx")
    one_line(vox2pix("run", "recipe.toml", "--set", f"data.source={name}.npz"), 3, "File name too long")


def test_a_nul_in_a_name(vox2pix, lab):
    for line in (["ls", "a\0b"], ["run", "recipe.toml", "--archive", "a\0b"], ["simulate", "a\0b"]):
        said = vox2pix(*line)
        one_line(said, 2, "NUL")
        assert "\0" not in said.err


@pytest.mark.parametrize("url", ["junk", "http://", "http://h:99999", "ftp://h"])
def test_a_junk_endpoint(vox2pix, lab, url):
    one_line(vox2pix("ls", "s3://lab/archive", "--endpoint-url", url), 2, "expected http://HOST")
    endpoint = f"data.storage_options.endpoint_url={url}"
    said = vox2pix("run", "recipe.toml", "--set", endpoint, "--archive", "s3://lab/archive")
    one_line(said, 2, "expected http://HOST")


@pytest.mark.parametrize("dataset", ["arrays", "nsd"])
def test_a_source_in_a_bucket_that_does_not_exist(vox2pix, lab, s3_server, dataset):
    source = "s3://no-such-bucket/release.npz" if dataset == "arrays" else "s3://no-such-bucket"
    endpoint = f"data.storage_options.endpoint_url={s3_server}"
    if dataset == "nsd":
        recipe = (lab / "recipe.toml").read_text().partition("[features")[0].partition("[data.arrays]")[0]
        recipe = recipe.replace('"arrays"', '"nsd"').replace('"s1"', '"subj01"')
        (lab / "recipe.toml").write_text(recipe)
    said = vox2pix("run", "recipe.toml", "--set", endpoint, "--set", f"data.source={source}")
    one_line(said, 3, "bucket 'no-such-bucket' does not exist")
    assert not (lab / "archive").exists()


# --- file systems that take nothing ------------------------------------------------------------------


SIMULATE = ["--subjects", "1", "--sessions", "1", "--images", "10", "--grid", "6,6,6", "--size", "16"]


@pytest.mark.root
@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ("size=4k", 1, "No space left on device; free some space"),
        ("nr_inodes=2", 1, "No space left on device; free some space"),
        ("nr_inodes=4", 1, "No space left on device; free some space"),
        ("size=16k", 1, "No space left on device; free some space"),
        ("ro", 3, "Read-only file system; mend the permissions"),
    ],
)
def test_a_file_system_that_takes_nothing(vox2pix, lab, small, options, code, words):
    small(options)
    one_line(vox2pix("run", "recipe.toml", "-q", "--archive", small.folder / "archive"), code, words)
    for dataset in ("arrays", "nsd"):
        place = small.folder / dataset
        one_line(vox2pix("simulate", place, "--dataset", dataset, *SIMULATE), code, words)
        subprocess.run(["rm", "-rf", place], check=False)


@pytest.mark.root
def test_an_archive_that_became_read_only(vox2pix, done, small):
    small("size=16m")
    subprocess.run(["cp", "-a", "archive", small.folder], check=True)
    mounting("remount,ro", small.folder)
    place = small.folder / "archive"
    one_line(vox2pix("ls", place), 0)
    one_line(vox2pix("verify", place), 0)
    more = ("--set", "ridge.spaces.pixels.alpha=20")
    one_line(vox2pix("run", "recipe.toml", "-q", "--archive", place, *more), 3, "Read-only file system")
    one_line(vox2pix("gc", place, "--keep", "recipe.toml"), 0)


@pytest.mark.root
def test_an_archive_whose_disk_is_full_goes_on_when_there_is_room(vox2pix, lab, small):
    small("size=100k")
    place = small.folder / "archive"
    said = vox2pix("run", "recipe.toml", "-q", "--archive", place)
    one_line(said, 1, "could not be written: No space left on device; free some space")
    mounting("remount,size=16m", small.folder)
    one_line(vox2pix("run", "recipe.toml", "-q", "--archive", place), 0)
    assert vox2pix("verify", place).code == 0


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="no /proc here")  # noqa: PTH112
def test_a_place_where_no_folder_can_be_made(vox2pix, lab):
    one_line(
        vox2pix("run", "recipe.toml", "-q", "--archive", "/proc/xx"),
        3,
        "/proc/xx/archive.json could not be written",
    )
    one_line(vox2pix("simulate", "/proc/xx", *SIMULATE), 3, "could not be written")
    one_line(vox2pix("simulate", "/proc/xx", "--dataset", "arrays", *SIMULATE), 3, "could not be written")
