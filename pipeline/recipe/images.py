"""The tables ``[images.X]``: how predictions become pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from pipeline.errors import nearest

from .alphas import Alphas
from .generators import CONDITIONED, ONLY_HERE, unfit_roles
from .mistakes import mistake
from .table import Table
from .tables import Count, Name, Samples, Side, Weights

if TYPE_CHECKING:
    from pydantic_core import InitErrorDetails

    from .ridge import Space

#: Generators whose features are the picture.
LINEAR = ("pixels", "pca")
#: What needs no generator at all: pictures that the others have to beat.
BARS = ("mean", "nearest")
#: Keys of generators that are networks.
NETWORKS_ONLY = {"model", "sampler", "steps", "guidance", "batch", "start", "strength", "weights"} | ONLY_HERE
#: Keys of those that paint step by step.
DRAWN = {"sampler", "steps", "guidance", "start", "strength"}
#: How much of a picture to start from is painted over, as in Brain-Diffuser (Ozcelik and VanRullen, 2023).
STRENGTH = 0.75


def _form(given: object) -> str:
    return "table" if isinstance(given, Mapping) else "name"


#: A space, or spaces by their role where a generator paints from several.
Spaces = Annotated[
    Annotated[Name, Tag("name")] | Annotated[Mapping[Name, Name], Tag("table")], Discriminator(_form)
]
Factor = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Part = Annotated[float, Field(ge=0, le=1)]


class Images(Table):
    """How predicted features become pictures."""

    generator: Literal[
        "pixels",
        "pca",
        "mean",
        "nearest",
        "conditional-ddpm",
        "voxel-ddpm",
        "basic-ae",
        "vdvae",
        "versatile-diffusion",
        "ip-adapter",
        "kandinsky",
    ]
    features: Spaces | None = None
    truth: bool = False
    """Paint from the true features of the test pictures: what better predictions could reach at best."""
    samples: Samples = 1
    size: Side | None = None
    model: Name | None = None
    """The [train.X] that paints; default the one of this table's name, or the only one of that kind."""
    sampler: Literal["ddpm", "ddim", "plms"] | None = None
    steps: Annotated[int, Field(ge=1, le=1000)] | None = None
    guidance: Factor | None = None
    batch: Count | None = None
    start: Name | None = None
    """Other images to start from."""
    strength: Part | None = None
    """How much of them is painted over: 0 leaves them as they are, 1 starts from noise alone."""
    mixing: Part | None = None
    """How much texts guide: 1 texts alone, 0 pictures alone."""
    temperature: Factor | None = None
    """What the spread of drawn latents is multiplied by."""
    scale: Factor | None = None
    """How much what an adapter tells counts; 1 as it was trained."""
    base: Literal["sdxl", "sd15"] | None = None
    """The network an adapter is for."""
    dtype: Literal["float32", "float16", "bfloat16"] | None = None
    """Of the networks; default float16 on an NVIDIA GPU, else float32."""
    faithful: bool | None = None
    """Whether to paint with the published code's quirks; default what `fidelity` says."""
    calibrate: Literal["none", "std", "norm"] = "none"
    """Whether predictions get the spread of true features before they are painted from."""
    weights: Weights | None = None
    """Of the network that is not trained here; default what [train.X] says, then the recipe."""

    @property
    def roles(self) -> Mapping[str, str]:
        """The spaces that a generator whose networks nobody trains here paints from, by their role."""
        return self.features if isinstance(self.features, Mapping) else {}

    @property
    def spaces(self) -> tuple[str, ...]:
        """The spaces that are named."""
        return tuple(self.roles.values()) or (() if self.features is None else (str(self.features),))

    @property
    def conditioned(self) -> bool:
        """Whether networks paint that nobody trains here."""
        return self.generator in CONDITIONED

    @property
    def linear(self) -> bool:
        """Whether the features are the picture, so that nothing is learned, drawn or sampled."""
        return self.generator in LINEAR

    @property
    def learned(self) -> bool:
        """Whether a decoder that has learned paints."""
        return not (self.conditioned or self.generator in LINEAR + BARS)

    @property
    def bar(self) -> bool:
        """Whether these pictures are there for others to be compared with."""
        return self.truth or self.generator in BARS

    @model_validator(mode="before")
    @classmethod
    def _own_spaces(cls, table: Any) -> Any:
        """Take the spaces that are named like generator or role, where none is named."""
        if not isinstance(table, Mapping) or not isinstance(generator := table.get("generator"), str):
            return table
        if generator in LINEAR:
            return {"features": generator, **table}
        if generator in CONDITIONED:
            roles = CONDITIONED[generator].roles
            named = table.get("features", dict(roles))
            if isinstance(named, str) and len(roles) == 1:
                named = dict.fromkeys(roles, named)
            return {**table, "features": named}
        return table

    @model_validator(mode="after")
    def _keys_fit_the_generator(self) -> Images:
        asked = self.model_dump(exclude_none=True).items()
        given = {key for key, value in asked if value is not False and value != "none"}
        if "calibrate" in given:
            self._check_calibration()
        self._check_features()
        if "strength" in given and "start" not in given:
            raise ValueError(
                "strength says how much of a start is painted over, but there is none; name images in start"
            )
        strange = sorted(given & self._unfit())
        if strange or (self.generator in BARS and self.samples > 1):
            named = strange[0] if strange else "samples"
            raise ValueError(f"generator {self.generator!r} paints without {named!r}; leave it out")
        return self

    def _check_features(self) -> None:
        if self.conditioned:
            if not isinstance(self.features, Mapping):
                roles = ", ".join(f"{role} = ..." for role in CONDITIONED[self.generator].roles)
                raise ValueError(
                    f"generator {self.generator!r} paints from several spaces; name each by its role: "
                    f"features = {{ {roles} }}"
                )
            if told := unfit_roles(self.generator, self.features):
                raise ValueError(told)
        elif isinstance(self.features, Mapping):
            raise ValueError(f"generator {self.generator!r} paints from one space; name it alone in features")
        elif self.learned and self.features is not None:
            raise ValueError("features are those the decoder was trained on; name them in [train]")
        elif self.generator == "nearest" and self.features is None:
            raise ValueError("generator 'nearest' needs features: the space in which pictures are near")

    def _check_calibration(self) -> None:
        if self.learned:
            raise ValueError(
                "calibrate would show this decoder what it never saw: it has learned from voxels, or from "
                "held-out predictions as they are; leave it out"
            )
        if self.bar:
            raise ValueError(
                "calibrate gives predictions more spread; these pictures are of none: leave it out"
            )

    def _unfit(self) -> set[str]:
        """Return the keys that mean nothing to the generator."""
        if self.conditioned:
            return NETWORKS_ONLY - {"batch", "weights", "faithful"} - CONDITIONED[self.generator].keys
        if self.learned:
            return ONLY_HERE | (DRAWN if self.generator == "basic-ae" else {"weights"})
        return NETWORKS_ONLY | ({"features", "truth"} if self.generator == "mean" else set())


def calibrated(images: Mapping[str, Images]) -> set[str]:
    """Return the spaces whose predictions are calibrated by what their ridges say of unseen rows."""
    return {space for table in images.values() if table.calibrate == "std" for space in table.spaces}


def uncalibrated(images: Mapping[str, Images], spaces: Mapping[str, Space]) -> Iterator[InitErrorDetails]:
    """Yield the mistakes of pictures whose predictions can't be calibrated, or are already."""
    for name, table in images.items():
        for named in table.spaces if table.calibrate != "none" else ():
            if named in spaces and (text := _uncalibrated(named, spaces[named], table.calibrate)):
                yield mistake(("images", name, "calibrate"), text, table.calibrate)


def _uncalibrated(name: str, space: Space, how: str) -> str:
    if space.correction != "none":
        return f"comes after correction = {space.correction!r} of [ridge.spaces.{name}]; keep one"
    if how == "std" and (reason := without_unseen(space)):
        return f"needs what {name} predicts of unseen rows, but it is {reason}, or take 'norm'"
    return ""


def without_unseen(space: Space) -> str | None:
    """Return why a space has no predictions of training rows that it never saw, and the cure."""
    if space.estimator == "mlp":
        return "a network that has seen all pictures; take a ridge"
    alpha = getattr(space, "alpha", None)
    if isinstance(alpha, Alphas) and alpha.per == "feature":
        return "a ridge whose alpha is chosen per feature; take per = 'space'"
    return None


def misbegun(images: Mapping[str, Images]) -> Iterator[InitErrorDetails]:
    """Yield the mistakes of pictures that start from none, or from themselves."""
    for name, table in images.items():
        if table.start is None:
            continue
        if table.start not in images:
            text = f"names no other table of [images]{nearest(table.start, images)}"
            yield mistake(("images", name, "start"), text, table.start)
        elif name in _before(table.start, images):
            yield mistake(("images", name, "start"), "leads back to these pictures", table.start)


def _before(name: str, images: Mapping[str, Images]) -> list[str]:
    """Return some pictures and those they start from, each once."""
    found: list[str] = []
    while name in images and name not in found:
        found.append(name)
        name = images[name].start or ""
    return found
