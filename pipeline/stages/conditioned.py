"""Paint from feature spaces, each in a role, by networks that nobody trains here.

Tasks carry ids, seeds and settings: conditions come from Zarr, networks from their files, once a worker.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from storage.chunks import even_edges

from ..diffusion.conditioned import conditioned
from ..errors import ShapeError
from ..models.planned import insist_same
from ..stage import Cost, lazily, stage
from .calibrate import calibrated
from .coordinates import row_coords, test_rows
from .featurize import FEATURES
from .frozen import of_networks
from .paint import Start, Told
from .reconstruct import IMAGES, ROWS, noise_seeds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import xarray as xr

    from ..diffusion.conditioned import Conditioned

#: Colours of the pictures that all these generators paint.
COLOURS = 3
CALIBRATION = "-calibration"
"""What the name of a role ends in, where it is not the predictions but what they are calibrated by."""
AT_ONCE = 10
"""Chunks that zarr reads at once, each of all rows (its setting `async.concurrency`)."""


def _cost(output: xr.Dataset, **inputs: xr.Dataset) -> Cost:
    generator: Conditioned = output.encoding["generator"]
    models, layers = generator.memory()
    pictures = ROWS * output.sizes["sample"]
    told = [given for given in inputs.values() if "predicted" in given]
    # of each value: as read, as repeated for samples, and in float64 twice where it is calibrated
    conditions = sum(pictures * given.sizes["feature"] * (4 + 4 + 8 + 8) for given in told)
    chunks = AT_ONCE * output.sizes["row"] * FEATURES * 4
    painted = 3 * pictures * generator.size**2 * COLOURS
    # kernels work on copies: on a CPU, twice what layers are told to hold was measured
    return Cost(memory=models + 2 * layers + conditions + chunks + painted, resident=models)


@stage("reconstruct", version=1, schema=IMAGES, cost=_cost, gpu=True)
def conditioned_images(  # noqa: PLR0913  (each is a key of [images.X], or follows from one)
    responses: xr.Dataset,
    start: xr.Dataset | None = None,
    *,
    name: str,
    generator: str,
    manner: Mapping[str, Any],
    identity: Mapping[str, str],
    calibrate: Literal["none", "std", "norm"] = "none",
    samples: int = 1,
    seed: int = 0,
    weights: str = "published",
    **told: xr.Dataset,
) -> xr.Dataset:
    """Return pictures painted from feature spaces, each in a role.

    Parameters
    ----------
    responses
        Product: the test rows.
    start
        Other pictures of the same rows, to start from.
    name
        Name of the images; it enters the seeds.
    generator
        One of `pipeline.diffusion.conditioned.KINDS`.
    manner
        Its settings, all of them.
    identity
        What tells its weights from others.
    calibrate
        How predictions were calibrated; what is needed for it comes in `told`.
    samples
        Pictures a row.
    seed
        The recipe's.
    weights
        Where its networks come from.
    **told
        Predictions of the test rows by role; beside each ``<role>-calibration`` what it is calibrated by.

    Raises
    ------
    ShapeError
        If a space has other features than the generator takes, products are of different rows, or pictures
        to start from have no colours.
    """
    made = conditioned(generator, weights=weights, **manner)
    spaces = {role: given for role, given in told.items() if not role.endswith(CALIBRATION)}
    rows = Told(responses, spaces)
    rows.check()
    _check(name, generator, made.roles, spaces)
    begun = None if start is None else Start(start, made.size)
    if begun is not None:
        begun.check(rows, COLOURS)
    conditions = {role: Condition(given, told.get(role + CALIBRATION)) for role, given in spaces.items()}
    noise = partial(noise_seeds, rows.ids("image_id"), rows.ids("repeat"), samples, seed, name)
    said = {"generator": generator, "batch": made.batch, "calibrate": calibrate}
    lazy = lazily(
        IMAGES,
        {"row": rows.rows, "sample": samples, "y": made.size, "x": made.size, "channel": COLOURS},
        partial(_paint, made, identity, conditions, begun, noise),
        coords=row_coords(test_rows(responses)),
        edges=even_edges(rows.rows, ROWS),
        attrs={"picture": {**said, **of_networks(identity)}},
    )
    lazy.encoding["generator"] = made
    return lazy


def _check(name: str, generator: str, roles: Mapping[str, int], spaces: Mapping[str, xr.Dataset]) -> None:
    """Raise `ShapeError` where a space is not what its role takes."""
    for role, space in spaces.items():
        found, expected = space.sizes["feature"], roles[role]
        if found != expected:
            raise ShapeError(
                f"[images.{name}] features: {role} has {found} features, generator {generator!r} takes "
                f"{expected}: give the space and the generator the same `weights` and sizes"
            )


@dataclass(frozen=True)
class Condition:
    """What a generator is told in one role."""

    predictions: xr.Dataset
    calibration: xr.Dataset | None = None

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return (row, feature) float32 of some test rows."""
        values = self.predictions.predicted[start:stop].values.astype(np.float32, copy=False)
        return values if self.calibration is None else calibrated(values, self.calibration)


def _paint(
    generator: Conditioned,
    identity: Mapping[str, str],
    conditions: Mapping[str, Condition],
    begun: Start | None,
    noise: Callable[[int, int], np.ndarray],
    start: int,
    stop: int,
) -> Mapping[str, np.ndarray]:
    insist_same("the generator", generator.identity(), identity)
    seeds = noise(start, stop)
    samples = seeds.shape[1]
    told = {role: np.repeat(one.read(start, stop), samples, axis=0) for role, one in conditions.items()}
    before = None if begun is None else begun.read(start, stop, samples)
    made = generator.paint(told, seeds.ravel(), before)
    return {"picture": made.reshape(*seeds.shape, *made.shape[1:]), "seed": seeds}
