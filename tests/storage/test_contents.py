"""What an archive holds, listed with few requests, and looked at as text and HTML."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from storage.archive import Archive
from storage.errors import NoSuchProduct
from storage.tree import Tree

ABOUT = {"stage": "x", "version": 1, "settings": {}, "inputs": {}}


def another(kept, owner: str, name: str, fingerprint: str):
    """Return a second product of the same archive, finished."""
    twin = type(kept)(kept.archive, kept.archive.product(owner, name, fingerprint))
    return twin.finish()


def test_listing_and_opening_cost_requests_a_product_never_a_chunk(kept_on_s3, s3_requests):
    kept_on_s3.finish()
    for owner, name in (("s1", "features/a"), ("s1", "features/b"), ("all", "features/a")):
        another(kept_on_s3, owner, name, "a" * 16)
    archive = kept_on_s3.archive
    chunks = sum("/c/" in name for name, _ in archive.place.files())
    assert chunks > 40
    s3_requests.clear()
    assert len(archive.products()) == 4
    # the root, 2 owners, 3 groups of names, 3 names below them, 4 seals
    assert len(s3_requests) == 13
    s3_requests.clear()
    archive.open("betas", subject="s1")
    # the fingerprints, the seal, the group twice (ours, zarr's), 2 coordinates
    assert len(s3_requests) == 6
    s3_requests.clear()
    archive.open("features/b")  # of whomever: the owners, and the fingerprints of each
    assert len(s3_requests) == 8
    s3_requests.clear()
    archive.find("s1/features/a@aaa")
    assert len(s3_requests) == 1


def test_lineage_reads_what_several_stand_on_once(kept_on_s3, s3_requests):
    kept_on_s3.finish()
    archive, address = kept_on_s3.archive, kept_on_s3.product.address
    for name in ("left", "right"):
        about = {**ABOUT, "inputs": {"betas": address, "gone": f"s1/gone@{'0' * 16}"}}
        archive.product("s1", name, "b" * 16).create(kept_on_s3.template(), kept_on_s3.schema, about)
    inputs = {name: f"s1/{name}@{'b' * 16}" for name in ("left", "right")}
    top = archive.product("s1", "top", "c" * 16)
    top.create(kept_on_s3.template(), kept_on_s3.schema, {**ABOUT, "inputs": inputs})
    s3_requests.clear()
    found = archive.lineage("top", "s1")
    assert found["inputs"]["left"]["inputs"]["betas"]["product"] == address
    assert found["inputs"]["right"]["inputs"]["gone"] == {"product": f"s1/gone@{'0' * 16}"}
    assert len([line for line in s3_requests if "/data/zarr.json" in line]) == 5


@pytest.mark.parametrize(
    "name", ["../s1/betas", "..", "", "betas/", "a//b", "a\0b", "x" * 300, "./betas", "\ud800"]
)
def test_a_name_leads_nowhere_else(anywhere, name):
    anywhere.finish()
    with pytest.raises(NoSuchProduct):
        anywhere.archive.open(name, "s1")
    with pytest.raises(NoSuchProduct):
        anywhere.archive.find(f"s1/{name}")
    with pytest.raises(NoSuchProduct):
        anywhere.archive.open("betas", name or "/")


def test_a_tree_tells_owner_name_and_fingerprints(kept):
    kept.finish()
    another(kept, "s1", "betas", "f" * 16)
    half = kept.archive.product("all", "features/<b>", "a" * 16)
    half.create(kept.template(), kept.schema, ABOUT)
    lines = str(kept.archive.tree()).splitlines()
    assert re.fullmatch(rf"{re.escape(str(kept.archive))}: 3 products, \d+\.\d kB", lines[0])
    assert [line.split()[:3] for line in lines[1:]] == [
        ["all"],
        ["features/<b>", "aaaaaaaa", "0/3"],
        ["s1"],
        ["betas", "01234567", "3/3"],
        ["ffffffff", "3/3", lines[5].split()[2]],
    ]
    assert lines[2].endswith("unfinished")
    assert str(kept.archive.tree("nobody")) == f"{kept.archive}: 0 products, 0 B"


class Tags(HTMLParser):
    """Collects a page's tags, text and styles, and whether every tag is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open, self.text, self.styles = [], "", []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.styles += [value for name, value in attrs if name == "style"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_html_is_whole_and_has_the_notebooks_colours(kept):
    rows = [
        {
            "owner": "<s1>",
            "name": "a&b",
            "fingerprint": "f" * 16,
            "done": 1,
            "blocks": 2,
            "bytes": 10,
            "created": None,
        }
    ]
    page = Tags()
    page.feed(Tree("place", rows)._repr_html_())
    assert page.open == []
    assert "<s1>" in page.text
    assert "a&b  ffffffff  1/2  10 B  unfinished" in page.text
    assert not any(re.search(r"#[0-9a-f]{3}|rgb|white|black", style) for style in page.styles)
    assert kept.archive._repr_html_() == Archive(kept.archive.place).tree()._repr_html_()
