"""Autoencoded: test pictures through a frozen autoencoder and back, the ceiling of who tells its latents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..features.resize import resize
from ..stage import Cost, stage
from .coordinates import test_rows
from .frozen import insist_autoencoder, of_autoencoder
from .positions import positions
from .reconstruct import IMAGES, ROWS
from .unpainted import pictures

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr


def _cost(output: xr.Dataset, stimuli: xr.Dataset, **_inputs: xr.Dataset) -> Cost:
    from ..diffusion.autoencoding import memory

    side, batch = output.attrs["autoencoded"]["side"], output.attrs["autoencoded"]["batch"]
    models, layers = memory(output.encoding["weights"], batch, stimuli.sizes["channel"], side)
    seen = ROWS * int(np.prod([stimuli.sizes[dim] for dim in ("y", "x", "channel")]))
    # kernels work on copies: on a CPU, twice what layers are told to hold was measured
    return Cost(memory=2 * (models + layers) + 4 * seen, resident=models)


@stage("reconstruct", version=1, schema=IMAGES, cost=_cost, gpu=True)
def autoencoded_images(  # noqa: PLR0913  (each is a key of [images.X])
    stimuli: xr.Dataset,
    responses: xr.Dataset,
    *,
    name: str,
    painted: int,
    batch: int,
    size: int | None = None,
    seed: int = 0,
    weights: str = "published",
    autoencoder: Mapping[str, str] | None = None,
) -> xr.Dataset:
    """Return, for every test row, its own picture as the autoencoder has it.

    Parameters
    ----------
    stimuli, responses
        The pictures, and which of them test rows saw.
    name, seed
        As for `pipeline.stages.unpainted.mean_images`.
    painted
        Side at which pictures go through the autoencoder.
    batch
        Pictures at once.
    size
        Side of the pictures kept; default as painted.
    weights, autoencoder
        Where it lies, and what tells it from others.

    Raises
    ------
    ShapeError
        If a test row's picture is not among the stimuli.
    """
    rows = test_rows(responses)
    at = positions(stimuli, rows.image_id.values)

    def picture(start: int, stop: int) -> np.ndarray:
        """Return (row, y, x, channel) uint8: each distinct picture goes through the autoencoder once."""
        from ..diffusion.autoencoding import autoencoded

        insist_autoencoder(weights, autoencoder)
        distinct, back = np.unique(at[start:stop], return_inverse=True)
        seen = resize(stimuli.picture[distinct].values, (painted, painted))
        return autoencoded(seen, weights, batch)[back]

    shape = (painted, painted, stimuli.sizes["channel"])
    said = {"batch": batch, "truth": True, **of_autoencoder(autoencoder)}
    made = pictures(rows, shape, size, picture, name, seed, "basic-ae", **said)
    made.encoding["weights"] = weights
    return made.assign_attrs(autoencoded={"side": painted, "batch": batch})
