"""A training's private folder: checkpoints that are whole or not there, and what is left in the product."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
import xarray as xr

from storage import damage
from storage.archive import Archive
from storage.collect import leftovers
from storage.errors import Damaged
from storage.remarks import remarks
from storage.remote import Location
from storage.schema import Schema, Variable
from storage.sealing import untouched
from storage.workspace import Workspace

CURVE = Schema({"loss": Variable(("step",), "float32", "1", "loss")})
ABOUT = {"stage": "train", "version": 1, "settings": {}, "inputs": {}}


@pytest.fixture(params=["folder", "s3"])
def place(request, tmp_path):
    if request.param == "folder":
        return Location.of(tmp_path / "product")
    endpoint, bucket = request.getfixturevalue("s3_server"), request.getfixturevalue("s3_bucket")
    return Location.of(f"s3://{bucket}/product", {"endpoint_url": endpoint})


def names(place):
    return [name for name, _ in (place / "work").files()]


def test_the_last_checkpoint_comes_back_and_two_are_kept(place):
    space = Workspace(place, "m")
    assert space.latest() is None
    for step in (1, 20, 300):
        space.save(step, bytes([step % 256]) * 5)
    found = space.latest()
    assert (found.step, found.content) == (300, bytes([300 % 256]) * 5)
    stem = [f"step-{step:08d}" for step in (20, 300)]
    assert names(place) == sorted(f"{one}.{end}" for one in stem for end in ("json", "safetensors"))


@pytest.mark.parametrize("harm", ["flip", "cut", "no content", "no marker", "marker"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(place, harm):
    space = Workspace(place, "m")
    space.save(1, b"first")
    space.save(2, b"second")
    content, marker = (place / "work" / f"step-00000002.{end}" for end in ("safetensors", "json"))
    if harm == "flip":
        content.write(b"sEcond")
    elif harm == "cut":
        content.write(b"sec")
    elif harm == "no content":
        content.delete()
    elif harm == "no marker":
        marker.delete()
    else:
        marker.write(b'{"step": 2')
    assert space.latest().content == b"first"


def test_a_checkpoint_made_from_something_else_is_passed_over(place):
    Workspace(place, "old").save(5, b"of old responses")
    assert Workspace(place, "new").latest() is None
    Workspace(place, "new").save(1, b"new")
    assert Workspace(place, "new").latest().content == b"new"


def test_progress_is_read_by_whoever_looks(place):
    space = Workspace(place)
    assert space.told() is None
    said = {"step": 3, "steps": 9, "loss": 0.5, "val_loss": None, "seconds_left": 7, "at": 1.5}
    space.tell(said)
    assert Workspace(place, "another").told() == said
    assert space.latest() is None
    for harm in (b'{"step": 3', json.dumps({**said, "loss": "nan"}).encode(), b"{}"):
        (place / "work" / "progress.json").write(harm)
        assert space.told() is None


@pytest.fixture
def trained(tmp_path):
    """A sealed product with a file, as a training leaves it."""
    archive = Archive(tmp_path / "archive", must_exist=False)
    archive.create()
    product = archive.product("s1", "model/net", "0" * 16)
    loss = xr.Dataset({"loss": ("step", np.arange(3, dtype=np.float32))})
    product.create(loss.chunk(), CURVE, ABOUT)
    space = Workspace(product.place, "m")
    space.save(3, b"checkpoint")
    space.keep("model.safetensors", bytes(range(256)) * 100)
    space.keep("config.json", b"{}")
    stored = product.write(0, loss, sources={}, moved=0, began=0.0)
    assert stored > 25_600
    product.seal()
    return archive, product


def test_sealing_removes_the_checkpoints_and_counts_the_files(trained):
    _, product = trained
    assert names(product.place) == []
    record = product.seal_record()
    assert record["files"] == ["config.json", "model.safetensors"]
    assert record["bytes"] > 25_600
    assert untouched(product.place, record)
    assert damage.find(product) == []
    assert remarks.taken() == ({}, None)


@pytest.mark.parametrize("harm", ["flip", "cut", "delete"])
def test_a_damaged_file_is_found_like_a_damaged_chunk(trained, harm):
    _, product = trained
    file = product.files.local / "model.safetensors"
    whole = file.read_bytes()
    if harm == "flip":
        file.write_bytes(whole[:1000] + bytes([whole[1000] ^ 1]) + whole[1001:])
    elif harm == "cut":
        file.write_bytes(whole[:-1])
    else:
        file.unlink()
    (found,) = damage.find(product)
    assert (found.block, found.chunk) == ("00000", "files/model.safetensors")
    assert found.reason == "missing" if harm == "delete" else "checksum" in found.reason
    assert not untouched(product.place, product.seal_record())


def test_the_digest_that_others_are_made_from_holds_the_files(tmp_path):
    digests = set()
    for at, content in enumerate((b"one", b"two")):
        archive = Archive(tmp_path / str(at), must_exist=False)
        archive.create()
        product = archive.product("s1", "model/net", "0" * 16)
        loss = xr.Dataset({"loss": ("step", np.zeros(3, np.float32))})
        product.create(loss.chunk(), CURVE, ABOUT)
        Workspace(product.place).keep("model.safetensors", content)
        product.write(0, loss, sources={}, moved=0, began=0.0)
        product.seal()
        digests.add(product.seal_record()["digest"])
    assert len(digests) == 2


def test_who_opens_the_product_is_told_where_its_files_are(trained):
    _, product = trained
    files = product.open(raw=True).encoding["files"]
    assert files.read("config.json") == (files / "config.json").read() == b"{}"


@pytest.mark.parametrize("left", [b"", b"[]", None])
def test_files_that_are_not_what_was_written_are_never_read(trained, left):
    _, product = trained
    place = product.files / "config.json"
    place.delete() if left is None else place.write(left)
    with pytest.raises(Damaged, match=r"config.json is (damaged|missing).* `vox2pix run` .* repairs it"):
        product.open(raw=True).encoding["files"].read("config.json")


def test_a_training_that_goes_on_is_young(trained):
    archive, product = trained
    old = 1_000_000_000.0
    for path in product.place.local.rglob("*"):
        os.utime(path, (old, old))
    (found,) = leftovers(archive, set(), now=old + 90_000)
    assert not found.young
    Workspace(product.place).save(4, b"goes on")
    for path in (product.place.local / "work").iterdir():
        os.utime(path, (old + 80_000, old + 80_000))
    (found,) = leftovers(archive, set(), now=old + 90_000)
    assert found.young
