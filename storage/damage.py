"""Looking for damage: every stored byte against what its marker says."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .errors import Damaged, Missing
from .layout import CRC_BYTES, crc_text
from .markers import FRAME, Marker, block_name, digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .product import Product


@dataclass(frozen=True)
class Damage:
    """One stored object that is not what was written."""

    product: str
    block: str
    """Number of the block, "frame", or "seal"."""
    chunk: str
    """Name below the product's folder."""
    reason: str

    def as_json(self) -> dict[str, Any]:
        """Return the damage as plain values."""
        return asdict(self)


def find(product: Product, blocks: Iterable[str] | None = None) -> list[Damage]:
    """Return the damage in a product's finished blocks (or in those named), reading all their bytes."""
    markers, found = _markers(product, blocks)
    for marker in markers:
        found += _in_block(product, marker)
    if blocks is None:
        found += _in_seal(product, markers, found)
    return found


def _markers(product: Product, blocks: Iterable[str] | None) -> tuple[list[Marker], list[Damage]]:
    markers, damage = [], []
    for name in sorted(product.done() if blocks is None else blocks):
        try:
            markers.append(product.marker(name))
        except (Damaged, Missing):
            damage.append(Damage(str(product), name, f"done/{name}.json", "marker is damaged"))
    return markers, damage


def _in_block(product: Product, marker: Marker) -> Iterator[Damage]:
    for name, crc in marker.chunks.items():
        reason = _reason(product, name, crc)
        if reason:
            yield Damage(str(product), marker.block, f"data/{name}", reason)


def _reason(product: Product, name: str, crc: str) -> str | None:
    try:
        content = (product.data / name).read()
    except Missing:
        return "missing"
    if name.endswith("zarr.json"):
        return None if crc_text(content) == crc else "metadata differs from what was written"
    body, end = content[:-CRC_BYTES], content[-CRC_BYTES:]
    claimed = f"{int.from_bytes(end, 'little'):08x}"
    if crc_text(body) != claimed:
        return f"checksum is {crc_text(body)}, the marker says {crc}"
    return None if claimed == crc else f"holds other data: checksum {claimed}, the marker says {crc}"


def _in_seal(product: Product, markers: list[Marker], found: list[Damage]) -> Iterator[Damage]:
    """Yield what is wrong beyond the blocks: the group's metadata, the seal, markers that went missing."""
    if any(marker.block == FRAME for marker in markers):
        try:
            count = len(product.blocks())
        except (Damaged, Missing):
            yield Damage(str(product), FRAME, "data/zarr.json", "group metadata is damaged")
            return
    record = product.seal_record()
    if record is None:
        if (product.place / "product.json").exists():
            yield Damage(str(product), "seal", "product.json", "seal is damaged")
        return
    names = {FRAME, *map(block_name, range(count if markers else 0))}
    for name in sorted(names - {marker.block for marker in markers} - {damage.block for damage in found}):
        yield Damage(str(product), name, f"done/{name}.json", "marker is missing")
    if not found and digest(markers) != record["digest"]:
        yield Damage(str(product), "seal", "product.json", "markers are not those that were sealed")
    if crc_text((product.data / "zarr.json").read()) != record.get("root"):
        yield Damage(str(product), FRAME, "data/zarr.json", "group metadata differs from what was written")
