"""Captions of COCO's own files, against json and csv reading the same."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from storage.errors import Invalid, Missing
from storage.remote import Location
from storage.sources.nsd import coco
from storage.sources.nsd.coco import coco_captions, find_coco
from storage.sources.nsd.layout import STIM_INFO

ROWS = 60
SPLITS = ("train2017", "val2017")


def write_info(root, change=lambda row: row):
    path = root / STIM_INFO
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["", "cocoId", "cocoSplit", "cropBox", "nsdId"])
        for row in range(ROWS):
            split = SPLITS[row % 7 == 0]
            table.writerow(change([row, 1000 - 3 * row, split, "(0, 0, 0.1, 0.1)", row]))


def write_captions(folder, rng, most=7):
    """Write both files, in COCO's layout, and return the captions by cocoId."""
    folder.mkdir(parents=True, exist_ok=True)
    said = {}
    for split in SPLITS:
        rows = [row for row in range(ROWS) if SPLITS[row % 7 == 0] == split]
        ids = rng.permutation([1000 - 3 * row for row in rows for _ in range(rng.integers(0, most))] + [5, 7])
        notes = [
            {"image_id": int(one), "id": at, "caption": f' caption {at} of {{{one}}}, "ü"\n'}
            for at, one in enumerate(ids)
        ]
        for note in notes:
            said.setdefault(note["image_id"], []).append(note["caption"].strip())
        images = [{"id": int(one), "file_name": f"{one:012}.jpg"} for one in np.unique(ids)]
        document = {"info": {"year": 2017}, "licenses": [], "images": images, "annotations": notes}
        (folder / f"captions_{split}.json").write_text(json.dumps(document, ensure_ascii=False))
    return said


@pytest.fixture
def said(tmp_path):
    write_info(tmp_path)
    return write_captions(tmp_path / "annotations", np.random.default_rng(0))


def test_every_caption(tmp_path, said):
    rows = np.random.default_rng(1).permutation(ROWS)[:25]
    root = Location.of(tmp_path)
    found = coco_captions(root, find_coco(root), np.array([*rows, -1])).caption.values
    most = max(len(said.get(1000 - 3 * row, [])) for row in rows)
    assert most > 5  # more than the curated ones have room for
    assert found.shape == (26, most)
    for line, row in zip(found, rows, strict=False):
        texts = said.get(1000 - 3 * row, [])
        assert line.tolist() == texts + [""] * (most - len(texts))
    assert set(found[-1]) == {""}  # a picture that is none of NSD's


@pytest.mark.parametrize("folder", coco.COCO_FOLDERS)
def test_where_users_put_them(tmp_path, folder):
    write_captions(tmp_path / folder, np.random.default_rng(0))
    found = find_coco(Location.of(tmp_path))
    assert {split: place.name for split, place in found.items()} == coco.COCO


def test_the_source_takes_the_curated_ones_first(release):
    said = write_captions(release.root / "annotations", np.random.default_rng(0))
    write_info(release.root)
    source = release.source()
    curated = source.captions("subj02")
    assert curated.sizes["slot"] == 5
    release.stimuli.with_name("COCO_73k_annots_curated.npy").unlink()
    found = source.captions("subj02").caption
    rows = source.images("subj02").nsd_id
    for line, row in zip(found.values, rows, strict=True):
        assert [text for text in line if text] == said.get(1000 - 3 * row, [])
    stamps = source.stamps("subj02", "captions")
    assert sum("captions_" in name or "stim_info" in name for name in stamps) == 3


def test_what_is_not_there(tmp_path, said):
    root = Location.of(tmp_path)
    (tmp_path / "annotations/captions_val2017.json").unlink()
    train_only = np.array([row for row in range(ROWS) if row % 7])
    coco_captions(root, find_coco(root), train_only)
    with pytest.raises(Missing, match=r"nsd00000 are in captions_val2017\.json, which is not there"):
        coco_captions(root, find_coco(root), np.arange(ROWS))
    with pytest.raises(Invalid, match="has 60 pictures, but nsd00060 is shown"):
        coco_captions(root, find_coco(root), np.array([60]))
    (tmp_path / STIM_INFO).unlink()
    with pytest.raises(Missing, match="stim_info_merged"):
        coco_captions(root, find_coco(root), train_only)


def test_what_is_damaged(tmp_path, said):
    root, path = Location.of(tmp_path), tmp_path / "annotations/captions_train2017.json"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(Invalid, match=r"captions_train2017\.json cannot be read"):
        coco_captions(root, find_coco(root), np.arange(ROWS))
    for change, said_of_it in (
        (lambda row: [row[0], "x", *row[2:]], "cannot be read"),
        (lambda row: [*row[:-1], row[-1] + 1], "does not count 0, 1, 2"),
    ):
        write_info(tmp_path, change)
        with pytest.raises(Invalid, match=said_of_it):
            coco_captions(root, find_coco(root), np.arange(ROWS))
    (tmp_path / STIM_INFO).write_text("nsdId,cocoSplit\n")
    with pytest.raises(Invalid, match="has no column 'cocoId'"):
        coco_captions(root, find_coco(root), np.arange(ROWS))
