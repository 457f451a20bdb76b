"""The loopback S3 server: every client reads from it what lies in the folder."""

from __future__ import annotations

import gc
import http.client
import os
import socket
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.errors import Denied, Missing
from storage.remote import Location
from storage.simulate import s3_listing
from storage.simulate.serve import serve

BIG = 3 * 2**20 + 12_345
NAMES = {
    "empty": b"",
    "a/one": b"0123456789",
    "a/two words+50%.txt": b"two",
    "a/b/nä&<me>": b"drei",
    "a.txt": b"sorted before a/",
    "z/deep/er/still": b"x",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("served")
    for name, content in {**NAMES, "big": np.random.default_rng(0).bytes(BIG)}.items():
        path = root / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (root / "data" / "nothing in here").mkdir()
    (root / "secret").write_bytes(b"not served")
    (root / "data" / "out").symlink_to(root / "secret")
    (root / "data" / "up").symlink_to(root)
    return root / "data"


@pytest.fixture(scope="module")
def server(folder):
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        for name in ("NO_PROXY", "no_proxy"):
            patch.setenv(name, "127.0.0.1,localhost")
        with serve({"bucket": folder, "empty": folder / "nothing in here"}) as running:
            yield running


@pytest.fixture(scope="module")
def line(server):
    """One kept connection: if a request broke it, the next would say so."""
    connection = _connect(server)
    yield connection
    connection.close()


@pytest.fixture
def place(server):
    return Location.of("s3://bucket", server.options)


@pytest.fixture
def boto(server):
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config

    client = boto3.client(
        "s3", endpoint_url=server.url, region_name="us-east-1", config=Config(signature_version=UNSIGNED)
    )
    yield client
    client.close()


def _connect(server):
    return http.client.HTTPConnection("127.0.0.1", int(server.url.rsplit(":", 1)[1]), timeout=30)


def ask(line, path, method="GET", **headers):
    """Return status, headers and body; `line` goes on being usable."""
    line.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    reply = line.getresponse()
    return reply.status, dict(reply.getheaders()), reply.read()


def raw(server, text: bytes) -> bytes:
    """Return all that is answered to some bytes."""
    with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])), timeout=30) as plug:
        plug.sendall(text)
        plug.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: plug.recv(65536), b""))


# ------------------------------------------------------------------------------------------------ clients


def test_location_reads_as_from_the_folder(place, folder):
    local = Location.of(folder)
    for name in (*NAMES, "big"):
        assert (place / name).read() == (local / name).read()
        assert (place / name).stat().size == (local / name).stat().size
        assert (place / name).stat().modified == pytest.approx((local / name).stat().modified, abs=1)
        assert b"".join((place / name).pieces()) == (folder / name).read_bytes()
    assert (place / "big").read(-100) == (local / "big").read(-100)
    assert (place / "big").read(5, 7) == (local / "big").read(5, 7)
    assert (place / "big").read(BIG - 5) == (local / "big").read(BIG - 5)


def test_location_lists_what_the_folder_holds(place):
    assert sorted(name for name, _ in place.files()) == sorted([*NAMES, "big"])
    assert [name for name, _ in place.files(recursive=False)] == ["a.txt", "big", "empty"]
    assert place.folders() == ["a", "z"]
    assert (place / "a").folders() == ["b"]
    assert sorted(name for name, _ in (place / "a").files()) == ["b/nä&<me>", "one", "two words+50%.txt"]
    assert not (place / "nothing in here").is_folder()
    assert dict(place.files())["a/one"].etag == (place / "a" / "one").stat().etag


def test_location_tells_what_is_wrong(server, place):
    with pytest.raises(Missing, match="s3://bucket/a/none does not exist"):
        (place / "a" / "none").read()
    with pytest.raises(Missing, match="does not exist"):
        Location.of("s3://elsewhere/a", server.options).read()
    with pytest.raises(Missing, match="bucket 'elsewhere' does not exist"):
        list(Location.of("s3://elsewhere", server.options).files())
    with pytest.raises(Denied, match="access denied"):
        (place / "a" / "new").write(b"no")
    with pytest.raises(Denied, match="access denied"):
        (place / "a" / "one").delete()


def test_obstore_is_told_of_a_changed_object(server, folder):
    from obstore.exceptions import NotModifiedError, PreconditionError
    from obstore.store import S3Store

    options = {"allow_http": True}
    store = S3Store(
        "bucket", endpoint=server.url, skip_signature=True, region="us-east-1", client_options=options
    )
    path = folder.parent / "data" / "changing"
    try:
        path.write_bytes(b"before")
        etag = store.head("changing")["e_tag"]
        assert bytes(store.get("changing", options={"if_match": etag}).bytes()) == b"before"
        with pytest.raises(NotModifiedError):
            store.get("changing", options={"if_none_match": etag})
        path.write_bytes(b"afterwards")
        with pytest.raises(PreconditionError):
            store.get("changing", options={"if_match": etag})
        assert [bytes(part) for part in store.get_ranges("changing", starts=[0, 5], ends=[2, 10])] == [
            b"af",
            b"wards",
        ]
    finally:
        path.unlink()


def test_boto3_reads_without_credentials(boto, folder):
    boto.head_bucket(Bucket="bucket")
    found = boto.get_object(Bucket="bucket", Key="a/b/nä&<me>")
    assert found["Body"].read() == b"drei"
    assert found["ETag"] == boto.head_object(Bucket="bucket", Key="a/b/nä&<me>")["ETag"]
    assert boto.get_object(Bucket="bucket", Key="a/one", Range="bytes=2-4")["Body"].read() == b"234"
    target = folder.parent / "downloaded"
    boto.download_file("bucket", "big", str(target))
    assert target.read_bytes() == (folder / "big").read_bytes()


def test_boto3_pages_through_a_listing(boto):
    pages = boto.get_paginator("list_objects_v2").paginate(
        Bucket="bucket", PaginationConfig={"PageSize": 2}, StartAfter="a.txt"
    )
    keys = [item["Key"] for page in pages for item in page.get("Contents", ())]
    assert keys == sorted({*NAMES, "big"} - {"a.txt"})
    pages = boto.get_paginator("list_objects_v2").paginate(
        Bucket="bucket", Delimiter="/", PaginationConfig={"PageSize": 1}
    )
    found = [
        item.get("Key") or item.get("Prefix")
        for page in pages
        for item in page.get("Contents", page.get("CommonPrefixes"))
    ]
    assert found == ["a.txt", "a/", "big", "empty", "z/"]


def test_boto3_is_refused_with_the_codes_of_s3(boto):
    from botocore.exceptions import ClientError

    def code(call, **given):
        with pytest.raises(ClientError) as caught:
            call(**given)
        return caught.value.response["Error"]["Code"]

    assert code(boto.get_object, Bucket="bucket", Key="none") == "NoSuchKey"
    assert code(boto.get_object, Bucket="elsewhere", Key="none") == "NoSuchBucket"
    assert code(boto.get_object, Bucket="bucket", Key="a/one", Range="bytes=10-") == "InvalidRange"
    assert code(boto.get_object, Bucket="bucket", Key="a/one", IfMatch='"other"') == "PreconditionFailed"
    assert code(boto.get_object_tagging, Bucket="bucket", Key="a/one") == "NotImplemented"
    assert code(boto.list_objects_v2, Bucket="bucket", ContinuationToken="#") == "InvalidArgument"
    assert code(boto.list_objects, Bucket="bucket") == "NotImplemented"
    assert code(boto.list_buckets) == "AccessDenied"
    assert code(boto.put_object, Bucket="bucket", Key="new", Body=b"x" * 10_000_000) == "AccessDenied"
    assert code(boto.create_multipart_upload, Bucket="bucket", Key="new") == "AccessDenied"
    assert code(boto.delete_object, Bucket="bucket", Key="a/one") == "AccessDenied"
    assert code(boto.create_bucket, Bucket="new") == "AccessDenied"
    assert code(boto.head_bucket, Bucket="elsewhere") == "404"


def test_s3fs_reads_and_lists(server, folder):
    import s3fs

    files = s3fs.S3FileSystem(anon=True, endpoint_url=server.url, skip_instance_cache=True)
    assert files.ls("bucket") == ["bucket/a", "bucket/a.txt", "bucket/big", "bucket/empty", "bucket/z"]
    assert files.find("bucket/a") == ["bucket/a/b/nä&<me>", "bucket/a/one", "bucket/a/two words+50%.txt"]
    assert files.cat("bucket/a/two words+50%.txt") == b"two"
    assert files.cat_ranges(["bucket/big"] * 3, [0, 7, 2**21], [5, 9, 2**21 + 4]) == [
        (folder / "big").read_bytes()[start:stop] for start, stop in ((0, 5), (7, 9), (2**21, 2**21 + 4))
    ]
    with files.open("bucket/big", "rb", block_size=2**20) as file:
        file.seek(2**20 + 3)
        assert file.read(10) == (folder / "big").read_bytes()[2**20 + 3 : 2**20 + 13]
    assert files.exists("bucket/a/one")
    assert not files.exists("bucket/a/none")
    with pytest.raises(PermissionError):
        files.pipe("bucket/new", b"x")


def test_zarr_opens_a_group_through_s3fs_and_obstore(server, folder):
    import xarray as xr
    import zarr

    values = np.arange(60.0).reshape(6, 10)
    group = zarr.open_group(folder / "z" / "group", mode="w", zarr_format=3)
    group.create_array("numbers", data=values, chunks=(4, 4), dimension_names=("row", "column"))
    url = {"endpoint_url": server.url, "anon": True}
    through_s3fs = zarr.storage.FsspecStore.from_url("s3://bucket/z/group", storage_options=url)
    for store in (through_s3fs, Location.of("s3://bucket/z/group", url).zarr()):
        with xr.open_zarr(store, consolidated=False) as opened:
            np.testing.assert_array_equal(opened["numbers"].values, values)


# ------------------------------------------------------------------------------------------------- ranges


@pytest.mark.parametrize("name", ["big", "a/one", "empty"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_range_is_the_files_bytes(line, folder, name, data):
    content = (folder / name).read_bytes()
    size = len(content)
    edge = st.one_of(st.integers(0, size + 3), st.integers(max(0, size - 3), size + 3))
    start, stop = data.draw(st.none() | edge, "start"), data.draw(st.none() | edge, "stop")
    asked = f"bytes={'' if start is None else start}-{'' if stop is None else stop}"
    status, headers, body = ask(line, f"/bucket/{name}", Range=asked)
    if (start is None and stop is None) or (None not in {start, stop} and stop < start):
        assert (status, body) == (200, content)
        return
    first = max(0, size - stop) if start is None else start
    expected = content[first:] if start is None or stop is None else content[first : stop + 1]
    if not expected:
        assert status == 416
        assert headers["Content-Range"] == f"bytes */{size}"
        assert b"InvalidRange" in body
        return
    assert (status, body) == (206, expected)
    assert headers["Content-Range"] == f"bytes {first}-{first + len(expected) - 1}/{size}"
    assert headers["Content-Length"] == str(len(expected))


@pytest.mark.parametrize(
    "asked", ["lines=0-1", "bytes=x-3", "bytes=1", "bytes=0-1,4-5", "bytes=5-2", "bytes=--2"]
)
def test_what_is_no_single_range_gives_everything(line, asked):
    assert ask(line, "/bucket/a/one", Range=asked)[::2] == (200, b"0123456789")


def test_head_says_what_get_sends(line):
    get, head = (ask(line, "/bucket/a/one", method, Range="bytes=3-5") for method in ("GET", "HEAD"))
    assert head[0] == get[0] == 206
    assert head[2] == b""
    assert {**head[1], "Date": ""} == {**get[1], "Date": ""}


# --------------------------------------------------------------------------------------------- conditions


def test_conditions_are_those_of_http(line, folder):
    _, headers, _ = ask(line, "/bucket/a/one", "HEAD")
    etag, seconds = headers["ETag"], int((folder / "a/one").stat().st_mtime)
    assert headers["Last-Modified"] == formatdate(seconds, usegmt=True)
    sooner, later = (formatdate(seconds + by, usegmt=True) for by in (-60, 60))

    def status(**conditions):
        found, _, body = ask(line, "/bucket/a/one", **conditions)
        assert (body == b"0123456789") == (found == 200)
        return found

    assert status(If_Match=etag) == status(If_Match="*") == status(If_Match=f'"x", {etag}') == 200
    assert status(If_Match='"x"') == 412
    assert status(If_None_Match='"x"') == 200
    assert status(If_None_Match=etag) == status(If_None_Match="*") == status(If_None_Match=f"W/{etag}") == 304
    assert status(If_Unmodified_Since=later) == status(If_Modified_Since=sooner) == 200
    assert status(If_Unmodified_Since=sooner) == 412
    assert status(If_Modified_Since=later) == 304
    assert status(If_Match=etag, If_Unmodified_Since=sooner) == 200
    assert status(If_None_Match='"x"', If_Modified_Since=later) == 200
    assert status(If_Modified_Since="yesterday") == 200


def test_a_range_of_what_has_changed_is_the_whole(line):
    _, headers, _ = ask(line, "/bucket/a/one", "HEAD")
    same = ask(line, "/bucket/a/one", Range="bytes=0-1", If_Range=headers["ETag"])
    other = ask(line, "/bucket/a/one", Range="bytes=0-1", If_Range='"x"')
    assert (same[0], other[0]) == (206, 200)


def test_etags_tell_files_and_their_times_apart(line, folder):
    def etag(name):
        return ask(line, f"/bucket/{quote(name)}", "HEAD")[1]["ETag"]

    path = folder / "a/one"
    first, before = etag("a/one"), path.stat()
    assert etag("a/one") == first != etag("a.txt")
    try:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
        assert etag("a/one") != first
    finally:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert etag("a/one") == first


# -------------------------------------------------------------------------------------------- what is kept in


@pytest.mark.parametrize(
    "path",
    [
        "/bucket/../secret",
        "/bucket/a/../../secret",
        "/bucket/%2e%2e/secret",
        "/bucket/..%2fsecret",
        "/bucket//secret",
        "/bucket/./a/one",
        "/bucket/a//one",
        "/bucket/out",
        "/bucket/up/secret",
        "/bucket/up/data/a/one",
        "/bucket/a",
        "/bucket/a/",
        "/bucket/a/one/",
        "/bucket/a/one/more",
        "/bucket/a%00",
        "/bucket/" + "x" * 5000,
    ],
)
def test_no_path_leads_out_of_the_folder(line, path):
    status, _, body = ask(line, path)
    assert status == 404
    assert b"<Code>NoSuchKey</Code>" in body


def test_absolute_paths_are_no_keys(server, line, folder):
    assert ask(line, f"/bucket/{folder.parent / 'secret'}")[0] == 404
    assert ask(line, f"/{folder.parent / 'secret'}")[0] == 403
    assert b" 400 " in raw(server, b"GET http://127.0.0.1/bucket/a/one HTTP/1.1\r\n\r\n")


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_is_written(server, folder, method):
    connection = _connect(server)
    status, headers, body = ask(connection, "/bucket/a/one", method)
    connection.close()
    assert (status, headers["Connection"]) == (403, "close")
    assert b"<Code>AccessDenied</Code>" in body
    assert (folder / "a/one").read_bytes() == b"0123456789"


def test_only_this_machine_is_served(server, line):
    port = int(server.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port)) as plug:
        assert plug.getpeername()[0] == "127.0.0.1"
    with pytest.raises(OSError), socket.create_connection(("127.0.0.2", port), timeout=5):  # noqa: PT011
        pass
    status, _, body = ask(line, "/a/one", Host=f"bucket.localhost:{port}")
    assert status == 400
    assert b"by path" in body


def test_files_that_may_not_be_read(line, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root, who tests in CI, may read everything
    status, _, body = ask(line, "/bucket/a/one")
    assert status == 403
    assert b"<Code>AccessDenied</Code>" in body


# ------------------------------------------------------------------------------------------------ listing


def _listed(folder, page_size, **query):
    """Return keys and prefixes, page by page as a client would ask for them."""
    found, after = [], query.get("start-after", "")
    while True:
        asked = s3_listing.Query(query.get("prefix", ""), query.get("delimiter", ""), after, page_size)
        page = s3_listing.page(folder, asked)
        assert len(page.objects) + len(page.prefixes) <= page_size
        found.append(sorted([key for key, _ in page.objects] + list(page.prefixes)))
        if page.next_after is None:
            return [key for part in found for key in part]
        after = page.next_after


_PARTS = st.lists(st.sampled_from(["a", "b", "a.b", "a-", "é"]), min_size=1, max_size=3).map("/".join)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    keys=st.sets(_PARTS, max_size=8),
    prefix=st.sampled_from(["", "a", "a/", "a/b", "a.", "c"]),
    delimiter=st.sampled_from(["", "/", ".", "b"]),
    after=st.sampled_from(["", "a", "a/", "a/b", "b/a/a"]),
    page_size=st.integers(1, 9),
)
def test_listing_is_what_s3_says_it_is(tmp_path_factory, keys, prefix, delimiter, after, page_size):
    root, kept = tmp_path_factory.mktemp("listed"), []
    for key in sorted(keys, key=lambda key: (key.count("/"), key)):
        if any(key.startswith(f"{other}/") for other in kept):  # a file can't be a folder too
            continue
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        (root / key).write_bytes(b"")
        kept.append(key)
    expected = set()
    for key in kept:
        if key.startswith(prefix) and key > after:
            head, cut, _ = key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            expected.add(prefix + head + cut if cut else key)
    query = {"prefix": prefix, "delimiter": delimiter, "start-after": after}
    assert _listed(root, page_size, **query) == sorted(expected)


def test_listing_says_what_it_was_asked(line):
    query = "list-type=2&prefix=a/&delimiter=/&max-keys=1&start-after=a/b&encoding-type=url"
    status, headers, body = ask(line, f"/bucket?{query}")
    assert status == 200
    assert headers["Content-Type"] == "application/xml"
    for said in (
        "<Name>bucket</Name>",
        "<Prefix>a/</Prefix>",
        "<Delimiter>/</Delimiter>",
        "<StartAfter>a/b</StartAfter>",
        "<MaxKeys>1</MaxKeys>",
        "<KeyCount>1</KeyCount>",
        "<EncodingType>url</EncodingType>",
        "<IsTruncated>true</IsTruncated>",
        "<NextContinuationToken>",
        "<CommonPrefixes><Prefix>a/b/</Prefix></CommonPrefixes>",
    ):
        assert said in body.decode()
    assert b"a/two%20words%2B50%25.txt" in ask(line, f"/bucket?{query.replace('=1&', '=9&')}")[2]
    assert b"<KeyCount>0</KeyCount><IsTruncated>false" in ask(line, "/bucket?list-type=2&max-keys=0")[2]
    assert b"<KeyCount>0</KeyCount>" in ask(line, "/empty/?list-type=2")[2]
    assert b"a/b/n\xc3\xa4&amp;&lt;me&gt;" in ask(line, "/bucket?list-type=2&prefix=a/b")[2]


@pytest.mark.parametrize("query", ["max-keys=-1", "max-keys=x", "continuation-token=%23", "max-keys=1e3"])
def test_listing_refuses_what_is_no_number_or_token(line, query):
    status, _, body = ask(line, f"/bucket?list-type=2&{query}")
    assert status == 400
    assert b"<Code>InvalidArgument</Code>" in body


# ----------------------------------------------------------------------------------------- the connection


@pytest.mark.parametrize(
    "text",
    [
        b"hello\r\n\r\n",
        b"GET /bucket/a/one HTTP/3\r\n\r\n",
        b"GET bucket HTTP/1.1\r\n\r\n",
        b"GET /bucket/%ff HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno header\r\n\r\n",
        b"GET / HTTP/1.1\r\n folded: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nx: " + b"x" * 70_000 + b"\r\n\r\n",
    ],
)
def test_what_is_no_request_is_answered_as_such(server, text):
    assert raw(server, text).startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_requests_may_follow_each_other_without_waiting(server):
    one = b"GET /bucket/a/one HTTP/1.1\r\nRange: bytes=%d-%d\r\n\r\n"
    replies = raw(server, b"".join(one % (at, at) for at in range(10)))
    assert [part[:1] for part in replies.split(b"\r\n\r\n")[1:]] == [b"%d" % at for at in range(10)]


def test_old_clients_get_one_reply_a_connection(server):
    old = b"GET /bucket/a/one HTTP/1.0\r\n\r\n"
    assert raw(server, old + old).count(b"0123456789") == 1
    kept = b"GET /bucket/a/one HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    assert raw(server, kept + old).count(b"0123456789") == 2
    asked = b"GET /bucket/a/one HTTP/1.1\r\nConnection: close\r\n\r\n"
    assert raw(server, asked + asked).count(b"0123456789") == 1


def test_a_body_is_never_read_as_the_next_request(server):
    inner = b"GET /bucket/a/one HTTP/1.1\r\n\r\n"
    outer = b"GET /bucket/a.txt HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(inner)
    assert raw(server, outer + inner).count(b"HTTP/1.1 200") == 1


def test_a_file_that_shrinks_cuts_the_body_off(server, folder):
    path = folder / "shrinking"
    path.write_bytes(bytes(64 * 2**20))
    connection = _connect(server)
    try:
        connection.request("GET", "/bucket/shrinking")
        reply = connection.getresponse()
        reply.read(10)
        with path.open("r+b") as file:
            file.truncate(100)
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            reply.read()
    finally:
        connection.close()
        path.unlink()


def test_many_small_ranges_at_once(server, place, folder):
    content, random = (folder / "big").read_bytes(), np.random.default_rng(1)
    starts = random.integers(0, BIG - 4096, 512).tolist()
    requests, sent = server.requests, server.bytes
    with ThreadPoolExecutor(64) as pool:
        found = list(pool.map(lambda start: (place / "big").read(start, 4096), starts))
    assert all(part == content[start : start + 4096] for part, start in zip(found, starts, strict=True))
    assert server.requests - requests == 512
    assert server.bytes - sent == 512 * 4096


def test_a_slow_client_keeps_nobody_waiting_and_little_in_memory(server, line, folder):
    path = folder / "large"
    with path.open("wb") as file:
        file.truncate(2**30)
    slow = _connect(server)
    try:
        sent = server.bytes
        slow.request("GET", "/bucket/large")
        slow.getresponse().read(1)
        assert ask(line, "/bucket/a/one")[2] == b"0123456789"
        time.sleep(0.1)
        assert server.bytes - sent < 2**26  # what the sockets hold, not the file
    finally:
        slow.close()
        path.unlink()


# --------------------------------------------------------------------------------------- coming and going


def test_serving_ends_with_the_context_and_leaves_nothing_open(folder):
    gc.collect()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with serve({"bucket": folder}) as server:
            idle, busy = _connect(server), _connect(server)
            idle.connect()
            busy.request("GET", "/bucket/big")
            threads = [thread for thread in threading.enumerate() if thread.name == "vox2pix-s3"]
        idle.close()
        busy.close()
        gc.collect()
    assert [str(warning.message) for warning in warned] == []
    assert not threads[-1].is_alive()
    with pytest.raises(ConnectionRefusedError):
        _connect(server).connect()


def test_two_servers_have_two_ports(folder):
    with serve({"bucket": folder}) as one, serve({"bucket": folder}) as two:
        assert one.url != two.url
        assert one.options == {"endpoint_url": one.url, "anon": True}


def test_an_error_inside_still_ends_the_server(folder):
    running = threading.active_count()
    with pytest.raises(ZeroDivisionError), serve({"bucket": folder}):
        raise ZeroDivisionError
    assert threading.active_count() == running


def test_a_folder_must_exist(tmp_path):
    with pytest.raises(Missing, match="no folder"), serve({"bucket": tmp_path / "none"}):
        pass


def test_what_is_written_later_is_served_too(server, place, folder):
    path = folder / "later"
    path.write_bytes(b"late")
    try:
        assert (place / "later").read() == b"late"
    finally:
        path.unlink()
    assert not (place / "later").exists()
