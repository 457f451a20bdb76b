"""Contenders: one recipe's pictures of one subject, to lay beside what was seen or beside each other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..metrics import METRICS
from ..outcome import summary
from .results import reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import xarray as xr
    from numpy.typing import NDArray

    from .results import Results


@dataclass(frozen=True)
class Contender:
    """Pictures that one recipe made of one subject's responses."""

    results: Results
    subject: str
    name: str
    """Name of the images."""
    label: str
    """What the page calls it."""
    number: int = 0
    """Its place among those it is compared with; it decides the colour."""

    @cached_property
    def images(self) -> xr.Dataset | None:
        """The pictures, lazily; None while they are not complete."""
        if self.results.find(f"images/{self.name}", self.subject).seal is None:
            return None
        return self.results.images(self.name, self.subject)

    @cached_property
    def tables(self) -> tuple[xr.Dataset, ...]:
        """The complete score tables of these pictures; that of the same name first."""
        asked = self.results.recipe.scores
        names = sorted(
            (name for name, table in asked.items() if table.images == self.name),
            key=lambda name: name != self.name,
        )
        sealed = [name for name in names if self.results.find(f"scores/{name}", self.subject).seal]
        return tuple(self.results.scores(name, self.subject) for name in sealed)

    @property
    def metric(self) -> str | None:
        """What pictures are ranked by: the first metric of the first table; None while there is none."""
        return str(self.tables[0].metric.values[0]) if self.tables else None

    @cached_property
    def summary(self) -> Mapping[str, Mapping[str, float]]:
        """Mean, interval, chance and n by metric, over all tables."""
        found: dict[str, Mapping[str, float]] = {}
        for table in self.tables:
            found = {**summary(table), **found}
        return {name: found[name] for table in self.tables for name in map(str, table.metric.values)}

    def scores(self, metric: str) -> NDArray[np.float64] | None:
        """Return the score (row,) of each first sample, the one that is shown; None where there is none."""
        for table in self.tables:
            if metric in table.metric.values:
                found: NDArray[np.float64] = table.score.sel(metric=metric).values[:, 0]
                return found
        return None

    def by_row(self, metric: str) -> dict[tuple[str, int], float]:
        """Return the score of each (image_id, repeat), the mean over its samples; empty without scores."""
        for table in self.tables:
            if metric in table.metric.values:
                values = table.score.sel(metric=metric).mean("sample").values
                keys = zip(table.image_id.values, table["repeat"].values, strict=True)
                return {
                    (str(image), int(repeat)): float(value)
                    for (image, repeat), value in zip(keys, values, strict=True)
                }
        return {}

    def rows(self) -> dict[tuple[str, int], int]:
        """Return the row of each (image_id, repeat); empty while there are no pictures."""
        if self.images is None:
            return {}
        keys = zip(self.images.image_id.values, self.images["repeat"].values, strict=True)
        return {(str(image), int(repeat)): row for row, (image, repeat) in enumerate(keys)}

    def made(self, rows: Any) -> NDArray[np.uint8]:
        """Return the first sample of some rows (row, y, x, channel) uint8."""
        from .pictures import take

        assert self.images is not None, "asked for pictures that are not complete"
        with reading(self.results.find(f"images/{self.name}", self.subject).product):
            return take(self.images.picture[:, 0], rows)

    def seen(self, image_ids: Any) -> NDArray[np.uint8]:
        """Return the seen pictures of some ids (row, y, x, channel) uint8."""
        from .pictures import take

        stimuli = self.results.open("stimuli", self.subject)
        place = {str(image): at for at, image in enumerate(stimuli.image_id.values)}
        with reading(self.results.find("stimuli", self.subject).product):
            return take(stimuli.picture, [place[image] for image in image_ids])


def label_of(metric: str) -> str:
    """Return what the page calls a metric, which a newer vox2pix may have scored."""
    return METRICS[metric].label if metric in METRICS else metric


def rises(metric: str) -> bool:
    """Tell whether more is better."""
    return METRICS[metric].higher_is_better if metric in METRICS else True
