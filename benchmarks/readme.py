"""Puts a measurement's tables and plot into the README here, between its marks, from JSON alone.

    python -m benchmarks.readme

A benchmark that writes to `results/` does so for its own.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.bench.catalogue import load
from pipeline.bench.sections import markdown

if TYPE_CHECKING:
    from collections.abc import Mapping

RESULTS = Path(__file__).parent / "results"
README = Path(__file__).parent / "README.md"


def refresh(result: Mapping[str, Any], readme: Path = README) -> bool:
    """Write a measurement into the README; return whether that has marks for it."""
    name = result["scenario"]
    begin, end = f"<!-- {name}: made by python -m benchmarks.readme -->", f"<!-- end of {name} -->"
    body = markdown(result).partition("\n\n")[2].replace("### ", "#### ")
    made = f"{begin}\n![{result['probes']}](results/{name}.svg)\n\n{body}{end}"
    text, found = re.subn(
        f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: made, readme.read_text(), flags=re.DOTALL
    )
    readme.write_text(text)
    return bool(found)


if __name__ == "__main__":
    for path in sorted(RESULTS.glob("*.json")):
        if not path.name.endswith(".part.json"):
            refresh(load(path))
