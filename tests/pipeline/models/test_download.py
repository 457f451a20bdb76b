"""A file from a web server that cuts off, changes its mind or answers with something else."""

from __future__ import annotations

import fcntl
import hashlib

import pytest

from pipeline.models import download as module
from pipeline.models.download import FetchFailed, download

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def place(home, tmp_path):
    home.files["weights.th"] = CONTENT
    return f"{home.url}/weights.th", tmp_path / "to" / "weights.th"


def sum_of(content):
    return hashlib.sha256(content).hexdigest()


def test_a_file_is_in_its_place_when_it_is_whole(place):
    url, path = place
    seen = []
    download(url, path, (len(CONTENT), sum_of(CONTENT)), seen.append)
    assert path.read_bytes() == CONTENT
    assert seen == [path.parent / "partial" / "weights.th"]  # looked at before it got its name
    assert list(path.parent.iterdir()) == [path]


def test_what_is_cut_off_goes_on_where_it_was(home, place):
    url, path = place
    home.cuts = [1000, 3000]
    download(url, path, (len(CONTENT), sum_of(CONTENT)))
    assert path.read_bytes() == CONTENT
    assert [said for _, _, said in home.asked] == [None, "bytes=1000-", "bytes=4000-"]


def test_one_that_stays_cut_off_leaves_nothing_that_looks_whole_and_goes_on_later(home, place):
    url, path = place
    home.cuts = [1000, 0, 0]
    with pytest.raises(
        FetchFailed,
        match=r"cut off after 1000 of 10240 bytes\); 1000 bytes are kept, the same command goes on",
    ):
        download(url, path)
    assert not path.exists()
    home.cuts = []
    download(url, path, (None, sum_of(CONTENT)))
    assert path.read_bytes() == CONTENT
    assert home.asked[-1][2] == "bytes=1000-"


def test_a_file_that_has_changed_meanwhile_is_begun_anew(home, place):
    url, path = place
    home.cuts = [1000, 0, 0]
    with pytest.raises(FetchFailed):
        download(url, path)
    home.cuts, home.files["weights.th"] = [], CONTENT[::-1]
    download(url, path)
    assert path.read_bytes() == CONTENT[::-1]


def test_one_that_was_whole_but_had_not_got_its_name(home, place):
    url, path = place
    (path.parent / "partial").mkdir(parents=True)
    (path.parent / "partial" / path.name).write_bytes(CONTENT)
    (path.parent / "partial" / f"{path.name}.etag").write_text(f'"{sum_of(CONTENT)}"')
    download(url, path)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ((7, None), "has 10240 bytes, expected 7; nothing was kept"),
        ((None, "0" * 64), f"has sha256 {sum_of(CONTENT)}, expected 0000.*; nothing was kept"),
    ],
)
def test_another_file_than_expected_is_not_kept(place, expected, said):
    url, path = place
    with pytest.raises(FetchFailed, match=said):
        download(url, path, expected)
    assert not path.parent.exists()


def test_what_is_not_accepted_is_not_kept(place):
    url, path = place

    def refuse(_path):
        raise FetchFailed("no such thing")

    path.parent.mkdir()
    (path.parent / "mine").write_text("was here")
    with pytest.raises(FetchFailed, match="no such thing"):
        download(url, path, accept=refuse)
    assert [one.name for one in path.parent.iterdir()] == ["mine"]


def test_a_file_that_is_not_there(home, place):
    _, path = place
    with pytest.raises(
        FetchFailed, match=r"nowhere.th can't be fetched: it answers 404 .*; see whether it has"
    ):
        download(f"{home.url}/nowhere.th", path)


def test_a_web_page_is_no_file(home, place):
    url, path = place
    home.kind = "text/html"
    with pytest.raises(FetchFailed, match="answers with a web page, not a file"):
        download(url, path)
    assert not path.exists()


def test_no_network(place):
    _, path = place
    with pytest.raises(
        FetchFailed, match=r"can't be fetched \(.*refused.*\); see whether this machine has a net"
    ):
        download("http://127.0.0.1:9/weights.th", path / "deep" / "weights.th")
    assert not path.parent.exists()


def test_no_address(place):
    with pytest.raises(FetchFailed, match="expected http:// or https://"):
        download("file:///etc/passwd", place[1])


def test_no_room(place, monkeypatch):
    url, path = place
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _path: type("", (), {"free": 10})())
    with pytest.raises(FetchFailed, match=r"takes 10240 bytes more, and .* has 10 left; free some"):
        download(url, path)
    assert not path.parent.exists()


def test_a_folder_that_cannot_be(place, tmp_path):
    url, _ = place
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(
        FetchFailed, match=r"can't be written \(Not a directory\); name another folder by --to"
    ):
        download(url, tmp_path / "file" / "below" / "weights.th")


def test_two_at_once(place):
    url, path = place
    (path.parent / "partial").mkdir(parents=True)
    with (path.parent / "partial" / "weights.th.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(FetchFailed, match="is being fetched by another process"):
            download(url, path)
    download(url, path)
