"""A product: one Zarr group, written block by block along one dimension, sealed when no block is missing.

On disk, below ``<archive>/<owner>/<name>/<fingerprint>/``::

    data/           the Zarr v3 group and nothing else
    done/           a marker for the frame and for each finished block
    files/          what is no array
    work/           checkpoints of a training that goes on; gone once it is sealed
    product.json    the seal, written last

A block is written chunks first, marker last; nothing else decides whether it exists.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import layout
from .attached import Attached
from .chunks import spans
from .errors import Unsealed
from .local import remove_drafts
from .marked import Marked
from .markers import FRAME, Marker, block_name
from .opening import opened, read_root
from .remarks import remarks
from .sealing import read_seal, summed, write_seal
from .workspace import Workspace
from .writing import writing_block

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import xarray as xr

    from .remote import Location
    from .schema import Schema


@dataclass(frozen=True)
class Product(Marked):
    """A product's place in an archive.

    Parameters
    ----------
    place
        ``<archive>/<owner>/<name>/<fingerprint>``.
    owner, name, fingerprint
        Its address.
    """

    owner: str
    name: str
    fingerprint: str

    def __str__(self) -> str:
        return f"{self.owner}/{self.name}@{self.fingerprint[:8]}"

    @property
    def address(self) -> str:
        """Owner, name and whole fingerprint."""
        return f"{self.owner}/{self.name}@{self.fingerprint}"

    # --- what is there -------------------------------------------------------------------------

    @property
    def data(self) -> Location:
        """The Zarr group."""
        return self.place / "data"

    @property
    def files(self) -> Location:
        """What is no array."""
        return self.place / "files"

    def created(self) -> bool:
        """Tell whether the frame is whole."""
        return self._marker(FRAME).exists()

    def about(self) -> dict[str, Any]:
        """Return what was said at creation: stage, settings, inputs, blocks.

        Raises
        ------
        Missing
            If the product has not been created.
        Damaged
            If the group's metadata cannot be read.
        """
        return read_root(self.data).about

    def blocks(self) -> list[tuple[int, int]]:
        """Return start and stop of each block along the block dimension."""
        return spans(self.about()["edges"])

    def sealed(self) -> bool:
        """Tell whether the product is complete; one read."""
        return self.seal_record() is not None

    def seal_record(self) -> dict[str, Any] | None:
        """Return what the seal says, or None where there is none (or it is damaged)."""
        return read_seal(self.place / "product.json")

    def missing(self) -> list[int]:
        """Return the numbers of the blocks still to be computed."""
        done = self.done()
        return [number for number in range(len(self.blocks())) if block_name(number) not in done]

    # --- writing -------------------------------------------------------------------------------

    def create(
        self,
        dataset: xr.Dataset,
        schema: Schema,
        about: Mapping[str, Any],
        sources: Mapping[str, str] | None = None,
    ) -> None:
        """Write the frame: the arrays' metadata and everything that has no block dimension.

        Doing it twice, or in two processes at once, ends in the same bytes.

        Parameters
        ----------
        dataset
            Coordinates in memory, blocked variables as dask arrays whose chunks are the blocks.
        schema
            What the arrays are.
        about
            What the group says of itself: stage, version, settings, inputs, device.
        sources
            Etag by source file that the frame was made from.
        """
        described = schema.describe(dataset)
        said = {**about, "block": schema.block, "edges": layout.block_edges(described, schema)}
        with writing_block(f"{self}, frame"):
            layout.write_frame(self.data, described, schema, said)
            chunks = layout.frame_crcs(self.data, described, schema)
            self._marker(FRAME).write(Marker(FRAME, chunks, dict(sources or {})).dumps())

    def write(
        self,
        block: int,
        dataset: xr.Dataset,
        *,
        sources: Mapping[str, str],
        moved: int,
        requests: int = 0,
        began: float,
    ) -> int:
        """Write one block's chunks, then its marker, and return the bytes stored.

        Parameters
        ----------
        block
            Its number.
        dataset
            The block's variables, in memory.
        sources
            Etag by source file it was made from.
        moved
            Bytes read from the source.
        requests
            Requests that they took.
        began
            `time.perf_counter()` when work on it began.

        Raises
        ------
        NotWritten, Denied
            If the disk is full, or the archive may not be written.
        """
        about = self.about()
        region = {about["block"]: spans(about["edges"])[block]} if about["block"] else {}
        name = block_name(block)
        with writing_block(f"{self}, block {block}"):
            crcs, stored = layout.write_region(self.data, dataset, region)
            seconds = time.perf_counter() - began
            files, batch = remarks.taken()
            marker = Marker(name, crcs, dict(sources), seconds, moved, requests, files, batch)
            self._marker(name).write(marker.dumps())
        return stored + sum((self.files / file).stat().size for file in files)

    def seal(self, **record: Any) -> None:
        """Consolidate the metadata and write `product.json`: from now on the product is complete.

        Raises
        ------
        Unsealed
            If blocks are missing.
        """
        missing = self.missing()
        if missing:
            lacks = f"{len(missing)} blocks are missing, the first is {missing[0]}"
            raise Unsealed(f"{self} cannot be sealed: {lacks}")
        markers = self.markers()
        with writing_block(f"{self}, the seal"):
            if self.place.is_local:
                remove_drafts(self.place.local)
            Workspace(self.place).clear()
            layout.consolidate(self.data)
            address = {"owner": self.owner, "name": self.name, "fingerprint": self.fingerprint}
            sealed = {**address, **self.about(), **record, **summed(self.place, markers)}
            (self.place / "damaged.json").delete()
            write_seal(self.place / "product.json", sealed)

    def revoke(self, blocks: Iterable[str]) -> None:
        """Take back the seal and the markers of some blocks; `missing` names them from now on."""
        (self.place / "product.json").delete()
        for name in sorted(blocks):  # the frame last: a block never outlives the frame it was made for
            self._marker(name).delete()
            if name == FRAME:  # metadata that may be damaged must not be taken for what was declared
                layout.remove_metadata(self.data)

    # --- reading -------------------------------------------------------------------------------

    def open(self, *, partial: bool = False, raw: bool = False) -> xr.Dataset:
        """Return the product as a lazy Dataset.

        Parameters
        ----------
        partial
            Also open a product whose blocks are not all there; missing ones read as zeros.
        raw
            Stored numbers without decoding and without dask, as the stages read them.

        Raises
        ------
        Unsealed
            If the product is not complete and `partial` was not asked for.
        Missing, Damaged
            If its metadata is gone or cannot be read; `vox2pix run` mends it.
        """
        record = self.seal_record()
        if not partial and record is None:
            raise Unsealed(
                f"{self} is still being made ({len(self.done() - {FRAME})} blocks done); "
                "run the recipe to its end, or open it with partial=True"
            )
        found = opened(self.data, str(self), raw=raw)
        markers = self.markers() if record and record.get("files") else []  # few products have files
        files = Attached.of(self.files, markers)
        found.encoding |= {"files": files, "revision": record["digest"] if record else ""}
        return found
