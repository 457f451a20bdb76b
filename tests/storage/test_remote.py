"""The door to files and object stores behaves alike on both."""

from __future__ import annotations

import errno
import os
import pickle
import subprocess
from pathlib import Path

import pytest

from storage.errors import BadPlace, Denied, Invalid, Missing, NotWritten, Unreachable
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


# --- places that cannot be ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/x",
        "s3://",
        "s3://a b/x",
        "s3://Übung/x",
        "s3://b?q/x",
        "s3://b//x",
        "s3://b/../x",
        "s3://b/a\nb",
        "s3://b/a\0b",
        "a\0b",
    ],
)
def test_a_place_that_cannot_be_is_a_mistake_of_the_user(url):
    with pytest.raises(BadPlace, match="is no place") as caught:
        Location.of(url)
    assert caught.value.exit_code == 2
    assert "\0" not in str(caught.value)


JUNK = [
    "junk",
    "http://",
    "http:/h",
    "ftp://h",
    "http://a b",
    "http://h:port",
    "http://h:99999",
    "http://[::1",
]
JUNK += [
    "http://1.2.3.4.5",
    "http://%zz",
    "http://h/?q",
    "http://h#f",
    "http://h..h",
    " http://h",
    "//h:9000",
    7,
]


@pytest.mark.parametrize("url", JUNK)
def test_an_endpoint_that_is_no_address_is_a_mistake_of_the_user(url):
    with pytest.raises(BadPlace, match=r"endpoint_url .* is no server's address; expected http://HOST"):
        Location.of("s3://bucket/x", {"endpoint_url": url})


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:9000",
        "https://s3.eu-west-1.amazonaws.com/",
        "http://10.0.0.7:80",
        "HTTP://[::1]:9000",
        "https://minio_1.lab/storage/v1",
    ],
)
def test_an_endpoint_that_is_an_address_is_taken(url):
    assert Location.of("s3://bucket/x", {"endpoint_url": url}).options == (("endpoint_url", url),)


def test_an_endpoint_with_a_secret_is_refused_without_repeating_it():
    with pytest.raises(BadPlace, match="holds a user name") as caught:
        Location.of("s3://bucket/x", {"endpoint_url": "http://me:hush@host"})
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_an_endpoint_of_the_environment_is_looked_at_as_well(s3_server, monkeypatch, name):
    monkeypatch.setenv(name, "junk")
    with pytest.raises(BadPlace, match=rf"environment's {name} 'junk'"):
        Location.of("s3://a-bucket-of-its-own/x").read()


def test_a_panic_of_the_client_is_unreachable(s3_server, s3_bucket, monkeypatch):
    from storage.resuming import Reading

    panic = type("PanicException", (BaseException,), {})

    def fall_over(*_):
        raise panic("request must be valid")

    monkeypatch.setattr(Reading, "go_on", fall_over)
    with pytest.raises(Unreachable, match="request must be valid"):
        Location.of(f"s3://{s3_bucket}/x", {"endpoint_url": s3_server}).read()


def test_an_interruption_stays_one(s3_server, s3_bucket, monkeypatch):
    from storage.resuming import Reading

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Reading, "go_on", interrupt)
    with pytest.raises(KeyboardInterrupt):
        Location.of(f"s3://{s3_bucket}/x", {"endpoint_url": s3_server}).read()


@pytest.mark.parametrize("ask", [Location.stat, Location.read, Location.folders])
def test_a_missing_bucket_is_named(s3_server, ask):
    with pytest.raises(Missing, match=r"bucket 'nowhere-at-all' does not exist"):
        ask(Location.of("s3://nowhere-at-all/some/key", {"endpoint_url": s3_server}))


def test_a_bucket_is_asked_for_only_once(s3_server, s3_bucket, monkeypatch):
    place = Location.of(f"s3://{s3_bucket}/x", {"endpoint_url": s3_server})
    assert not place.exists()
    bucket, _ = place._backend()
    monkeypatch.setattr(bucket, "store", OnlyHead(bucket.store))
    assert not place.exists()


class OnlyHead:
    """A store that can do nothing but look at an object."""

    def __init__(self, store):
        self.head = store.head


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "\ud800", "/".join(["x" * 200] * 30)])
def test_a_name_that_no_file_can_have(tmp_path, name):
    place = Location.of(tmp_path) / name
    assert not place.exists()
    for ask in (place.read, place.stat, lambda: place.write(b""), place.folders, lambda: list(place.files())):
        with pytest.raises(Missing) as caught:
            ask()
        str(caught.value).encode()
        assert "\0" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_name_as_long_as_the_file_system_allows_is_written(tmp_path):
    place = Location.of(tmp_path) / ("x" * 255)
    place.write(b"whole")
    assert place.read() == b"whole"


# --- file systems that take no more ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "kind", "code"),
    [
        (errno.ENOSPC, NotWritten, 1),
        (errno.EDQUOT, NotWritten, 1),
        (errno.EIO, NotWritten, 1),
        (errno.EACCES, Denied, 3),
        (errno.EPERM, Denied, 3),
        (errno.EROFS, Denied, 3),
        (errno.ENAMETOOLONG, Missing, 3),
        (errno.ENOTDIR, Missing, 3),
    ],
)
def test_a_refused_write_says_why(tmp_path, monkeypatch, number, kind, code):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(kind, match=rf"/x could not be written: {os.strerror(number)}; ") as caught:
        Location.of(tmp_path / "x").write(b"")
    assert type(caught.value) is kind
    assert caught.value.exit_code == code
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_refused_removal_says_why(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(Denied, match="could not be removed: Read-only"):
        Location.of(tmp_path / "x").delete()


def test_a_failing_disk_is_told_while_reading(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("storage.local._entries", fail)
    with pytest.raises(Unreachable, match="could not be read: Input/output error"):
        Location.of(tmp_path / "x").folders()


def test_a_file_in_the_way_of_a_folder(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(NotWritten, match="File exists"):
        Location.of(tmp_path / "file" / "below").write(b"")
    with pytest.raises(Missing, match="Not a directory"):
        Location.of(tmp_path / "file" / "below" / "deep").write(b"")
    with pytest.raises(Missing, match="does not exist"):
        Location.of(tmp_path / "file" / "below").read()


def test_the_end_of_a_file_shorter_than_asked_for_is_all_of_it(place):
    (place / "x").write(b"ab")
    assert (place / "x").read(-4) == b"ab"


@pytest.mark.root
@pytest.mark.parametrize(
    ("options", "kind"), [("size=4k", NotWritten), ("nr_inodes=1", NotWritten), ("ro", Denied)]
)
def test_a_file_system_that_takes_nothing(tmp_path, request, options, kind):
    mount(request, tmp_path, options)
    with pytest.raises(kind, match="/x could not be written: "):
        Location.of(tmp_path / "x").write(bytes(8192))
    assert list(tmp_path.iterdir()) == []


def mount(request, folder, options):
    """Mount a small file system, until the test is over."""
    said = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=False, capture_output=True
    )
    if said.returncode:
        pytest.skip("no file system may be mounted here")
    request.addfinalizer(lambda: subprocess.run(["umount", folder], check=True))
