"""Things to begin with: simulated recordings, and presets."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from .command import command
from .manner import manner
from .options import Place, place_options
from .printing import counted, put, put_json, put_table, remark

if TYPE_CHECKING:
    from storage.simulate import Simulated


class Grid(click.ParamType[tuple[int, int, int]]):
    """Three whole numbers with commas between."""

    name = "X,Y,Z"

    def convert(
        self,
        value: str | tuple[int, int, int],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[int, int, int]:
        """Return the numbers."""
        if isinstance(value, tuple):
            return value
        try:
            x, y, z = (int(word) for word in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is no grid; expected three whole numbers, like 20,24,18", param, ctx)
        return x, y, z


@command(
    "simulate",
    "Write a small simulated data set and its recipe.",
    example="vox2pix simulate my-data --subjects 1 --images 100 --seed 1",
)
@place_options("DEST")
@click.option(
    "--dataset",
    type=click.Choice(["nsd", "arrays"]),
    default="nsd",
    show_default=True,
    help="In whose file layout.",
)
@click.option("--subjects", default=2, show_default=True, help="How many brains see the pictures.")
@click.option("--sessions", default=3, show_default=True, help="How many sessions.")
@click.option("--trials", type=int, help="Trials a session; default as few as show each picture three times.")
@click.option("--grid", type=Grid(), default="20,24,18", show_default=True, help="Size of the volume.")
@click.option("--images", default=300, show_default=True, help="Distinct pictures; a tenth is for testing.")
@click.option("--size", default=64, show_default=True, help="Height and width of the pictures.")
@click.option("--seed", default=0, show_default=True, help="The same seed writes the same bytes.")
def simulate(
    place: Place,
    dataset: str,
    subjects: int,
    sessions: int,
    trials: int | None,
    grid: tuple[int, int, int],
    images: int,
    size: int,
    seed: int,
) -> None:
    """Write a small simulated data set, with a known code between pictures and voxels, and its recipe."""
    from storage.remote import Location
    from storage.simulate import SIMULATORS

    target = Location.of(place.url, place.options())
    try:
        made = SIMULATORS[dataset](
            target,
            subjects=subjects,
            sessions=sessions,
            trials=trials,
            grid=grid,
            images=images,
            size=size,
            seed=seed,
        )
    except ValueError as error:
        if hasattr(error, "exit_code"):
            raise
        raise click.UsageError(str(error), click.get_current_context()) from None
    _put_simulated(made)


def _put_simulated(made: Simulated) -> None:
    from cluster import human

    if manner().json:
        put_json({**asdict(made), "recipe": str(made.recipe)})
        return
    remark(
        f"simulated {counted(len(made.subjects), 'subject')}: {made.trials} trials and {made.voxels} voxels "
        f"each, {made.images} pictures ({made.test_images} for testing), {human(made.nbytes)}"
    )
    put(str(made.recipe))


@command("presets", "List presets, or print one.", example="vox2pix presets pixels")
@click.argument("name", required=False)
def presets(name: str | None) -> None:
    """List the presets a recipe can build on, or print one as TOML."""
    from pipeline.presets import preset_text
    from pipeline.presets import presets as names

    if name is not None:
        text = preset_text(name).rstrip("\n")
        put_json({"name": name, "toml": text}) if manner().json else put(text)
        return
    rows = [{"preset": each, "what it is": description(preset_text(each))} for each in names()]
    if manner().json:
        put_json({"presets": [dict(zip(("name", "description"), row.values(), strict=True)) for row in rows]})
    else:
        put_table(rows)


def description(text: str) -> str:
    r"""Return the first sentence of the comment that a preset begins with.

    >>> description("# One\n# sentence. And more.\n[ridge]\n")
    'One sentence.'
    """
    words: list[str] = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        words += line.lstrip("#").split()
    first, stop, _ = " ".join(words).partition(". ")
    return first + stop.strip()
