"""Published weights: which there are, how to get them, whether they are whole, and how to convert them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .command import Program, command
from .manner import manner
from .options import Here
from .printing import counted, put, put_json, put_table, remark, tell

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.models.checking import Looked

WRONG = 3
PAUSE = 5.0
"""Seconds between lines about how far a file is."""


@click.group("weights", cls=Program, short_help="Get and check published weights.")
def weights() -> None:
    """List, fetch, check and convert the weights of networks that others have trained; none are shipped."""


_TO = click.option(
    "--to",
    "folder",
    metavar="DIR",
    type=Here(file_okay=False, path_type=Path),
    help="The folder to write to, to be named in a recipe: weights = DIR. Default the caches that "
    'weights = "published" looks into.',
)


@command("list", "What there is, and what is here.", example="vox2pix weights list")
def list_() -> None:
    """List the published weights: size, licence, what needs them, and whether they are on this machine."""
    from pipeline.models.inventory import inventory

    rows = inventory()
    if manner().json:
        put_json({"weights": rows})
        return
    put_table([_listed(row) for row in rows], right=("size",))
    for row in rows:
        put(f"{row['name']}: {row['what']}{'; ' if row['note'] else ''}{row['note']}")


def _listed(row: dict[str, Any]) -> dict[str, str]:
    from cluster import human
    from pipeline.models.inventory import size_of

    size, exact = size_of(row["parts"])
    some = ", ".join(part["path"] for part in row["parts"] if part["there"])
    return {
        "weights": row["name"],
        "size": "unknown" if size is None else f"{'' if exact else 'about '}{human(size)}",
        "licence": row["licence"],
        "needed by": ", ".join(dict.fromkeys([*row["features"], *row["generators"]])),
        "here": row["there"] or (f"only {some}" if some else "no"),
    }


@command("fetch", "Get weights onto this machine.", example="vox2pix weights fetch vdvae clip-vit-l-14")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@_TO
def fetch(names: tuple[str, ...], folder: Path | None) -> None:
    """Get weights, or parts of them (stable-diffusion-1-5/vae); what is cut off is gone on with next time."""
    from pipeline.models.fetching import fetch as get
    from pipeline.models.published import named

    models = [named(name)[0] for name in names]  # a wrong name is told before anything is fetched
    made: list[dict[str, Any]] = []
    _show_the_hubs_bars()
    for name, model in zip(names, models, strict=True):
        remark(f"{name}: {model.licence}{'; ' if model.note else ''}{model.note}")
        found = get(name, None if folder is None else folder.absolute(), _paced())
        made.append({"name": name, "files": [_file(path) for path in found.values()]})
    if manner().json:
        put_json({"fetched": made})
        return
    every = [file for one in made for file in one["files"]]
    put_table([{"file": file["path"], "bytes": str(file["bytes"])} for file in every], right=("bytes",))
    where = "" if folder is None else f'; name them in a recipe: weights = "{folder.absolute()}"'
    put(f"{counted(len(every), 'file')}, whole{where}")


def _file(path: Path) -> dict[str, Any]:
    return {"path": str(path), "bytes": path.stat().st_size}


def _show_the_hubs_bars() -> None:
    """Let the hub's own client show how far it is only to somebody who wants to see it."""
    from huggingface_hub.utils.tqdm import disable_progress_bars, enable_progress_bars

    noted = manner()
    disable_progress_bars() if noted.json or noted.quiet or not noted.progress else enable_progress_bars()


def _paced() -> Callable[[str], None]:
    """Return what tells how far a file is, now and then."""
    last = [0.0]

    def told(text: str) -> None:
        if manner().progress and not manner().json and time.monotonic() - last[0] > PAUSE:
            last[0] = time.monotonic()
            remark(text)

    return told


@command("check", "Whether weights are whole.", example="vox2pix weights check vdvae /shared/weights")
@click.argument("words", metavar="[NAME...] [PATH]", nargs=-1)
def check(words: tuple[str, ...]) -> int:
    """Read weights (default all that are here) and compare checksums, names and shapes; nothing is run."""
    from pipeline.models.inventory import here

    names, where = _names_and_path(words)
    looked = [one for name in names or here(where) for one in _looked(name, where)]
    wrong = [one for one in looked if one.wrong]
    if manner().json:
        put_json({"files": [_entry(one) for one in looked]})
    else:
        put_table([{"weights": one.model, "file": _where(one), "is": _is(one)} for one in looked])
        for one in wrong:
            put(one.wrong)
        if not looked:
            put("No published weights here; `vox2pix weights list` tells which there are.")
    if wrong:
        tell(f"vox2pix: {' '.join(wrong[0].wrong.split())}")
    return WRONG if wrong else 0


def _names_and_path(words: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """Return which words are names, and the path among them."""
    from pipeline.errors import RecipeError
    from pipeline.models.published import CATALOGUE, named

    paths = [word for word in words if word.split("/")[0] not in CATALOGUE and Path(word).exists()]
    names = tuple(word for word in words if word not in paths)
    for name in names:
        if name.startswith((".", "/", "~")) or Path(name).suffix:
            raise RecipeError(f"there is nothing at {name}; name a file or a folder of weights")
        named(name)
    if len(paths) > 1:
        raise RecipeError(f"{paths[1]} is a second path; check one after the other")
    return names, str(Path(paths[0]).absolute()) if paths else "published"


def _looked(name: str, where: str) -> list[Looked]:
    from pipeline.models.checking import Looked, check
    from pipeline.models.weights import WeightsMissing

    found = []
    try:
        for one in check(name, where):
            found.append(one)  # noqa: PERF402  (those before a part that is missing are told too)
    except WeightsMissing as error:
        found.append(Looked(name, Path(where), str(error), there=False))
    return found


def _entry(one: Looked) -> dict[str, Any]:
    return {
        "name": one.model,
        "path": str(one.path),
        "ok": not one.wrong,
        "compared": one.compared,
        "wrong": one.wrong or None,
    }


def _where(one: Looked) -> str:
    return str(one.path) if one.there else ""


def _is(one: Looked) -> str:
    if one.wrong:
        return "WRONG" if one.there else "not here"
    return "whole" if one.compared else "there; nobody has said its checksum"


@command(
    "convert",
    "Write authors' files as safetensors.",
    example="vox2pix weights convert vd-four-flow-v1-0-fp16-deprecated.pth kl-f8.pth --to weights",
)
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(dir_okay=False, path_type=Path)
)
@click.option(
    "--to",
    "folder",
    required=True,
    metavar="DIR",
    type=Here(file_okay=False, path_type=Path),
    help="The folder to write to, to be named in a recipe: weights = DIR.",
)
def convert(files: tuple[Path, ...], folder: Path) -> None:
    """Write the VDVAE's .th, or Versatile Diffusion's .pth files, as safetensors; no number changes."""
    from pipeline.models.conversion import convert as write

    made = [path for file in files for path in write(file, folder.absolute())]
    if manner().json:
        put_json({"files": [_file(path) for path in made]})
        return
    put_table([{"file": str(path), "bytes": str(path.stat().st_size)} for path in made], right=("bytes",))
    put(f'{counted(len(made), "file")}; name them in a recipe: weights = "{folder.absolute()}"')


for _command in (list_, fetch, check, convert):
    weights.add_command(_command)
