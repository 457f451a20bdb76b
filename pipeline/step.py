"""A step of a plan: one product, the stage that makes it, and the steps it takes its inputs from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from storage.chunks import spans
from storage.fingerprint import fingerprint
from storage.looks import Looks

from .device import CPU

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import xarray as xr

    from storage.archive import Archive
    from storage.product import Product
    from storage.sources import Betas, Ingested, Pictures, Source
    from storage.workspace import Workspace

    from .device import Device
    from .stage import Cost, Stage

    Shares = tuple[Mapping[str, str], Sequence[Mapping[str, str]]]


@dataclass(frozen=True)
class Origin:
    """Where an ingest step reads: a source, for one subject and product."""

    source: Source
    subject: str
    product: Ingested
    looks: Looks = field(default_factory=Looks, compare=False, repr=False)
    """What the source's store was asked when the plan was made."""

    @cached_property
    def identity(self) -> Mapping[str, Any]:
        """What is read, as fingerprints hold it."""
        with self.looks:
            return self.source.identity(self.subject, self.product)

    @cached_property
    def stamps(self) -> Mapping[str, str]:
        """Etag by file when the plan was made; it travels to the workers."""
        with self.looks:
            return self.source.stamps(self.subject, self.product)

    def made_by(
        self, maker: Stage, inputs: Mapping[str, xr.Dataset], settings: Mapping[str, Any]
    ) -> xr.Dataset:
        """Return what a stage makes of the source."""
        _ = self.stamps  # before the content is looked at: a file replaced in between is noticed later
        with self.looks:
            return maker(source=self.source, subject=self.subject, **inputs, **settings)

    def check(self) -> None:
        """Have the source read all responses, so that a bad one is told before any write."""
        with self.looks:
            self.source.check(self.subject)

    def restamp(self, names: Collection[str]) -> Mapping[str, str]:
        """Return the etags of some files as they are now."""
        return self.source.restamp(self.subject, self.product, names)

    @property
    def reader(self) -> Betas | Pictures | None:
        """Who reads the blocks, where there may be several."""
        with self.looks:
            if self.product == "betas":
                return self.source.betas(self.subject)
            return self.source.images(self.subject) if self.product == "stimuli" else None

    @property
    def moved(self) -> int | None:
        """Bytes that reading all blocks takes, where there may be several."""
        reader = self.reader
        with self.looks:
            return None if reader is None else reader.moved

    def shares(self, spans: Sequence[tuple[int, int]]) -> Shares:
        """Return the stamps of the files that decide the frame, and of those that each block is read from."""
        reader = self.reader
        if reader is None:
            return {}, [self.stamps] * len(spans)
        blocks = [{name: self.stamps[name] for name in reader.files(*span)} for span in spans]
        frame = {name: self.stamps[name] for name in self.stamps.keys() - set().union(*blocks)}
        return frame, blocks


@dataclass(frozen=True, eq=False)
class Step:
    """One product to be made: a stage, its settings, and the steps it takes its inputs from."""

    owner: str
    product: str
    """Name, as in ``predictions/pixels``."""
    maker: Stage
    settings: Mapping[str, Any]
    inputs: Mapping[str, Step] = field(default_factory=dict)
    origin: Origin | None = None
    places: Mapping[str, Any] = field(default_factory=dict)
    """Where a stage finds what no product holds, and writes what none keeps; no fingerprint has it. What is
    found there is a setting."""

    def __str__(self) -> str:
        return f"{self.owner}/{self.product}"

    @property
    def stage(self) -> str:
        """Name of the stage, as ``--until`` knows it."""
        return self.maker.name

    @cached_property
    def fingerprint(self) -> str:
        """What the product means: stage, version, settings, inputs, source."""
        return fingerprint(
            {
                "stage": self.maker.title,
                "version": self.maker.version,
                "settings": self.settings,
                "inputs": {name: step.fingerprint for name, step in self.inputs.items()},
                "source": self.origin.identity if self.origin else None,
            }
        )

    @property
    def address(self) -> str:
        """Owner, name and fingerprint."""
        return f"{self.owner}/{self.product}@{self.fingerprint}"

    def in_archive(self, archive: Archive) -> Product:
        """Return the product's place."""
        return archive.product(self.owner, self.product, self.fingerprint)

    def about(self, device: Device = CPU) -> dict[str, Any]:
        """Return what the product says of itself."""
        return {
            "stage": self.maker.name,
            "maker": self.maker.title,
            "version": self.maker.version,
            "settings": dict(self.settings),
            "inputs": {name: step.address for name, step in self.inputs.items()},
            "source": dict(self.origin.identity) if self.origin else None,
            "device": device.name,
        }

    def lazy(self, inputs: Mapping[str, xr.Dataset], workspace: Workspace | None = None) -> xr.Dataset:
        """Return the product's lazy Dataset; a sequential stage is given a workspace."""
        if self.maker.sequential:
            return self.maker(workspace=workspace, **inputs, **self.settings, **self.places)
        if self.origin is None:
            return self.maker(**inputs, **self.settings, **self.places)
        return self.origin.made_by(self.maker, inputs, self.settings)

    @cached_property
    def dataset(self) -> xr.Dataset:
        """The lazy Dataset on lazy inputs: shapes, ids and blocks without a product existing."""
        return self.lazy({name: step.dataset for name, step in self.inputs.items()})

    @cached_property
    def cost(self) -> Cost:
        """What making it costs, by its shapes."""
        cost = self.maker.cost(self.dataset, **{name: step.dataset for name, step in self.inputs.items()})
        moved = self.origin.moved if self.origin else None
        return cost if moved is None else replace(cost, moved=moved)

    @cached_property
    def shares(self) -> Shares:
        """Stamps of the source's files that decide the frame, and of those that each block is read from."""
        if self.origin is None:
            return {}, [{}] * self.blocks
        from storage.layout import block_edges

        return self.origin.shares(spans(block_edges(self.dataset, self.maker.schema)))

    @cached_property
    def blocks(self) -> int:
        """Number of blocks."""
        along = self.maker.schema.block
        return len(self.dataset.chunksizes[along]) if along else 1
