"""How fast it is here: scenarios measured on this machine, and measurements side by side."""

from __future__ import annotations

import shlex
import tempfile
from contextlib import nullcontext
from pathlib import Path

import click

from .command import command
from .manner import manner
from .printing import put, put_json, tell


@command("bench", "Measure how fast it is here.", example="vox2pix bench ingest --quick")
@click.argument("name", metavar="[SCENARIO]", default="ingest")
@click.option("--quick", is_flag=True, help="Tiny: only whether it works.")
@click.option("--repeats", type=click.IntRange(1), default=3, show_default=True, help="How often.")
@click.option("--data", type=click.Path(path_type=Path), help="Keep the data here; default nowhere.")
@click.option("--out", type=click.Path(path_type=Path), help="Write JSON, Markdown and SVG here.")
@click.option(
    "--compare",
    type=(click.Path(path_type=Path), click.Path(path_type=Path)),
    metavar="A.json B.json",
    help="Measure nothing: put two measurements side by side.",
)
def bench(
    name: str,
    quick: bool,
    repeats: int,
    data: Path | None,
    out: Path | None,
    compare: tuple[Path, Path] | None,
) -> None:
    """Measure a scenario beside plain references, and say which goals are met."""
    from pipeline.bench.catalogue import SCENARIOS, load, save, scenario
    from pipeline.bench.measure import measure
    from pipeline.bench.table import markdown, side_by_side

    if compare:
        put(side_by_side(*map(load, compare)))
        return
    if name not in SCENARIOS:
        raise click.UsageError(f"scenario {name!r} is not known; known are {', '.join(SCENARIOS)}")
    words = ["vox2pix", "bench", name, *(["--quick"] if quick else []), "--repeats", str(repeats)]
    chosen, line = scenario(name, quick=quick), shlex.join(words)
    with nullcontext(data) if data else tempfile.TemporaryDirectory(prefix="vox2pix-bench-") as folder:
        result = measure(chosen, Path(folder), repeats=repeats, command=line, heard=tell)
    if out:
        save(result, out)
    put_json(result) if manner().json else put(markdown(result).rstrip("\n"))
