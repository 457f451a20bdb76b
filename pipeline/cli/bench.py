"""How fast it is here: workloads measured on a cluster of yours, and measurements side by side."""

from __future__ import annotations

import json
import shlex
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .command import command
from .manner import manner
from .options import Here
from .printing import put, put_json, remark, tell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from storage.remote import Location

SIZES = ("quick", "medium", "large")


@command(
    "bench", "Measure how fast it is here.", example="vox2pix bench ridge --cluster slurm.toml --out measured"
)
@click.argument("name", metavar="[SCENARIO]", default="ingest")
@click.option(
    "--cluster",
    metavar="KIND|FILE|ADDRESS",
    help="Who works, as of `vox2pix run`; a cluster that is there already is used as it is.",
)
@click.option("--insecure", is_flag=True, help="Allow an unencrypted scheduler on another machine.")
@click.option("--size", type=click.Choice(SIZES), help="How large the data are; default medium.")
@click.option("--quick", is_flag=True, help="The same as --size quick: only whether it works.")
@click.option(
    "--set", "changes", multiple=True, metavar="KEY=VALUE", help="A number of the data: images=5000."
)
@click.option("--repeats", type=click.IntRange(1), default=3, show_default=True, help="How often.")
@click.option(
    "--data",
    metavar="DIR|URL",
    help="Keep the data here, where all workers reach it; default a temporary folder.",
)
@click.option(
    "--out",
    type=Here(file_okay=False, path_type=Path),
    help="Write JSON, an HTML page, Markdown and SVG here.",
)
@click.option(
    "--references",
    is_flag=True,
    help="Measure on this machine alone, beside plain references: which goals are met.",
)
@click.option(
    "--compare",
    type=(click.Path(path_type=Path), click.Path(path_type=Path)),
    metavar="A.json B.json",
    help="Measure nothing: put two measurements side by side.",
)
def bench(
    name: str,
    cluster: str | None,
    insecure: bool,
    size: str | None,
    quick: bool,
    changes: tuple[str, ...],
    repeats: int,
    data: str | None,
    out: Path | None,
    references: bool,
    compare: tuple[Path, Path] | None,
) -> None:
    """Measure ingest, ridge, generate, whole or resilience on a cluster: what each stage and worker takes."""
    from pipeline.bench.catalogue import SCENARIOS, WORKLOADS, insist_writable

    references = references or name in SCENARIOS.keys() - WORKLOADS.keys()
    if quick and size not in {None, "quick"}:
        raise click.UsageError(f"--quick and --size {size} contradict each other; give one of them")
    if out:
        insist_writable(out)
    if compare:
        _compared(*compare, out)
        return
    words = ["vox2pix", "bench", name, *(["--references"] if references else [])]
    words += [
        word for flag, value in (("--cluster", cluster), ("--size", size)) if value for word in (flag, value)
    ]
    words += ["--quick"] if quick else []
    words += [word for change in changes for word in ("--set", change)]
    line = shlex.join([*words, "--repeats", str(repeats)])
    if references:
        if cluster or changes or size not in {None, "quick"}:
            raise click.UsageError("--references takes neither --cluster nor --size nor --set, but --quick")
        result = _beside_references(name, quick=quick, repeats=repeats, data=data, line=line)
    else:
        size = "quick" if quick else size or "medium"
        result = _on_cluster(
            name,
            size,
            _numbers(changes),
            out,
            cluster=cluster,
            insecure=insecure,
            repeats=repeats,
            data=data,
            line=line,
        )
    _put(result, out)


def _put(result: Mapping[str, Any], out: Path | None) -> None:
    from pipeline.bench.catalogue import save, save_page
    from pipeline.bench.sections import markdown

    put_json(result) if manner().json else put(markdown(result).rstrip("\n"))
    if out:
        save(result, out)
        remark(f"page: {save_page(result, out)}")


def _compared(a: Path, b: Path, out: Path | None) -> None:
    from pipeline.bench.catalogue import load, save_comparison
    from pipeline.bench.comparison import compare

    found = compare(load(a), load(b), (str(a), str(b)))
    put_json(found.as_json()) if manner().json else put(found.markdown().rstrip("\n"))
    if out:
        remark(f"page: {save_comparison(found, out)}")


def _beside_references(
    name: str, *, quick: bool, repeats: int, data: str | None, line: str
) -> dict[str, Any]:
    from pipeline.bench.catalogue import SCENARIOS, scenario
    from pipeline.bench.measure import measure

    _insist_known(name, SCENARIOS, "scenario with references")
    with _folder(data) as folder:
        if not folder.is_local:
            raise click.UsageError(f"--data {data} is no folder; references are measured on this machine")
        return measure(scenario(name, quick=quick), folder.local, repeats=repeats, command=line, heard=tell)


def _on_cluster(
    name: str,
    size: str,
    changes: Mapping[str, Any],
    out: Path | None,
    *,
    cluster: str | None,
    insecure: bool,
    repeats: int,
    data: str | None,
    line: str,
) -> dict[str, Any]:
    from cluster.security import refuse_open_connection
    from pipeline.bench.catalogue import WORKLOADS, report_of, workload
    from pipeline.bench.on_cluster import measure_on

    from .limits import cluster_of

    _insist_known(name, WORKLOADS, "scenario")
    chosen, config = workload(name, size, changes), cluster_of(None, cluster)
    refuse_open_connection(config, insecure=insecure)  # before anything is simulated
    with _folder(data) as folder:
        return measure_on(
            chosen,
            config,
            folder,
            repeats=repeats,
            command=line,
            insecure=insecure,
            report=report_of(name, out) if out else None,
            heard=remark,
        )


def _insist_known(name: str, known: Mapping[str, str], what: str) -> None:
    if name not in known:
        from pipeline.errors import nearest

        raise click.UsageError(
            f"{what} {name!r} is not known; known are {', '.join(known)}{nearest(name, known)}"
        )


def _numbers(changes: tuple[str, ...]) -> dict[str, Any]:
    """Return KEY=VALUE pairs as numbers, or lists of them."""
    found = {}
    for change in changes:
        key, sign, value = change.partition("=")
        try:
            found[key] = json.loads(value)
        except ValueError:
            sign = ""
        if not sign or not isinstance(found[key], int | list):
            raise click.UsageError(
                f"--set {change!r} is no number; write it as images=5000 or grid=[20,24,18]"
            )
    return found


@contextmanager
def _folder(data: str | None) -> Iterator[Location]:
    from storage.remote import Location

    if data:
        yield Location.of(data)
        return
    with tempfile.TemporaryDirectory(prefix="vox2pix-bench-") as folder:
        yield Location.of(folder)
