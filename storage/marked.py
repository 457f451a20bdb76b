"""What is finished of a product: the markers in its folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .markers import Marker

if TYPE_CHECKING:
    from .remote import Location


@dataclass(frozen=True)
class Marked:
    """A place with a marker for each block that is finished.

    Parameters
    ----------
    place
        The product's; markers lie in its folder ``done/``.
    """

    place: Location

    def done(self) -> set[str]:
        """Return the names of the blocks that have a marker."""
        names = (name for name, _ in (self.place / "done").files(recursive=False))
        return {name.removesuffix(".json") for name in names if name.endswith(".json")}

    def markers(self) -> list[Marker]:
        """Return all markers."""
        return [self.marker(name) for name in sorted(self.done())]

    def marker(self, name: str) -> Marker:
        """Return the marker of a block or of the frame.

        Raises
        ------
        Missing
            If there is none.
        Damaged
            If it cannot be read, or is another block's.
        """
        place = self._marker(name)
        return Marker.loads(place.read(), place, name)

    def _marker(self, name: str) -> Location:
        return self.place / "done" / f"{name}.json"
