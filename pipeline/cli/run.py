"""Do what a recipe asks for, and report what came out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .command import command
from .manner import manner
from .options import Asked, Here, recipe_options, recipes_options
from .printing import counted, put, put_json, put_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipeline.outcome import Outcome
    from pipeline.recipe import Recipe


@command(
    "run",
    "Compute what a recipe asks for.",
    example="vox2pix run recipe.toml --set ridge.spaces.pixels.alpha=100 --until regress",
)
@recipe_options
@click.option(
    "--until",
    metavar="STAGE",
    help="Last stage to run: ingest, respond, featurize, gram, regress, reconstruct or score.",
)
@click.option(
    "--cluster",
    metavar="KIND|FILE|ADDRESS",
    help="Who works: a kind (local, threads, cuda, slurm, ssh), a TOML or YAML file with the keys of "
    "[cluster], a scheduler's JSON file, or tcp://HOST:PORT, tls://HOST:PORT.",
)
@click.option("--insecure", is_flag=True, help="Allow an unencrypted scheduler on another machine.")
@click.option("--refresh", is_flag=True, help="Recompute what was made from files that have changed since.")
def run(asked: Asked, until: str | None, cluster: str | None, insecure: bool, refresh: bool) -> None:
    """Compute what a recipe asks for and is not there yet; the same command goes on after any stop."""
    recipe = asked.recipe()
    outcome = carry_out(
        recipe, until=until, cluster=cluster, insecure=insecure, subjects=asked.subjects, refresh=refresh
    )
    if manner().json:
        put_json(outcome.as_json())
    else:
        put_outcome(outcome, f"vox2pix report {asked.words()}")


def carry_out(recipe: Recipe, *, cluster: str | None = None, insecure: bool = False, **how: Any) -> Outcome:
    """Run a recipe, telling of progress."""
    from cluster.security import refuse_open_connection
    from pipeline.runner import run as run_recipe

    from .limits import cluster_of
    from .progress import listening

    config = cluster_of(recipe, cluster)
    refuse_open_connection(config, insecure=insecure)  # before the archive is made
    with listening(manner()) as listener:
        return run_recipe(recipe, cluster=config, insecure=insecure, listener=listener, **how)


def put_outcome(outcome: Outcome, report_command: str) -> None:
    """Print what a run made, for people."""
    from cluster import human

    if not outcome.computed:
        put(f"Nothing to compute: all {counted(len(outcome.made), 'product')} are there.")
    put_table(list(_scores(outcome.as_json())), right=("mean", "95 % interval", "chance", "n"))
    if outcome.requests:
        took = counted(outcome.requests, "request")
        put(f"Read from object stores: {human(outcome.bytes_moved)} in {took}.")
    put(f"Archive: {outcome.plan.archive}   Report: {report_command}")


def _scores(said: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    for owner, entry in said["subjects"].items():
        for name, metrics in entry["scores"].items():
            for metric, score in metrics.items():
                yield {
                    "subject": owner,
                    "scores": name,
                    "metric": metric,
                    "mean": f"{score['mean']:.3f}",
                    "95 % interval": f"{score['low']:.3f} to {score['high']:.3f}",
                    "chance": f"{score['chance']:.3f}",
                    "n": str(score["n"]),
                }


@command(
    "report", "Write report.html: pictures and scores.", example="vox2pix report recipe.toml -o report.html"
)
@recipes_options
@click.option(
    "-o",
    "--output",
    "target",
    default="report.html",
    show_default=True,
    type=Here(dir_okay=False, path_type=Path),
    help="The file to write.",
)
def report(asked: tuple[Asked, ...], target: Path) -> None:
    """Write one self-contained HTML page about one or several recipes: pictures, scores, what ran."""
    recipes = [_narrowed(one) for one in asked]
    place = write_page(recipes, target)
    if manner().json:
        put_json({"report": place})
    else:
        put(place)


def write_page(recipes: list[Recipe], target: Path) -> str:
    """Write the report and return its path."""
    from pipeline.report import write_report

    write_report(recipes, target)
    return str(target.absolute())


def _narrowed(asked: Asked) -> Recipe:
    """Return the recipe with only the subjects asked for."""
    from pipeline.errors import RecipeError

    recipe = asked.recipe()
    known = recipe.data.subjects
    for subject in asked.subjects:
        if subject not in known:
            raise RecipeError(f"subject {subject!r} is not in {asked.path}; it has {', '.join(known)}")
    if not asked.subjects:
        return recipe
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"subjects": asked.subjects})})
