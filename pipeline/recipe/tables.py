"""The tables of a recipe: every key, its type, its default and what is allowed in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    PlainValidator,
    StringConstraints,
    ValidationInfo,
)

from storage.remote import Location

from .origin import Origin
from .table import Table


def _absolute(place: str, info: ValidationInfo) -> str:
    base = info.context.base if isinstance(info.context, Origin) else None
    return Location.of(place, base=base).url


def _weights(given: str, info: ValidationInfo) -> str:
    return given if given in ("published", "random") else _absolute(given, info)


def each_once(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return a list of names in which none stands twice; `ValueError` otherwise."""
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"{twice[0]!r} is named twice; name each once")
    return values


def _sessions(given: object) -> int | tuple[int, ...]:
    listed = given if isinstance(given, (list, tuple)) else (given,)
    if not listed or not all(type(one) is int and one > 0 for one in listed):
        raise ValueError("expected a number of sessions, or a list of sessions counted from 1")
    if len(set(listed)) < len(listed):
        raise ValueError("a session is named twice; name each once")
    return tuple(sorted(listed)) if isinstance(given, (list, tuple)) else listed[0]


#: Folders of an archive that are no subject's, and what they hold.
_RESERVED = {"all": "what no single brain entered", "recipes": "the recipes that were run"}


def _not_reserved(subject: str) -> str:
    holds = _RESERVED.get(subject.lower())  # some file systems tell no capitals from small letters
    if holds:
        raise ValueError(f"archives keep {holds} in {subject.lower()!r}; give the subject another name")
    return subject


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("holds a NUL character, which no name of a file or an array can; leave it out")
    return text


def _picture_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) not in (2, 3) or shape[2:] not in ((), (1,), (3,)):
        raise ValueError("expected [y, x] or [y, x, channel] with 1 or 3 channels")
    return shape


#: Characters of a name; file systems take 255 of a folder's, and products add to it.
LONGEST = 64
#: What a user calls a feature space, pictures or scores: it becomes a component of a path.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+$", max_length=LONGEST)]
Text = Annotated[str, Field(min_length=1), AfterValidator(_without_nul)]
Place = Annotated[Text, AfterValidator(_absolute)]
#: "published", "random", or the folder of a model in diffusers' layout.
Weights = Annotated[Text, AfterValidator(_weights)]
Subject = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=LONGEST),
    AfterValidator(_not_reserved),
]
Count = Annotated[int, Field(ge=1)]
# far above what is of use, and low enough that a slip of the keyboard is told at once, not by a full memory
Side = Annotated[int, Field(ge=1, le=8192)]
Components = Annotated[int, Field(ge=1, le=100_000)]
Samples = Annotated[int, Field(ge=1, le=1000)]
Precision = Literal["auto", "float32", "float64"]
Metric = Literal["pixcorr", "ssim", "ssim-columns", "two-way-pixels"]
# TOML has lists, we keep tuples: the list itself is converted, its items are not
Subjects = Annotated[tuple[Subject, ...], Field(strict=False, min_length=1), AfterValidator(each_once)]
Metrics = Annotated[tuple[Metric, ...], Field(strict=False, min_length=1), AfterValidator(each_once)]
#: The first so many, or just these; sessions count from 1.
Sessions = Annotated[int | tuple[int, ...], PlainValidator(_sessions)]
PictureShape = Annotated[tuple[Count, ...], Field(strict=False), AfterValidator(_picture_shape)]


class StorageOptions(Table):
    """How to reach the object store; it says nothing about what is done, so no fingerprint holds it."""

    endpoint_url: Text | None = None
    profile: Text | None = None
    anon: bool | None = None

    def given(self) -> dict[str, str | bool]:
        """Return the options that were given, as `storage.remote.Location.of` takes them."""
        return self.model_dump(exclude_none=True)


class Arrays(Table):
    """Which arrays of ready-made voxels and pictures mean what, by their names in the source."""

    train_voxels: Text
    test_voxels: Text
    train_images: Text
    test_images: Text
    train_index: Text | None = None
    test_index: Text | None = None
    train_labels: Text | None = None
    test_labels: Text | None = None
    train_captions: Text | None = None
    test_captions: Text | None = None
    voxel_ijk: Text | None = None
    image_shape: PictureShape | None = None
    image_order: Literal["C", "F"] = "C"


class Drop(Table):
    """Random removal of voxels: a published workaround, to be compared with what all of them give."""

    count: Count
    """Voxels to drop."""
    seed: Annotated[int, Field(ge=0)] = 42
    tries: Count = 2
    """Draws; the one whose ridge fits its own training rows best is kept."""


class Data(Table):
    """Where brain data and pictures come from, and where the archive lies."""

    dataset: Literal["nsd", "arrays"]
    source: Place
    archive: Place
    subjects: Subjects
    voxels: Text = "brain"
    sessions: Sessions | None = None
    betas: Text | None = None
    space: Literal["func1pt8mm", "func1mm", "nativesurface", "fsaverage"] | None = None
    format: Literal["auto", "hdf5", "nifti"] | None = None
    drop: Drop | None = None
    test: Text | None = None
    picture_size: Side | None = None
    """Side in pixels to which pictures are shrunk before they are stored; default as the source has them."""
    picture_stride: Annotated[int, Field(ge=2, le=64)] | None = None
    """Instead: every so many-th row and column of pixels alone, a published workaround."""
    storage_options: StorageOptions = StorageOptions()
    arrays: Arrays | None = None


class Responses(Table):
    """How trials become responses."""

    standardize: Literal["train", "rows", "session", "run", "scalar", "all-trials", "none"] = "train"
    average_repeats: Literal["all", "test", "none"] = "all"
    unmeasured: Literal["skip", "zero"] = "skip"
    """Whether trials of a session that did not measure a voxel are left out of its means, or count as 0."""


class Scores(Table):
    """How made pictures are compared with seen ones."""

    images: Name
    metrics: Metrics


def named_like(tables: object, key: str) -> object:
    """Return named tables in which `key` is the table's own name, where it was not given."""
    return with_default(tables, lambda name: {key: name})


def with_default(tables: object, default: Any) -> object:
    """Return named tables on top of what `default` gives for each name."""
    if not isinstance(tables, Mapping):
        return tables
    return {
        name: {**default(name), **table} if isinstance(table, Mapping) else table
        for name, table in tables.items()
    }
