"""Checksums are noted on the way to the store: the bytes there are those noted, and none is read back."""

from __future__ import annotations

from storage import damage


def test_what_is_noted_is_what_lies_there(anywhere):
    anywhere.create()
    stored = sum(
        anywhere.product.write(block, anywhere.content(block), sources={}, moved=0, began=0.0)
        for block in range(3)
    )
    chunks = {name: stat.size for name, stat in anywhere.product.data.files() if "/c/" in name}
    noted = {name: crc for marker in anywhere.product.markers() for name, crc in marker.chunks.items()}
    assert set(chunks) <= set(noted)
    assert damage.find(anywhere.product, anywhere.product.done()) == []
    assert stored == sum(size for name, size in chunks.items() if name.startswith(("betas", "mean")))


def test_a_block_on_s3_costs_a_request_a_chunk(kept_on_s3, s3_requests):
    kept_on_s3.create()
    s3_requests.clear()
    kept_on_s3.write(0)
    puts = [line for line in s3_requests if line.startswith("PUT")]
    assert len(puts) == 3 + 1 + 1  # chunks of betas and of mean, the marker
    assert not any("/c/" in line for line in s3_requests if not line.startswith("PUT"))
    assert len(s3_requests) - len(puts) == 4  # the group for its blocks, and again for zarr, and two arrays
