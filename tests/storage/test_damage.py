"""Whatever happens to a stored byte is found, named, and gone after a repair."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage import damage
from storage.markers import FRAME
from storage.sealing import untouched


def _repair(kept, found):
    kept.product.revoke({item.block for item in found} - {"seal"})
    kept.finish()


def _objects(product):
    return sorted(name for name, _ in product.data.files() if name != "zarr.json")


def test_a_whole_product_has_no_damage(anywhere):
    assert damage.find(anywhere.finish()) == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_flip_truncation_or_deletion_is_found_and_mended(kept, data):
    product = kept.product if kept.product.sealed() else kept.finish()
    name = data.draw(st.sampled_from(_objects(product)))
    file = product.data / name
    whole = file.read()
    how = data.draw(st.sampled_from(["flip", "cut", "delete"]))
    if how == "flip":
        at = data.draw(st.integers(0, 8 * len(whole) - 1))
        broken = bytearray(whole)
        broken[at // 8] ^= 1 << at % 8
        file.write(bytes(broken))
    elif how == "cut":
        file.write(whole[: data.draw(st.integers(0, len(whole) - 1))])
    else:
        file.delete()
    found = damage.find(product)
    assert [item.chunk for item in found] == [f"data/{name}"]
    assert (found[0].block == FRAME) == name.startswith(("image_id", "repeat")) or name.endswith("zarr.json")
    _repair(kept, found)
    assert damage.find(product) == []
    assert file.read() == whole


@pytest.mark.parametrize("content", [b"", b"{}", b"nonsense"])
def test_damaged_group_metadata_is_found_and_mended(kept, content):
    product = kept.finish()
    whole = (product.data / "zarr.json").read()
    (product.data / "zarr.json").write(content)
    found = damage.find(product)
    assert [(item.block, item.chunk) for item in found] == [(FRAME, "data/zarr.json")]
    _repair(kept, found)
    assert (product.data / "zarr.json").read() == whole


def test_a_damaged_or_missing_marker_is_found(kept):
    product = kept.finish()
    (product.place / "done" / "00001.json").write(b"}")
    (product.place / "done" / "00002.json").delete()
    assert {item.block: item.reason for item in damage.find(product)} == {
        "00001": "marker is damaged",
        "00002": "marker is missing",
    }


def test_a_damaged_seal_is_found(kept):
    product = kept.finish()
    (product.place / "product.json").write(b"{}")
    assert [item.block for item in damage.find(product)] == ["seal"]


def test_a_chunk_of_another_block_is_not_taken_for_its_own(kept):
    product = kept.finish()
    (product.data / "betas/c/0/0").write((product.data / "betas/c/1/0").read())
    (found,) = damage.find(product)
    assert found.reason.startswith("holds other data")


def test_a_listing_tells_whether_anything_was_touched(anywhere):
    product = anywhere.finish()
    record = product.seal_record()
    assert untouched(product.place, record)
    chunk = product.data / "betas/c/0/0"
    chunk.write(chunk.read()[:-1] + b"\0")
    assert not untouched(product.place, record)


@pytest.mark.parametrize("spoilt", [{"digest": 3}, {"edges": [0, 4]}, {"stage": "respond"}, {"block": None}])
def test_a_seal_that_says_something_else_is_found(kept, spoilt):
    product = kept.finish()
    record = product.seal_record()
    (product.place / "product.json").write(json.dumps({**record, **spoilt}).encode())
    assert [item.reason for item in damage.find(product) if item.block == "seal"] == ["seal is damaged"]


@pytest.mark.parametrize("content", [b"[]", b'{"chunks": []}', b"[" * 100_000])
def test_a_marker_of_another_form_is_found(kept, content):
    product = kept.finish()
    (product.place / "done" / "00001.json").write(content)
    (found,) = damage.find(product)
    assert (found.block, found.reason) == ("00001", "marker is damaged")


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "\ud800", ".."])
def test_a_marker_that_names_what_no_file_can_be_called_is_found(kept, name):
    product = kept.finish()
    marker = json.loads((product.place / "done" / "00001.json").read())
    marker["chunks"] = {name: "00000000"}
    (product.place / "done" / "00001.json").write(json.dumps(marker).encode())
    assert "00001" in {item.block for item in damage.find(product)}


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"[" * 100_000, None])
def test_damaged_group_metadata_of_an_unfinished_product_is_found(kept, content):
    product = kept.product
    kept.create()
    kept.write(0)
    root = product.data / "zarr.json"
    whole = root.read()
    root.delete() if content is None else root.write(content)
    for found in (damage.find(product), damage.find(product, product.done())):
        assert [(item.block, item.chunk) for item in found] == [(FRAME, "data/zarr.json")]
    _repair(kept, found)
    assert json.loads(root.read())["attributes"] == json.loads(whole)["attributes"]
    assert damage.find(product) == []
