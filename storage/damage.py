"""Looking for damage: every stored byte against what its marker says."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from .errors import Damaged, Missing
from .layout import CRC_BYTES, crc_text, file_crc
from .markers import FRAME, Marker, block_name, digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

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
    blocks = None if blocks is None else set(blocks)
    markers, found = _markers(product, blocks)
    for marker in markers:
        found += _in_block(product, marker)
    if blocks is None:
        found += _in_seal(product, markers, found)
    elif FRAME in blocks:
        found += _in_root(product, None)
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
    for name, crc in marker.files.items():
        reason = _file_reason(product, name, crc)
        if reason:
            yield Damage(str(product), marker.block, f"files/{name}", reason)


def _file_reason(product: Product, name: str, crc: str) -> str | None:
    try:
        found = file_crc(product.files / name)
    except Missing:
        return "missing"
    return None if found == crc else f"checksum is {found}, the marker says {crc}"


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
    record = product.seal_record()
    blocks = {marker.block for marker in markers}
    if record or FRAME in blocks:
        yield from _in_root(product, record)
    if record is None:
        if (product.place / "product.json").exists():
            yield Damage(str(product), "seal", "product.json", "seal is damaged")
        return
    names = {FRAME, *map(block_name, range(len(record["edges"]) - 1))}
    lost = sorted(names - blocks - {damage.block for damage in found})
    for name in lost:
        yield Damage(str(product), name, f"done/{name}.json", "marker is missing")
    if not found and not lost and digest(markers) != record["digest"]:
        yield Damage(str(product), "seal", "product.json", "markers are not those that were sealed")
    elif not _agrees(product, record):
        yield Damage(str(product), "seal", "product.json", "seal is damaged")


def _agrees(product: Product, record: Mapping[str, Any]) -> bool:
    """Tell whether the seal repeats what the group says; of a group that cannot be read it need not."""
    try:
        about = product.about()
    except (Damaged, Missing):
        return True
    return all(record.get(key) == value for key, value in about.items())


def _in_root(product: Product, record: Mapping[str, Any] | None) -> Iterator[Damage]:
    reason = _metadata_reason(product, record)
    if reason:
        yield Damage(str(product), FRAME, "data/zarr.json", reason)


def _metadata_reason(product: Product, record: Mapping[str, Any] | None) -> str | None:
    """Return what is wrong with the group's metadata, of which no marker speaks."""
    try:
        product.about()
        content = (product.data / "zarr.json").read()
    except Missing:
        return "missing"
    except Damaged:
        return "group metadata is damaged"
    if record and crc_text(content) != record.get("root"):
        return "group metadata differs from what was written"
    return None
