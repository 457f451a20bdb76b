"""What a decoder learns from: training pictures, and what is known of them without looking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ShapeError
from ..features.resize import resize

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr

    from ..training.examples import Examples

#: Pictures read at once.
READ = 512


@dataclass(frozen=True)
class Learned:
    """What a decoder learns from."""

    stimuli: xr.Dataset
    responses: xr.Dataset
    predictions: Mapping[str, xr.Dataset]
    size: int
    voxels: bool

    @property
    def width(self) -> int:
        """Features of the condition; 0 for none."""
        if self.voxels:
            return int(self.responses.sizes["voxel"])
        return sum(int(space.sizes["feature"]) for space in self.predictions.values())

    def network(self, latent: tuple[int, int] | None) -> dict[str, Any]:
        """Return what the network is of: latents of so many channels and such a side, or pictures."""
        if latent:
            return {"width": self.width, "latent": list(latent)}
        return {"width": self.width, "size": self.size, "channels": self.stimuli.sizes["channel"]}

    @property
    def rows(self) -> int:
        """Training rows; training pictures where there is no condition."""
        split = self.responses.split if self.width else self.stimuli.split
        return int((split.values == "train").sum())

    def check(self, batch: int, processes: int) -> None:
        """Raise `ShapeError` where this can not be learned from."""
        if self.rows < 2:
            raise ShapeError(f"{self.rows} training row found; a decoder that learns needs two at least")
        if batch % processes:
            raise ShapeError(
                f"a batch of {batch} can not be shared by {processes} processes; make `batch` a multiple"
            )
        for name, space in self.predictions.items():
            ids, expected = space.image_id.values, self.responses.image_id.values[: self.rows]
            if len(ids) != len(expected) or (ids != expected).any():
                raise ShapeError(
                    f"training predictions of {name} are of other rows than the responses; make both anew"
                )

    def read(self) -> Examples:
        """Read it all: pictures as small as the network takes them, a few at a time."""
        from ..training.examples import Examples

        training = np.flatnonzero(self.stimuli.split.values == "train")
        parts = [
            resize(self.stimuli.picture[training[at : at + READ]].values, (self.size, self.size))
            for at in range(0, len(training), READ)
        ]
        place = {image: at for at, image in enumerate(self.stimuli.image_id.values[training])}
        seen = (
            [place[image] for image in self.responses.image_id.values[: self.rows]]
            if self.width
            else place.values()
        )
        return Examples(np.concatenate(parts), np.fromiter(seen, np.int64), self._condition())

    def _condition(self) -> np.ndarray | None:
        if self.voxels:
            return read_voxels(self.responses, 0, self.rows)
        return read_spaces(self.predictions, 0, self.rows) if self.predictions else None


def read_spaces(predictions: Mapping[str, xr.Dataset], start: int, stop: int) -> np.ndarray:
    """Return rows (row, feature) float32 of several products' predictions, side by side in order of name."""
    parts = [predictions[name].predicted[start:stop].values for name in sorted(predictions)]
    return np.concatenate(parts, axis=1).astype(np.float32, copy=False)


def read_voxels(responses: xr.Dataset, start: int, stop: int) -> np.ndarray:
    """Return rows (row, voxel) float32 of the responses; voxels that do not vary hold no numbers, but 0."""
    values: np.ndarray = np.nan_to_num(responses.response[start:stop].values.astype(np.float32, copy=False))
    return values
