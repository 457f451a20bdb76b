"""The whole way on simulated data, for whoever has just installed vox2pix."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .command import command
from .manner import manner
from .options import Here
from .printing import put, put_json, remark, tell
from .run import carry_out, put_outcome, write_page

if TYPE_CHECKING:
    from pipeline.recipe import Recipe

#: Beside the simulated data: what they were simulated with. There only if all of them are.
SIGN = ".vox2pix-demo.json"
QUICK = {"subjects": 1, "images": 600, "size": 32, "simple": True}
FULL = {"subjects": 1, "images": 3000, "simple": True}
"""One upright shape a picture: whoever looks can tell whether the right one was painted."""
STEPS = {"quick": 300, "full": 3000}
"""Of training: a third of a minute, and some three minutes of one core."""
ALPHA = {"quick": 100, "full": 1000}
"""Of 100, 300, 1e3, 3e3 and 1e4. Leave-one-out predictions of 2700 training pictures' components explain .85
of their variance, with 100 they would explain .82. Of 540 they explain .78, as with 300; with 1000 .74."""
BUCKET = "simulated-nsd"
RECIPE = """\
# Simulated data. This is what `vox2pix demo` ran: vox2pix run demo.toml
preset = "conditional-ddpm"      # see it with: vox2pix presets conditional-ddpm

[data]
dataset = "nsd"
source = "."
archive = "archive"
subjects = ["subj01"]
voxels = "nsdgeneral"

[responses]
standardize = "session"

[ridge.spaces.pca]
alpha = {alpha:<24} # suits so many pictures, by leave-one-out

[ridge.spaces.words]
alpha = {alpha}

[train.final]
model = "conditional-ddpm"
steps = {steps}
"""
#: Any machine has two cores; more would not make the demo's blocks faster.
CLUSTER = {"kind": "local", "workers": 2}


@command("demo", "The whole way on simulated data.", example="vox2pix demo --quick")
@click.option(
    "--out",
    default="./vox2pix-demo",
    show_default=True,
    metavar="DIR",
    type=Here(file_okay=False, path_type=Path),
    help="The folder to work in; the same folder again goes on where it was.",
)
@click.option("--quick", is_flag=True, help="Smaller data and hardly any training: a minute or two.")
def demo(out: Path, quick: bool) -> None:
    """Simulate a release of NSD, serve it as S3, train a small diffusion model too, write report.html."""
    tell(
        "What follows is simulated data: no person and no brain was recorded, "
        "and the scores say nothing about real ones."
    )
    recipe_path = _written(out, quick)
    from storage.simulate.serve import serve

    for name in ("NO_PROXY", "no_proxy"):  # a proxy has no way to this machine's loopback
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), "127.0.0.1")))
    with serve({BUCKET: out}) as server:
        remark(f"the release is served at {server.url} as s3://{BUCKET}")
        recipe = _from_s3(recipe_path, server.url)
        outcome = carry_out(recipe)
        page = write_page([recipe], out / "report.html")
    if manner().json:
        put_json({**outcome.as_json(), "report": page})
        return
    put_outcome(outcome, f"vox2pix report {recipe_path}")
    put(page)


def _from_s3(recipe_path: Path, endpoint: str) -> Recipe:
    """Return the recipe with its source in the bucket that is served."""
    from pipeline.recipe import load_recipe

    options = f'{{endpoint_url = "{endpoint}", anon = true}}'
    places = [f"data.source=s3://{BUCKET}", f"data.storage_options={options}"]
    return load_recipe(recipe_path, places).model_copy(update={"cluster": CLUSTER})


def _written(out: Path, quick: bool) -> Path:
    """Simulate, and return the path of the recipe that is to be run: beside the one of the simulation."""
    _simulate(out, QUICK if quick else FULL)
    path = out / "demo.toml"
    size = "quick" if quick else "full"
    path.write_text(RECIPE.format(steps=STEPS[size], alpha=ALPHA[size]))
    return path


def _simulate(out: Path, arguments: dict[str, Any]) -> None:
    """Simulate, unless that was done to its end before."""
    from storage.simulate import simulate_nsd

    sign, said = out / SIGN, json.dumps(arguments, sort_keys=True)
    if not (sign.is_file() and sign.read_text() == said and (out / "recipe.toml").is_file()):
        sign.unlink(missing_ok=True)
        try:
            simulate_nsd(out, **arguments)
        except ValueError as error:
            raise click.UsageError(str(error), click.get_current_context()) from None
        sign.write_text(said)
        remark(f"simulated data are in {out}")
