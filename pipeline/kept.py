"""What is kept already, and how far a run may rely on it: whole, untouched, made from what is there now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import damage, sealing
from storage.errors import Changed
from storage.markers import FRAME

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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

    def product(self, step: Step) -> Product:
        """Return the step's place in the archive."""
        return step.in_archive(self.plan.archive)

    def sealed(self, step: Step) -> bool:
        """Tell whether the step's product is complete."""
        return self.product(step).sealed()

    def whole(self, step: Step) -> bool:
        """Tell whether a product is complete and untouched; take back what is damaged or stale.

        A sealed product costs one read and one listing: only where an object's size or etag differs
        from the time of sealing are its bytes read again.
        """
        product = self.product(step)
        record = product.seal_record()
        if record is None:
            self._recheck(step, product)
            return False
        self._check_sources(step, product, record.get("sources", {}))
        if not self.current(step):
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
        elif done:
            stamps = {k: v for name in done - {FRAME} for k, v in product.marker(name).sources.items()}
            self._check_sources(step, product, stamps)

    def take_back(self, product: Product, found: Sequence[damage.Damage]) -> None:
        """Take back the markers of damaged blocks, and tell of the first."""
        blocks = {item.block for item in found} - {"seal"}
        product.revoke(blocks)
        if found:
            self.listener.note(
                f"{product}: {found[0].chunk} {found[0].reason}; {len(blocks)} block(s) recomputed"
            )

    def _check_sources(self, step: Step, product: Product, recorded: Mapping[str, str]) -> None:
        if step.origin is None or not recorded:
            return
        now = step.origin.stamps
        # what was read from another place has another etag there; the fingerprint says it is the same data
        changed = [name for name, etag in recorded.items() if now.get(name, etag) != etag]
        if not changed:
            return
        if not self.refresh:
            name = changed[0]
            raise Changed(
                f"{name} has changed since {product} was made from it "
                f"(was {recorded[name]}, is {now.get(name)}); --refresh recomputes it"
            )
        product.revoke(product.done())
