"""Products: frame, blocks, markers, seal."""

from __future__ import annotations

import errno
import json
import warnings

import numpy as np
import pytest
import xarray as xr

from storage.errors import Damaged, Denied, NotWritten, Unsealed


def test_blocks_are_missing_until_written_in_any_order(anywhere):
    product = anywhere.product
    assert not product.created()
    anywhere.create()
    assert product.created()
    assert product.missing() == [0, 1, 2]
    anywhere.write(1)
    assert product.missing() == [0, 2]
    with pytest.raises(Unsealed, match="2 blocks are missing"):
        product.seal()
    with pytest.raises(Unsealed, match="partial=True"):
        product.open()
    assert product.open(partial=True).betas.sizes == {"trial": 10, "voxel": 7}
    anywhere.write(2)
    anywhere.write(0)
    product.seal()
    assert product.sealed()


def test_a_sealed_product_opens_with_plain_xarray_and_no_warning(anywhere):
    product = anywhere.finish()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain = xr.open_zarr(product.data.zarr())
    expected = np.arange(70).reshape(10, 7)
    np.testing.assert_allclose(plain.betas.values, expected * 0.5)
    np.testing.assert_allclose(plain["mean"].values, expected.mean(axis=1))
    assert list(plain.image_id.values[:2]) == ["n0é", "n1é"]
    assert set(plain.coords) == {"image_id", "repeat"}
    for variable in plain.variables.values():
        assert variable.attrs["long_name"]
        assert variable.attrs["units"]


def test_scaled_numbers_open_as_float32_and_raw_as_stored(kept):
    product = kept.finish()
    assert product.open().betas.dtype == np.float32
    raw = product.open(raw=True)
    assert raw.betas.dtype == np.int16
    assert raw.betas.attrs["scale_factor"] == 0.5
    assert raw.betas.chunks is None


def test_creating_twice_and_writing_twice_gives_the_same_bytes(kept, tmp_path):
    product = kept.finish()
    folder = product.data.local

    def stored():
        return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    before = stored()
    kept.create()
    kept.write(1)
    product.seal()
    assert stored() == before


@pytest.mark.parametrize("most", [1, 100])
def test_chunks_are_handed_over_some_at_a_time(kept, monkeypatch, most):
    product = kept.finish()
    before = {name: (product.data / name).read() for name, _ in product.data.files()}
    monkeypatch.setattr("storage.layout.AT_ONCE", most)
    for name in [name for name in before if name.startswith("betas/c/")]:
        (product.data / name).delete()
    product.revoke(["00000", "00001", "00002"])
    kept.finish()
    assert {name: (product.data / name).read() for name, _ in product.data.files()} == before


def test_chunks_of_zeros_are_stored(kept):
    product = kept.finish()
    names = [name for name, _ in product.data.files()]
    assert "repeat/c/0" in names
    assert len([name for name in names if name.startswith("betas/c/")]) == 3 * 3


def test_the_marker_names_block_source_and_checksums(kept):
    product = kept.finish()
    marker = product.marker("00001")
    assert marker.block == "00001"
    assert marker.sources == {"file": "etag"}
    assert set(marker.chunks) == {"betas/c/1/0", "betas/c/1/1", "betas/c/1/2", "mean/c/1"}
    for name, crc in marker.chunks.items():
        assert (product.data / name).read(-4) == int(crc, 16).to_bytes(4, "little")


def test_the_seal_says_what_the_product_is(kept):
    record = kept.finish().seal_record()
    assert record["stage"] == "ingest"
    assert record["software"] == {"python": "3"}
    assert record["edges"] == [0, 4, 8, 10]
    assert record["moved"] == 9
    assert record["sources"] == {"file": "etag"}
    assert record["bytes"] == sum(stat.size for _, stat in kept.product.data.files())


def test_an_edge_inside_a_chunk_is_refused(kept):
    cut = kept.template().chunk({"trial": 3})
    with pytest.raises(ValueError, match="cuts a chunk of betas"):
        kept.create(cut)
    assert not kept.product.created()


def test_a_wrong_dtype_is_a_fault_of_the_stage(kept):
    with pytest.raises(TypeError, match="is float64, declared"):
        kept.create(kept.template().astype("float64"))


def test_an_undeclared_variable_is_a_fault_of_the_stage(kept):
    with pytest.raises(TypeError, match="was given"):
        kept.create(kept.template().assign(extra=1))


def test_a_full_disk_is_told_with_product_and_block(kept, monkeypatch):
    import storage.layout

    product = kept.product
    kept.create()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(storage.layout, "write_region", full)
    with pytest.raises(NotWritten, match=r"s1/betas@01234567, block 1 .*No space left"):
        kept.write(1)
    assert product.missing() == [0, 1, 2]


def test_a_damaged_marker_is_told(kept):
    product = kept.finish()
    (product.place / "done" / "00001.json").write(b"{")
    with pytest.raises(Damaged, match="00001"):
        product.marker("00001")


def test_nothing_but_the_zarr_group_lies_in_data(kept):
    product = kept.finish()
    assert product.data.folders() == ["betas", "image_id", "mean", "repeat"]
    assert [name for name, _ in product.data.files(recursive=False)] == ["zarr.json"]
    metadata = json.loads((product.data / "zarr.json").read())
    assert metadata["attributes"]["vox2pix"]["settings"] == {"a": 1}


JUNK = [b"", b"{", b"garbage", b"\xff\xfe\x80", b"[]", b"null", b"[" * 100_000, b"{}"]
SPOILT_SEALS = [
    {"digest": 3},
    {"listing": None},
    {"root": 7},
    {"created": "yesterday"},
    {"bytes": "many"},
    {"bytes": True},
    {"edges": 3},
    {"edges": []},
    {"edges": [0, "4"]},
    {"edges": [4, 0]},
    {"sources": []},
    {"software": [1]},
    {"seconds": "1"},
]


@pytest.mark.parametrize("content", [*JUNK, b'{"digest": 3}', b'{"digest": "3"}'])
def test_a_text_that_is_no_seal_seals_nothing(kept, content):
    product = kept.finish()
    (product.place / "product.json").write(content)
    assert product.seal_record() is None
    assert not product.sealed()


@pytest.mark.parametrize("spoilt", SPOILT_SEALS, ids=str)
def test_a_part_of_another_type_makes_no_seal(kept, spoilt):
    product = kept.finish()
    record = product.seal_record()
    (product.place / "product.json").write(json.dumps({**record, **spoilt}).encode())
    assert product.seal_record() is None
    product.seal(software={"python": "3"})
    renewed = {"created": "", "listing": ""}  # sealing writes the group's metadata again
    assert {**product.seal_record(), **renewed} == {**record, **renewed}


@pytest.mark.parametrize("content", JUNK)
def test_group_metadata_that_cannot_be_read_is_damage(kept, content):
    product = kept.finish()
    (product.data / "zarr.json").write(content)
    for read in (product.about, product.open, lambda: product.open(raw=True)):
        with pytest.raises(Damaged, match=r"zarr\.json is damaged; `vox2pix run` writes it again"):
            read()


@pytest.mark.parametrize(
    "said",
    [[], {}, None, {"block": "trial"}, {"block": 3, "edges": [0, 1]}, {"block": None, "edges": {}}],
    ids=str,
)
def test_what_a_group_says_of_itself_is_checked(kept, said):
    product = kept.finish()
    metadata = json.loads((product.data / "zarr.json").read())
    metadata["attributes"]["vox2pix"] = said
    (product.data / "zarr.json").write(json.dumps(metadata).encode())
    with pytest.raises(Damaged, match=r"zarr\.json is damaged"):
        product.about()
    with pytest.raises(Damaged, match=r"zarr\.json is damaged"):
        product.open()
    metadata["attributes"] = []
    (product.data / "zarr.json").write(json.dumps(metadata).encode())
    with pytest.raises(Damaged, match=r"zarr\.json is damaged"):
        product.about()


@pytest.mark.parametrize("spoilt", [{"node_type": "tree"}, {"consolidated_metadata": 3}, {"zarr_format": 9}])
def test_group_metadata_that_zarr_cannot_read_is_damage(kept, spoilt):
    product = kept.finish()
    metadata = json.loads((product.data / "zarr.json").read())
    (product.data / "zarr.json").write(json.dumps({**metadata, **spoilt}).encode())
    with pytest.raises(Damaged, match="`vox2pix run`"):
        product.open()


@pytest.mark.parametrize("content", JUNK)
def test_array_metadata_that_cannot_be_read_is_damage(kept, content):
    product = kept.product
    kept.create()
    (product.data / "betas" / "zarr.json").write(content)
    for read in (lambda: product.open(partial=True), lambda: kept.write(0)):
        with pytest.raises(Damaged, match=r"betas.*`vox2pix run` writes it again"):
            read()


@pytest.mark.parametrize("content", JUNK)
@pytest.mark.parametrize("name", ["zarr.json", "betas/zarr.json", "image_id/zarr.json"])
def test_damaged_metadata_is_written_anew_with_the_frame(kept, name, content):
    product = kept.product
    kept.create()
    whole = (product.data / name).read()
    product._marker("frame").delete()
    (product.data / name).write(content)
    kept.create()
    assert (product.data / name).read() == whole


def test_a_marker_of_another_block_is_damage(kept):
    product = kept.finish()
    product._marker("00001").write(product._marker("00002").read())
    with pytest.raises(Damaged, match="00001"):
        product.marker("00001")


def test_a_draft_that_a_seal_swept_away_is_written_again(kept, monkeypatch):
    from pathlib import Path

    replace, swept = Path.replace, []

    def lose_one(draft, target):
        if not swept:
            swept.append(draft)
            draft.unlink()
        return replace(draft, target)

    monkeypatch.setattr(Path, "replace", lose_one)
    (kept.product.place / "x").write(b"whole")
    assert swept
    assert (kept.product.place / "x").read() == b"whole"


def test_a_marker_that_cannot_be_written_is_told_with_product_and_block(kept, monkeypatch):
    from pathlib import Path

    kept.create()

    def refuse(*_):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(Denied, match=r"s1/betas@01234567, block 1.*00001\.json .*Read-only"):
        kept.write(1)
