"""What is kept already, and how far a run may rely on it: whole, untouched, made from what is there now."""

from __future__ import annotations

from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING

from storage import damage, sealing
from storage.errors import Changed, Damaged, Missing
from storage.markers import FRAME
from storage.opening import readable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr

    from storage.markers import Marker
    from storage.product import Product

    from .outcome import Listener
    from .planner import Plan
    from .step import Step


class Kept:
    """The products of a plan as they lie in the archive."""

    def __init__(self, planned: Plan, listener: Listener, *, refresh: bool) -> None:
        self.plan = planned
        self.listener = listener
        self.refresh = refresh
        self.stale: dict[Product, set[str]] = {}

    def product(self, step: Step) -> Product:
        """Return the step's place in the archive."""
        return step.in_archive(self.plan.archive)

    def sealed(self, step: Step) -> bool:
        """Tell whether the step's product is complete."""
        return self.product(step).sealed()

    def whole(self, step: Step) -> bool:
        """Tell whether a product is complete and untouched; take back what is damaged, note what is stale.

        A sealed product costs one read and one listing: only where an object's size or etag differs
        from the time of sealing are its bytes read again.
        """
        product = self.product(step)
        record = product.seal_record()
        if record is None:
            self._recheck(step, product)
            return False
        if self._stale(step, product, record["sources"]) or not self.current(step):
            return False
        if sealing.untouched(product.place, record):
            return True
        found = damage.find(product)
        if found:
            self.take_back(product, found)
            return False
        sealing.relist(product.place, record)
        return True

    def current(self, step: Step) -> bool:
        """Tell whether a product is complete and made from its inputs as they are; take it back otherwise.

        Inputs keep their address when they are recomputed from a source that has changed (`refresh`), so an
        address alone does not say that nothing moved underneath.
        """
        product = self.product(step)
        record = product.seal_record()
        if record is None:
            return False
        now = self.made_from(step)
        if all(now[name] in (digest, None) for name, digest in record["made_from"].items()):
            return True
        product.revoke({*product.done(), FRAME})
        return False

    def made_from(self, step: Step) -> dict[str, str | None]:
        """Return the digest of each input's stored bytes, None for one that is not sealed."""
        records = {name: self.product(given).seal_record() for name, given in step.inputs.items()}
        return {name: record["digest"] if record else None for name, record in records.items()}

    def _recheck(self, step: Step, product: Product) -> None:
        """Check the blocks an earlier run left behind before going on from them."""
        done = product.done()
        if not done and not (product.place / "product.json").exists():
            return
        found = damage.find(product, done)
        if found or FRAME not in done:
            self.take_back(product, found)
        recorded = {k: v for marker in _markers(product).values() for k, v in marker.sources.items()}
        self._stale(step, product, recorded)

    def take_back(self, product: Product, found: Sequence[damage.Damage]) -> None:
        """Take back the markers of damaged blocks, and tell of the first."""
        blocks = {item.block for item in found} - {"seal"}
        product.revoke(blocks)
        if found:
            self.listener.note(
                f"{product}: {found[0].chunk} {found[0].reason}; {len(blocks)} block(s) recomputed"
            )

    def _stale(self, step: Step, product: Product, recorded: Mapping[str, str]) -> bool:
        """Tell whether source files have changed since blocks were made from them.

        Other files may decide the frame; what follows from them is at hand, and is compared itself.

        Raises
        ------
        Changed
            If they have and nobody asked to refresh. Else the blocks are noted for `take_back_stale`.
        """
        if step.origin is None or not _changed(recorded, step.origin.stamps):
            return False
        markers = _markers(product)
        changed = {name: _changed(marker.sources, step.origin.stamps) for name, marker in markers.items()}
        doubted = changed.get(FRAME, FRAME in product.done())  # a marker that cannot be read says nothing
        moved = _moved(product, step) if doubted else set()
        if changed.get(FRAME) and not moved:
            sealing.restamp(product.place, markers[FRAME], step.shares[0])
            changed[FRAME] = []
        stale = product.done() - {name for name, files in changed.items() if not files}
        if not all(step.maker.schema.variable(name).descriptive for name in moved):
            stale = product.done()
        if stale and not self.refresh:
            files = [*chain(*changed.values()), *_changed(recorded, step.origin.stamps)]
            raise _told(step, product, files[0], recorded, len(stale - {FRAME}))
        self.stale[product] = stale
        return bool(stale)

    def take_back_stale(self) -> None:
        """Take back the blocks found stale, once what replaces their files was found to be sound."""
        for product, stale in self.stale.items():
            product.revoke(stale)


def _changed(recorded: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return the files whose etag is another now.

    What was read from another place has another etag there; the fingerprint says it is the same data.
    """
    return [name for name, etag in recorded.items() if now.get(name, etag) != etag]


def _markers(product: Product) -> dict[str, Marker]:
    """Return the markers that can be read."""
    found = {}
    for name in product.done():
        with suppress(Damaged, Missing):
            found[name] = product.marker(name)
    return found


def _moved(product: Product, step: Step) -> set[str]:
    """Return the stored coordinates that are not what the source says now; all where none can be read."""
    now = _alone(step.dataset)
    try:
        with readable(product):
            stored = _alone(product.open(partial=True, raw=True))
    except (Damaged, Missing):
        return set(now)
    shared = stored.keys() & now.keys()
    return (stored.keys() | now.keys()) - {name for name in shared if stored[name].equals(now[name])}


def _alone(dataset: xr.Dataset) -> dict[str, xr.DataArray]:
    """Return the coordinates in memory, none of which carries the others."""
    return {
        str(name): array.reset_coords(drop=True)
        for name, array in dataset.coords.to_dataset().load().coords.items()
    }


def _told(step: Step, product: Product, file: str, recorded: Mapping[str, str], blocks: int) -> Changed:
    assert step.origin is not None
    was, now = (stamps[file] or "absent" for stamps in (recorded, step.origin.stamps))
    return Changed(
        f"{file} has changed since {product} was made from it (was {was}, is {now}); "
        f"--refresh recomputes it (blocks concerned: {blocks} of {step.blocks})"
    )
