"""Files beside a product's arrays, each read whole and compared with what was written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import Damaged, Missing
from .layout import crc_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .markers import Marker
    from .remote import Location


@dataclass(frozen=True)
class Attached:
    """The folder ``files/`` of a product.

    Parameters
    ----------
    place
        Where it lies.
    crcs
        crc32c (8 hexadecimal digits) by name, as the markers have them.
    """

    place: Location
    crcs: Mapping[str, str]

    @classmethod
    def of(cls, place: Location, markers: Iterable[Marker]) -> Attached:
        """Return the files that some markers vouch for."""
        return cls(place, {name: crc for marker in markers for name, crc in marker.files.items()})

    def __truediv__(self, name: str) -> Location:
        """Return where a file lies."""
        return self.place / name

    def read(self, name: str) -> bytes:
        """Return what is in a file.

        Raises
        ------
        Damaged
            If it is gone, or holds other bytes than were written.
        """
        cure = "`vox2pix run` with the same recipe repairs it"
        try:
            content = (self.place / name).read()
        except Missing:
            raise Damaged(f"{self.place / name} is missing; {cure}") from None
        expected, found = self.crcs.get(name), crc_text(content)
        if expected not in (None, found):
            said = f"its checksum is {found}, the marker says {expected}"
            raise Damaged(f"{self.place / name} is damaged ({said}); {cure}")
        return content
