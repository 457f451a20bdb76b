"""All that is told of a measurement, in order, from its JSON alone: what Markdown and the page both show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cluster.sizes import human

from ..report.numbers import several
from .table import Table, counted, figure_table, goals, product_table, worker_table
from .verdict import disagreements, judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True)
class Section:
    """A heading with what stands below it."""

    title: str
    texts: tuple[str, ...] = ()
    table: Table | None = None
    words: bool = False
    """Whether the table holds words, not numbers."""


def markdown(result: Mapping[str, Any]) -> str:
    """Return a measurement as Markdown: where it was made, its goals, a table for each case."""
    command, *texts = facts(result).values()
    opening = f"## {result['scenario']}\n\n{result['probes']}\n\n`{command}`{' '.join(texts)}"
    return "\n\n".join([opening, *map(as_markdown, sections(result))]) + "\n"


def as_markdown(section: Section) -> str:
    """Return a section as Markdown."""
    title = [f"### {section.title}"] if section.title else []
    table = [str(section.table)] if section.table else []
    return "\n\n".join([*title, *section.texts, *table])


def facts(result: Mapping[str, Any]) -> dict[str, str]:
    """Return what a measurement says of itself, by what it is about; the command comes first."""
    machine, load, size = result["machine"], result["load"], result["size"]
    at = f" at {result['commit']}" if result["commit"] else ""
    sizes = ", ".join(f"{name} {_listed(value)}" for name, value in size.items())
    found = {
        "Command": result["command"],
        "When": f"{at}, {result['began']}, {result['seconds']} s.",
        "Machine": f"{machine['cpu']}, {machine['usable_cores']} cores, "
        f"{machine['memory_bytes'] / 2**30:.0f} GiB, load {load['before']} before, {load['after']} after.",
        "Size": f"Size: {sizes}.",
    }
    return {**found, **({"Cluster": _cluster(result["cluster"])} if "cluster" in result else {})}


def _cluster(cluster: Mapping[str, Any]) -> str:
    members = cluster["workers"].values()
    hosts = sorted({member["host"] for member in members})
    gpus = sorted({gpu for member in members for gpu in member["gpus"]})
    memory = f", {human(cluster['memory'])} a slot" if cluster["memory"] else ""
    processes = several(len(members), "process", "processes")
    return (
        f"Cluster: {cluster['kind']}, {cluster['slots']} slots in {processes} on "
        f"{', '.join(hosts)}{memory}; GPUs: {', '.join(gpus) or 'none'}; encryption: {cluster['encryption']}."
    )


def _listed(value: Any) -> str:
    return " x ".join(map(str, value)) if isinstance(value, list | tuple) else f"{value}"


def sections(result: Mapping[str, Any]) -> Iterator[Section]:
    """Yield all that is told below the head."""
    verdicts = judge(result)
    if verdicts:
        yield Section("", table=goals(verdicts))
    for said in disagreements(result):
        yield Section("", (f"**They disagree.** {said}",))
    for case in result["cases"]:
        yield Section(case["name"], (*_when(case), *_messages(case)), figure_table(case))
        if any("stages" in run for run in case["runs"]):
            yield Section(f"{case['name']}: products", table=product_table(case))
            yield Section(f"{case['name']}: workers", (_PEAK,), worker_table(result, case))
    if result.get("counted"):
        yield Section("Counted, not run", table=counted(result["counted"]))
    others = {name: told for name, told in result["software"].items() if name} if "software" in result else {}
    if "cluster" in result and others:
        rows = [
            [name, ", ".join(f"{what} {version}" for what, version in told.items())]
            for name, told in others.items()
        ]
        yield Section(
            "Workers with other versions than here", table=Table(("worker", "versions"), rows), words=True
        )


def _messages(case: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was said to the user, once for each who said it."""
    said = {run["contender"]: run["message"] for run in case["runs"] if "message" in run}
    for who, message in said.items():
        yield f"{who}: “{message}”"


_PEAK = (
    "What each worker did in all repeats; its peak is the largest resident set its process ever had while "
    "a product was made."
)


def _when(case: Mapping[str, Any]) -> tuple[str, ...]:
    """Return when a case was measured, where it says so: it may be of another run than its neighbours."""
    if "commit" not in case:  # as the whole measurement
        return ()
    at, load = f" at {case['commit']}" if case["commit"] else "", case["load"]
    return (
        f"{case['began']}{at}, {case['seconds']} s, load {load['before']} before, {load['after']} after.",
    )
