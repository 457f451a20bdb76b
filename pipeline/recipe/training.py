"""The tables ``[train.X]``: the decoders that learn, each with what it was published with as defaults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field

from pipeline.errors import nearest

from .images import without_unseen
from .mistakes import mistake
from .table import Table
from .tables import Count, Name, Side, Weights, each_once

if TYPE_CHECKING:
    from pydantic_core import InitErrorDetails

    from .images import Images
    from .ridge import Space

RESPONSES = "responses"
"""What `features` says where the condition is the voxels themselves."""


Share = Annotated[float, Field(ge=0, lt=1)]
#: Far above what is of use, and small enough that float32 holds it times a gradient.
Rate = Annotated[float, Field(gt=0, le=1e10, allow_inf_nan=False)]
Spaces = Annotated[tuple[Name, ...], Field(strict=False), AfterValidator(each_once)]


class Training(Table):
    """What all decoders that learn have in common."""

    steps: Count
    batch: Count
    learning_rate: Rate
    decay: Literal["cosine", "none"] = "none"
    ema: Share = 0.0
    """Decay of the average of the weights that is kept; 0 keeps the last ones."""
    dropout: Share = 0.0
    """Share of examples shown without their condition, which guidance needs."""
    weight_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.01
    precision: Literal["float32", "bfloat16"] = "float32"
    validation: Share = 0.1
    """Share of the training pictures that is not learned from, for the curve alone."""
    processes: Count = 1
    """Worker processes that train together; `batch` is shared among them."""
    log: Annotated[
        tuple[Literal["tensorboard", "wandb"], ...], Field(strict=False), AfterValidator(each_once)
    ] = ()
    """What curves and pictures are written for on the way; it enters no fingerprint."""


class ConditionalTraining(Training):
    """A small diffusion model on held-out predictions of feature spaces."""

    model: Literal["conditional-ddpm"]
    features: Annotated[Spaces, Field(min_length=1)]
    size: Annotated[int, Field(ge=8, le=512, multiple_of=8)] = 32
    steps: Count = 3000
    batch: Count = 16
    learning_rate: Rate = 2e-3
    decay: Literal["cosine", "none"] = "cosine"
    ema: Share = 0.98
    dropout: Share = 0.1


class VoxelTraining(Training):
    """The published diffusion model, on voxels; with `features = []` on pictures alone, to `start` from."""

    model: Literal["voxel-ddpm"]
    features: Spaces = (RESPONSES,)
    size: Annotated[int, Field(ge=16, le=512, multiple_of=8)] = 64
    start: Name | None = None
    """Another [train.X] to begin from."""
    steps: Count = 100_000
    batch: Count = 12
    learning_rate: Rate = 3e-4


class AutoencoderTraining(Training):
    """An encoder from voxels to the latent of a frozen autoencoder."""

    model: Literal["basic-ae"]
    features: Spaces = (RESPONSES,)
    size: Side = 128
    steps: Count = 140_000
    batch: Count = 64
    learning_rate: Rate = 1e-3
    weights: Weights | None = None
    """Of the autoencoder; default the recipe's `weights`."""
    augment: Literal["none", "blur-zoom"] = "none"
    """Whether pictures are blurred and enlarged a little, at random, before they are learned from."""


Learned = Annotated[ConditionalTraining | VoxelTraining | AutoencoderTraining, Field(discriminator="model")]


def learned_from(trained: Mapping[str, Learned]) -> set[str]:
    """Return the feature spaces that some decoder learns from."""
    return {space for table in trained.values() for space in table.features} - {RESPONSES}


def unlearnable(trained: Mapping[str, Learned], spaces: Mapping[str, Space]) -> Iterator[InitErrorDetails]:
    """Yield the mistakes of decoders that learn from what is not there."""
    for name, table in trained.items():
        place = ("train", name, table.model, "features")
        if table.model == "conditional-ddpm":
            for space in table.features:
                if space not in spaces:
                    known = ", ".join(sorted(spaces)) or "none"
                    text = f"needs a table [ridge.spaces.{space}]; declared: {known}{nearest(space, spaces)}"
                    yield mistake(place, text, list(table.features))
                elif reason := without_unseen(spaces[space]):
                    yield mistake(place, f"learns from {space}, {reason}", list(table.features))
        elif table.features not in ((), (RESPONSES,)) or (table.model == "basic-ae" and not table.features):
            yield mistake(place, f"should be ['{RESPONSES}']: it learns from voxels", list(table.features))
        if table.batch % table.processes:
            text = f"can not be shared by {table.processes} processes; make it a multiple"
            yield mistake(("train", name, table.model, "batch"), text, table.batch)
        yield from _false_starts(name, table, trained)


def _false_starts(name: str, table: Learned, trained: Mapping[str, Learned]) -> Iterator[InitErrorDetails]:
    start = getattr(table, "start", None)
    if start is None:
        return
    place = ("train", name, table.model, "start")
    other = trained.get(start)
    if other is None or start == name:
        yield mistake(place, f"names no other table of [train]{nearest(start, trained)}", start)
    elif (other.model, other.size) != (table.model, table.size):
        yield mistake(place, f"is a {other.model!r} of size {other.size}; expected the same as here", start)
    elif getattr(other, "start", None) is not None:
        yield mistake(place, "begins from another itself; name one that does not", start)


def model_of(name: str, table: Images, trained: Mapping[str, Learned]) -> str | None:
    """Return the [train.X] that pictures are painted with: named, of their own name, or the only one."""
    if table.model is not None:
        return table.model
    fitting = [one for one, other in trained.items() if other.model == table.generator]
    return name if name in fitting else fitting[0] if len(fitting) == 1 else None


def unlearned(images: Mapping[str, Images], trained: Mapping[str, Learned]) -> Iterator[InitErrorDetails]:
    """Yield the mistakes of pictures to be painted by a decoder that nobody trains."""
    for name, table in images.items():
        if not table.learned:
            continue
        model = model_of(name, table, trained)
        fitting = sorted(one for one, other in trained.items() if other.model == table.generator)
        if model is None and not fitting:
            text = f"needs a table [train.{name}] with model = '{table.generator}'"
            yield mistake(("images", name, "generator"), text, table.generator)
        elif model is None:
            text = f"names no model, and several of its kind are trained: {', '.join(fitting)}; name one"
            yield mistake(("images", name), text, None)
        elif model not in fitting:
            known = f"{', '.join(fitting) or 'none'}{nearest(model, fitting)}"
            text = f"names none of the trained decoders of its kind: {known}"
            yield mistake(("images", name, "model"), text, model)
        elif not trained[model].features:
            yield mistake(
                ("images", name, "model"), "has learned without a condition; it shows nobody's brain", model
            )
        elif table.guidance not in (None, 1.0) and not trained[model].dropout:
            text = (
                "goes beyond what pictures without a condition look like, which "
                f"[train.{model}] never learns: give it dropout = 0.1, or leave guidance out"
            )
            yield mistake(("images", name, "guidance"), text, table.guidance)
        elif table.truth and table.generator != "basic-ae" and RESPONSES in trained[model].features:
            text = "is of feature spaces; this decoder is shown voxels, which are no prediction"
            yield mistake(("images", name, "truth"), text, table.truth)
