"""What the scripts here have in common: their options, and what becomes of what was measured."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import tempfile
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.readme import RESULTS, refresh
from pipeline.bench.catalogue import joined, load, save
from pipeline.bench.measure import measure
from pipeline.bench.sections import markdown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.bench.scenario import Scenario


def command(said: str | None, scenario: Callable[[bool], Scenario]) -> None:
    """Measure a scenario as the command line asks, print tables, write JSON, Markdown and SVG.

    Parameters
    ----------
    said
        The script's docstring.
    scenario
        Returns the scenario; True for its quick size.
    """
    parser = argparse.ArgumentParser(description=said, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="tiny: only whether it works")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--case", default="", help="only cases whose name holds this; of them nothing is kept without --add"
    )
    parser.add_argument("--add", action="store_true", help="keep the cases beside those in the results")
    parser.add_argument("--data", type=Path, help="folder to keep the data in; default a temporary one")
    parser.add_argument("--out", type=Path, help="for the results; default benchmarks/results")
    asked = parser.parse_args()
    chosen = scenario(asked.quick)
    chosen = replace(chosen, cases=tuple(case for case in chosen.cases if asked.case in case.name))
    words = ["--repeats", str(asked.repeats), *(["--case", asked.case] if asked.case else [])]
    words += [f"--{each}" for each in ("quick", "add") if getattr(asked, each)]
    line = f"python -m benchmarks.{Path(sys.argv[0]).stem} {shlex.join(words)}"
    keep = nullcontext(asked.data) if asked.data else tempfile.TemporaryDirectory(prefix="vox2pix-bench-")
    small = asked.quick or (asked.case and not asked.add)
    out = asked.out or (None if small else RESULTS)
    with keep as folder, _part(chosen.name, out) as part:
        result = measure(chosen, Path(folder), repeats=asked.repeats, command=line, heard=_say, kept=part)
        there = out / f"{chosen.name}.json" if out and asked.add else None
        if there and there.exists():
            result = joined(load(there), result)
        print(markdown(result))
        if out:
            save(result, out)
    if out == RESULTS:
        refresh(result)


@contextmanager
def _part(name: str, out: Path | None) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Keep what was found so far as JSON beside the results until all of it is there."""
    path = out / f"{name}.part.json" if out else None

    def keep(result: dict[str, Any]) -> None:
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(result, indent=1) + "\n")

    yield keep
    if path:
        path.unlink(missing_ok=True)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
