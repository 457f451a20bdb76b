"""The door to files and object stores behaves alike on both."""

from __future__ import annotations

import pickle

import pytest

from storage.errors import Denied, Invalid, Missing, Unreachable
from storage.local import remove_drafts
from storage.remote import Location
from storage.transfer import traffic


@pytest.fixture(params=["folder", "s3"])
def place(request, tmp_path):
    if request.param == "folder":
        return Location.of(tmp_path / "a place")
    endpoint = request.getfixturevalue("s3_server")
    return Location.of(f"s3://{request.getfixturevalue('s3_bucket')}/a/place", {"endpoint_url": endpoint})


def test_what_is_written_is_read(place):
    file = place / "x" / "y.json"
    assert not file.exists()
    file.write(b"0123456789")
    assert file.read() == b"0123456789"
    assert file.read(2, 3) == b"234"
    assert file.read(-4) == b"6789"
    assert file.read(3) == b"3456789"
    assert file.stat().size == 10
    assert b"".join(file.pieces()) == b"0123456789"


def test_writing_again_changes_the_etag(place):
    file = place / "x"
    file.write(b"one")
    before = file.stat().etag
    assert file.stat().etag == before
    file.write(b"two!")
    assert file.stat().etag != before


def test_folders_and_files_are_listed_in_order(place):
    for name in ("b/2", "b/1", "a", "c/d/e"):
        (place / name).write(b"")
    assert place.folders() == ["b", "c"]
    assert sorted(name for name, _ in place.files()) == ["a", "b/1", "b/2", "c/d/e"]
    assert [name for name, _ in place.files(recursive=False)] == ["a"]
    assert place.is_folder()
    place.delete_tree()
    assert list(place.files()) == []
    assert not place.is_folder()


def test_what_is_not_there(place):
    with pytest.raises(Missing, match="does not exist"):
        (place / "nothing").read()
    assert list((place / "nothing").files()) == []
    assert (place / "nothing").folders() == []
    (place / "nothing").delete()


def test_a_location_travels(place):
    (place / "x").write(b"here")
    assert (pickle.loads(pickle.dumps(place)) / "x").read() == b"here"


def test_the_zarr_store_lies_in_the_folder(place):
    import zarr

    zarr.create_array((place / "z").zarr(), shape=(3,), dtype="i4", chunks=(3,))
    assert "zarr.json" in [name for name, _ in (place / "z").files()]


def test_drafts_of_killed_writers_are_passed_over_and_removed(tmp_path):
    place = Location.of(tmp_path)
    (place / "whole").write(b"")
    (tmp_path / ".half.123.partial").write_bytes(b"")
    assert [name for name, _ in place.files()] == ["whole"]
    assert remove_drafts(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]


def test_no_bucket(s3_server):
    with pytest.raises(Missing, match="nowhere-at-all"):
        (Location.of("s3://nowhere-at-all/x", {"endpoint_url": s3_server})).read()


def test_unknown_profile_is_told_without_a_secret(s3_server, s3_bucket, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    place = Location.of(f"s3://{s3_bucket}/x", {"endpoint_url": s3_server, "profile": "nobody"})
    with pytest.raises(Denied, match="nobody") as caught:
        place.read()
    assert "testing" not in str(caught.value)


def test_a_dead_endpoint_is_unreachable(s3_server, monkeypatch):
    from storage import s3

    monkeypatch.setattr(s3, "RETRIES", 0)
    with pytest.raises(Unreachable, match="endpoint_url"):
        Location.of("s3://bucket/x", {"endpoint_url": "http://127.0.0.1:9"}).read()


def test_reads_from_object_stores_are_counted(s3_server, s3_bucket):
    file = Location.of(f"s3://{s3_bucket}/x", {"endpoint_url": s3_server})
    file.write(b"12345")
    before = traffic.bytes, traffic.requests
    file.read(1, 3)
    assert (traffic.bytes - before[0], traffic.requests - before[1]) == (3, 1)


@pytest.mark.parametrize("url", ["ftp://host/x", "s3://"])
def test_other_schemes_are_refused(url):
    with pytest.raises(Invalid, match="no place"):
        Location.of(url)


def test_unknown_options_are_refused():
    with pytest.raises(Invalid, match="endpoint_url"):
        Location.of("s3://bucket/x", {"endpont": "x"})


def test_relative_paths_are_taken_from_the_base(tmp_path):
    assert Location.of("a/b", base=tmp_path).local == tmp_path / "a" / "b"
