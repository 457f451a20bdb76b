"""Paint: from predicted features, or voxels, to pictures by a decoder that has learned.

Tasks carry ids and seeds: conditions come from Zarr, the decoder's weights from its product, once a worker.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from storage.chunks import even_edges

from ..errors import ShapeError
from ..features.resize import resize
from ..stage import Cost, lazily, stage
from .coordinates import row_coords, test_rows
from .frozen import insist_autoencoder, of_autoencoder
from .learned import read_spaces, read_voxels
from .reconstruct import IMAGES, ROWS, noise_seeds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import xarray as xr


def _cost(output: xr.Dataset, stimuli: xr.Dataset, **_inputs: xr.Dataset) -> Cost:
    said, channels = output.attrs["painting"], stimuli.sizes["channel"]
    pictures = 2 * ROWS * said["side"] ** 2 * channels * 4
    if not said["network"]:
        return Cost(memory=pictures)
    from ..diffusion.generators import memory

    batch = (said["batch"], channels, said["side"])
    models, layers = memory(said["model"], said["network"], batch, output.encoding["weights"])
    # kernels work on copies: on a CPU, twice what layers are told to hold was measured
    return Cost(memory=2 * (models + layers) + pictures, resident=models)


@stage("reconstruct", version=3, schema=IMAGES, cost=_cost, gpu=True)
def paintings(  # noqa: PLR0913  (each is a key of [images.X])
    stimuli: xr.Dataset,
    responses: xr.Dataset,
    model: xr.Dataset,
    start: xr.Dataset | None = None,
    *,
    name: str,
    generator: Literal["conditional-ddpm", "voxel-ddpm", "basic-ae"],
    painted: int,
    batch: int,
    samples: int = 1,
    size: int | None = None,
    sampler: Literal["ddpm", "ddim", "plms"] = "ddim",
    steps: int = 25,
    guidance: float = 1.0,
    strength: float = 1.0,
    seed: int = 0,
    weights: str = "published",
    autoencoder: Mapping[str, str] | None = None,
    **predictions: xr.Dataset,
) -> xr.Dataset:
    """Return pictures painted by a decoder that has learned.

    Parameters
    ----------
    stimuli, responses
        Products: how many channels pictures have, and the test rows.
    model
        Product `model/<name>`: the decoder, with its files.
    start
        Other pictures of the same rows, to start from.
    name
        Name of the images; it enters the seeds.
    generator
        Kind of the decoder.
    painted
        Side of the pictures it paints.
    batch
        Pictures painted at once; at another size of batch they may differ by 1e-3.
    samples
        Pictures a row.
    size
        Side of the pictures kept; default as painted.
    sampler, steps, guidance, strength
        How a diffusion model paints, see `pipeline.diffusion.sample.Manner`.
    seed
        The recipe's.
    weights, autoencoder
        Of a frozen autoencoder: where it lies, and what tells it from others.
    **predictions
        Predictions of the test rows, a product a feature space; without any, the voxels themselves are shown.

    Raises
    ------
    ShapeError
        If products are of different rows, or pictures to start from of other channels.
    """
    told = Told(responses, predictions)
    told.check()
    begun = None if start is None else Start(start, painted)
    if begun is not None:
        begun.check(told, stimuli.sizes["channel"])
    side, channels = size or painted, stimuli.sizes["channel"]
    noise = partial(noise_seeds, told.ids("image_id"), told.ids("repeat"), samples, seed, name)
    how = {
        "manner": {"sampler": sampler, "steps": steps, "guidance": guidance, "strength": strength},
        "batch": batch,
        "weights": weights,
        "channels": channels,
        "autoencoder": autoencoder,
    }
    lazy = lazily(
        IMAGES,
        {"row": told.rows, "sample": samples, "y": side, "x": side, "channel": channels},
        partial(_paint, model, told, begun, how, noise, side),
        coords=row_coords(test_rows(responses)),
        edges=even_edges(told.rows, ROWS),
        attrs={"picture": {"generator": generator, "batch": batch, **of_autoencoder(autoencoder)}},
    )
    said = {
        "model": generator,
        "side": painted,
        "batch": batch,
        "network": model.attrs.get("training", {}).get("network"),
    }
    lazy.encoding["weights"] = weights
    return lazy.assign_attrs(painting=said)


@dataclass(frozen=True)
class Told:
    """What a decoder is told of each test row."""

    responses: xr.Dataset
    predictions: Mapping[str, xr.Dataset]

    @property
    def first(self) -> int:
        """The first test row of the responses; training rows stand before it."""
        return int((self.responses.split.values == "train").sum())

    @property
    def rows(self) -> int:
        """Number of test rows."""
        return int(self.responses.sizes["row"]) - self.first

    def ids(self, name: str) -> np.ndarray:
        """Return a coordinate of the test rows."""
        values: np.ndarray = self.responses[name].values[self.first :]
        return values

    def check(self) -> None:
        """Raise `ShapeError` where predictions are of other rows."""
        for name, space in self.predictions.items():
            if not self.same(space):
                raise ShapeError(
                    f"predictions of {name} are of other rows than the responses; make both anew"
                )

    def same(self, given: xr.Dataset) -> bool:
        """Tell whether a product is of the test rows."""
        ids = given.image_id.values
        return len(ids) == self.rows and bool((ids == self.ids("image_id")).all())

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return (row, feature) float32 of some test rows."""
        if self.predictions:
            return read_spaces(self.predictions, start, stop)
        return read_voxels(self.responses, self.first + start, self.first + stop)


@dataclass(frozen=True)
class Start:
    """Pictures to start from."""

    images: xr.Dataset
    side: int
    """Of the pictures that are painted."""

    def check(self, told: Told, channels: int) -> None:
        """Raise `ShapeError` where they are of other rows or channels."""
        found = self.images.sizes["channel"]
        if not told.same(self.images) or found != channels:
            raise ShapeError(
                f"pictures to start from are of other rows than the responses, or have {found} channels "
                f"instead of {channels}; make both of the same data"
            )

    def read(self, start: int, stop: int, samples: int) -> np.ndarray:
        """Return (row * sample, y, x, channel) uint8; where there are fewer samples, they come again."""
        picture = self.images.picture[start:stop].values
        chosen = picture[:, np.arange(samples) % picture.shape[1]]
        return resize(chosen.reshape(-1, *chosen.shape[2:]), (self.side, self.side))


def _paint(
    model: xr.Dataset,
    told: Told,
    begun: Start | None,
    how: Mapping[str, Any],
    noise: Callable[[int, int], np.ndarray],
    side: int,
    start: int,
    stop: int,
) -> Mapping[str, np.ndarray]:
    from ..diffusion.generators import Trained
    from ..diffusion.sample import Manner

    insist_autoencoder(how["weights"], how["autoencoder"])
    files, revision = model.encoding["files"], model.encoding["revision"]
    generator = Trained(
        files, revision, how["batch"], Manner(**how["manner"]), how["weights"], how["channels"]
    )
    seeds = noise(start, stop)
    conditions = np.repeat(told.read(start, stop), seeds.shape[1], axis=0)
    before = None if begun is None else begun.read(start, stop, seeds.shape[1])
    made = generator.paint(conditions, seeds.ravel(), before)
    if made.shape[1] != side:
        made = resize(made, (side, side))
    return {"picture": made.reshape(*seeds.shape, *made.shape[1:]), "seed": seeds}
