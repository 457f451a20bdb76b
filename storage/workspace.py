"""The private folder of a training: its last two checkpoints, how far it is, and what it leaves behind.

In a product's folder::

    work/step-00000100.safetensors    a checkpoint, under a name never used before
    work/step-00000100.json           its marker, written after it
    work/progress.json                how far the training is
    files/model.safetensors           what stays

A checkpoint exists once its marker does. Whatever kills a training leaves the checkpoint before.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .documents import CHECKPOINT, PROGRESS, formed, parse
from .errors import Missing
from .layout import crc_text
from .remarks import remarks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .remote import Location

#: Checkpoints that are kept: the last, and the one before for when the last cannot be read.
KEPT = 2


@dataclass(frozen=True)
class Checkpoint:
    """A training's state after so many steps."""

    step: int
    content: bytes
    name: str
    """Where it lies, for messages."""


@dataclass(frozen=True)
class Workspace:
    """A training's place in its product.

    Parameters
    ----------
    place
        The product's folder.
    meaning
        What the training is made from; a checkpoint of another meaning is passed over.
    """

    place: Location
    meaning: str = ""

    @property
    def work(self) -> Location:
        """Where checkpoints lie."""
        return self.place / "work"

    def save(self, step: int, content: bytes) -> None:
        """Keep a checkpoint, then its marker; then let go of all but the last two."""
        name = f"step-{step:08d}.safetensors"
        said = {
            "step": step,
            "name": name,
            "size": len(content),
            "crc": crc_text(content),
            "meaning": self.meaning,
        }
        (self.work / name).write(content)
        self._marker(name).write(json.dumps(said, sort_keys=True).encode())
        for old in self._marked()[KEPT:]:
            self._marker(old).delete()
            (self.work / old).delete()

    def latest(self) -> Checkpoint | None:
        """Return the last checkpoint that is whole and of this meaning, or None."""
        for name in self._marked():
            found = self._read(name)
            if found is not None:
                return found
        return None

    def _marked(self) -> list[str]:
        """Return the names of the checkpoints that have a marker, the last first."""
        names = (name for name, _ in self.work.files(recursive=False))
        marked = (name.removesuffix(".json") for name in names if name.startswith("step-"))
        return sorted((f"{name}.safetensors" for name in marked if "." not in name), reverse=True)

    def _marker(self, name: str) -> Location:
        return self.work / f"{name.removesuffix('.safetensors')}.json"

    def _read(self, name: str) -> Checkpoint | None:
        try:
            said = formed(parse(self._marker(name).read()), CHECKPOINT)
            content = (self.work / name).read()
        except (Missing, ValueError):
            return None
        if said["meaning"] != self.meaning or crc_text(content) != said["crc"]:
            return None
        return Checkpoint(said["step"], content, str(self.work / name))

    def keep(self, name: str, content: bytes) -> None:
        """Leave a file in the product; the marker of the block being computed will vouch for it."""
        (self.place / "files" / name).write(content)
        remarks.files[name] = crc_text(content)

    def tell(self, progress: Mapping[str, Any]) -> None:
        """Say how far the training is, for whoever looks from another process.

        Parameters
        ----------
        progress
            "step" of "steps", "loss", "val_loss" (or None), "seconds_left", and "at": seconds since 1970.
        """
        (self.work / "progress.json").write(json.dumps(dict(progress)).encode())

    def told(self) -> dict[str, Any] | None:
        """Return how far the training said it was, None where it has said nothing."""
        try:
            return formed(parse((self.work / "progress.json").read()), PROGRESS)
        except (Missing, ValueError):
            return None

    def clear(self) -> None:
        """Remove the checkpoints: their markers first, so that none is left without its content."""
        for name in self._marked():
            self._marker(name).delete()
        self.work.delete_tree()
