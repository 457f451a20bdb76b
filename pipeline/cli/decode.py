"""Decode new brain data through a finished run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .command import command
from .manner import manner
from .options import Asked, Here, recipe_options
from .printing import counted, put, put_json, remark, tell

#: Seconds between two lines about how far it is.
EVERY = 10.0

if TYPE_CHECKING:
    from pipeline.decoding.files import Written


@command(
    "decode",
    "Paint new brain data by what a run has learned.",
    example="vox2pix decode recipe.toml --voxels new.npy --to pictures",
)
@recipe_options
@click.option(
    "--voxels",
    required=True,
    metavar="FILE.npy",
    type=click.Path(path_type=Path),
    help="Numbers (row, voxel), or of one row (voxel,): columns in the order of product voxels, in percent "
    "signal change; a row a picture, the mean of its showings.",
)
@click.option(
    "--to",
    "folder",
    required=True,
    metavar="DIR",
    type=Here(file_okay=False, path_type=Path),
    help="The folder to write to: NAME/ROW[-SAMPLE].png, rows from 0, and NAME/decoded.json.",
)
@click.option("--images", "names", multiple=True, metavar="NAME", help="Only this table of [images].")
@click.option(
    "--standardized",
    is_flag=True,
    help="The rows are standardised already, as they must be where the run's are by session or run.",
)
def decode(asked: Asked, voxels: Path, folder: Path, names: tuple[str, ...], standardized: bool) -> None:
    """Paint pictures of new brain data, one row or many, by what a recipe's finished run has learned."""
    from pipeline.decoding import Decoder
    from pipeline.decoding.files import write
    from pipeline.errors import RecipeError

    if len(asked.subjects) > 1:
        raise RecipeError(f"voxels are of one brain, --subject names {', '.join(asked.subjects)}: name one")
    decoder = Decoder.of(
        asked.recipe(),
        voxels,
        subject=asked.subjects[0] if asked.subjects else None,
        standardized=standardized,
        command=f"vox2pix run {asked.words()}",
    )
    chosen = decoder.chosen(tuple(dict.fromkeys(names)))
    if decoder.doubt:
        remark(f"vox2pix: {decoder.doubt}")
    written = [write(decoder, name, folder, voxels, _Line(name, len(decoder.rows))) for name in chosen]
    for one in written:
        if one.note:
            tell(f"vox2pix: {one.name}: {one.note}")
    _put(written, folder, len(decoder.rows))


class _Line:
    """Tells how many rows are painted, every 10 s."""

    def __init__(self, name: str, rows: int) -> None:
        self.name, self.rows, self.told = name, rows, time.monotonic()

    def __call__(self, painted: int) -> None:
        if manner().progress and painted < self.rows and time.monotonic() - self.told >= EVERY:
            self.told = time.monotonic()
            remark(f"{self.name}: {painted} of {counted(self.rows, 'row')}")


def _put(written: list[Written], folder: Path, rows: int) -> None:
    for one in written:
        remark(f"{one.name}: {counted(len(one.files) - 1, 'picture')} in {one.folder}")
    if manner().json:
        files = {one.name: [str(path) for path in one.files] for one in written}
        put_json({"status": "done", "rows": rows, "to": str(folder.absolute()), "images": files})
    else:
        total = sum(len(one.files) - 1 for one in written)
        put(f"{counted(total, 'picture')} of {counted(rows, 'row')} in {folder.absolute()}")
