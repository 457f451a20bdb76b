"""Collecting: what nobody keeps goes, what is young stays, and a removal cut short leaves nothing false."""

from __future__ import annotations

import pytest

from storage.archive import Archive
from storage.collect import YOUNG, leftovers, remove
from storage.remote import Location

PRINTS = [digit * 16 for digit in "abc"]


@pytest.fixture(params=["folder", "s3"])
def archive(request, tmp_path) -> Archive:
    if request.param == "folder":
        place = Location.of(tmp_path / "archive")
    else:
        server, bucket = request.getfixturevalue("s3_server"), request.getfixturevalue("s3_bucket")
        place = Location.of(f"s3://{bucket}/archive", {"endpoint_url": server})
    archive = Archive(place, must_exist=False)
    archive.create()
    for fingerprint in PRINTS:
        product = archive.product("s1", "images/final", fingerprint)
        for name in (
            "data/zarr.json",
            "data/picture/c/0",
            "done/frame.json",
            "done/00000.json",
            "product.json",
        ):
            (product.place / name).write(b"{}")
    return archive


def address(fingerprint: str) -> str:
    return f"s1/images/final@{fingerprint}"


def test_what_is_kept_is_no_leftover(archive):
    found = leftovers(archive, {address(PRINTS[0]), address(PRINTS[2])})
    assert [item.product.fingerprint for item in found] == [PRINTS[1]]


def test_a_leftover_is_young_for_a_day(archive):
    (item, *_) = leftovers(archive, set())
    assert item.young
    assert leftovers(archive, set(), now=item.written + YOUNG - 1)[0].young
    assert not leftovers(archive, set(), now=item.written + YOUNG + 1)[0].young


def test_a_product_without_markers_is_as_young_as_its_files(archive):
    product = archive.product("s1", "images/final", PRINTS[0])
    before = leftovers(archive, set())[0].written
    for name in ("frame", "00000"):
        (product.place / "done" / f"{name}.json").delete()
    (product.place / "data" / "picture" / "c" / "1").write(b"{}")
    item = leftovers(archive, set())[0]
    assert item.product == product
    assert item.written >= before
    assert item.young


def test_removing_takes_all_of_a_product_and_nothing_else(archive):
    remove(archive.product("s1", "images/final", PRINTS[1]))
    assert [product.fingerprint for product in archive] == [PRINTS[0], PRINTS[2]]
    assert list((archive.place / "s1/images/final" / PRINTS[1]).files()) == []
    assert (archive.place / "archive.json").exists()


def test_a_removal_cut_short_leaves_no_seal(archive, monkeypatch):
    product = archive.product("s1", "images/final", PRINTS[1])

    def stop(_: Location) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Location, "delete_tree", stop)
    with pytest.raises(KeyboardInterrupt):
        remove(product)
    assert product.seal_record() is None
    assert product.done() == set()
