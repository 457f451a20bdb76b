"""What the head of the page tells of a recipe: whose data, how many, from where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .numbers import count, moment, spans
from .workarounds import all_workarounds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .results import Results

#: What a data set says of the betas' origin, by what the page calls it.
ORIGIN = {"Region": "voxels", "Sessions": "sessions", "Betas": "betas", "Space": "space"}


def facts(results: Results) -> Iterator[tuple[str, str]]:
    """Yield name and value of each fact; what is not known yet is left out."""
    recipe = results.recipe
    yield "Data set", recipe.data.dataset
    yield "Subjects", ", ".join(results.subjects)
    yield from _origin(results)
    yield from _sizes(results)
    if told := all_workarounds(results):
        yield "Instead of a full ridge", "; ".join(told)
    yield "Fidelity", recipe.fidelity
    yield "Seed", str(recipe.seed)
    dates = [one.seal["created"] for one in results.expected if one.seal is not None]
    yield ("Last product" if results.missing else "Finished"), moment(max(dates)) if dates else "none yet"
    yield "Source", recipe.data.source
    yield "Archive", str(results.archive)
    yield "Fingerprint", recipe.fingerprint()


def _origin(results: Results) -> Iterator[tuple[str, str]]:
    """Yield which region and sessions the betas are of, as their seals have it: subjects may differ."""
    seals = [results.find("betas", subject).seal for subject in results.subjects]
    sources: list[Mapping[str, Any]] = [seal["source"] for seal in seals if seal and "source" in seal]
    for fact, key in ORIGIN.items():
        found = dict.fromkeys(_words(source[key]) for source in sources if key in source)
        if found:
            yield fact, "; ".join(found)


def _words(value: Any) -> str:
    return spans(value) if isinstance(value, list) else str(value)


def _sizes(results: Results) -> Iterator[tuple[str, str]]:
    """Yield how many pictures and voxels there are, as far as they are known."""
    pictures: set[str] = set()
    voxels: set[str] = set()
    for subject in results.subjects:
        if results.find("voxels", subject).seal:
            voxels.add(count(results.open("voxels", subject).sizes["voxel"]))
        if results.find("responses", subject).seal:
            split = results.open("responses", subject).split.values
            pictures.add(f"{(split == 'train').sum():,} to learn from, {(split == 'test').sum():,} to test")
    if pictures:
        yield "Responses", "; ".join(sorted(pictures))
    if voxels:
        yield "Voxels", "; ".join(sorted(voxels))
