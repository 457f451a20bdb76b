"""Run a scenario: its contenders in turn, every figure of every repeat kept."""

from __future__ import annotations

import dataclasses
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .attempt import attempt
from .machine import commit, load, machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from .scenario import Case, Contender, Goal, Ground, Scenario

#: Version of the JSON.
FORMAT = 1


def measure(
    scenario: Scenario,
    folder: Path,
    *,
    repeats: int = 3,
    command: str = "",
    heard: Callable[[str], None] = lambda _line: None,
    kept: Callable[[dict[str, Any]], None] = lambda _result: None,
) -> dict[str, Any]:
    """Measure a scenario.

    Parameters
    ----------
    scenario
        What.
    folder
        Where its data are made, if they are not there yet.
    repeats
        How often each contender works; they take turns, and another one begins each time.
    command
        What makes this measurement again.
    heard
        Hears a line about each attempt.
    kept
        Is given what was found so far after each case, so that who is stopped loses but one.

    Returns
    -------
    dict
        What was found, ready for JSON.
    """
    opening = about(scenario.name, scenario.probes, command, scenario.size)
    opening["counted"] = [dict(row) for row in scenario.counted]
    began, loaded = now(), load()
    cases: list[dict[str, Any]] = []
    software: dict[str, dict[str, str]] = {}
    result = opening
    with scenario.ground(folder, scenario.size) as ground:
        for case in scenario.cases:
            if ground.server and case.weather:
                ground.server.now(case.weather)
            since, before = now(), load()
            runs = [run for number in range(repeats) for run in _turn(scenario, case, ground, number, heard)]
            software |= {run["contender"]: run.pop("versions") for run in runs if "versions" in run}
            told = {**_described(case), "commit": opening["commit"], **when(since, before)}
            cases.append({**told, "runs": runs})
            result = {**opening, **when(began, loaded), "software": _software(software), "cases": cases}
            kept(result)
    return result


def about(name: str, probes: str, command: str, size: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a measurement says of itself before there is anything to tell."""
    return {
        "format": FORMAT,
        "scenario": name,
        "probes": probes,
        "command": command,
        "commit": commit(),
        "machine": machine(),
        "size": dict(size),
        "counted": [],
    }


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def when(began: datetime, loaded: float) -> dict[str, Any]:
    """Return when a measurement was made, and how busy the machine was before and after."""
    return {
        "began": began.isoformat(timespec="seconds"),
        "seconds": round((now() - began).total_seconds()),
        "load": {"before": loaded, "after": load()},
    }


def _turn(
    scenario: Scenario, case: Case, ground: Ground, number: int, heard: Callable[[str], None]
) -> Iterator[dict[str, Any]]:
    """Yield the figures of every contender's next repeat; who comes first changes from turn to turn."""
    first = number % len(case.contenders)
    for contender in (*case.contenders[first:], *case.contenders[:first]):
        if number < contender.repeats:
            given = {**ground.given, **case.given, **contender.given}
            before = load()
            found = attempt(contender, given, ground.server, scenario.packages, scenario.environment)
            heard(f"{case.name} · {contender.name}: {_told(found)}")
            yield {"contender": contender.name, "repeat": number, "load": before, **found}


def _software(told: Mapping[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Return the versions most contenders have, under "", and of the others those that differ."""
    usual = max(told.values(), key=list(told.values()).count, default={})
    others = {who: dict(versions.items() - usual.items()) for who, versions in told.items()}
    return {"": usual, **{who: versions for who, versions in others.items() if versions}}


def _told(found: dict[str, Any]) -> str:
    if "wall" in found:
        return f"{found['wall']:.2f} s"
    return f"stopped after {found['stopped']:.0f} s" if "stopped" in found else f"failed, {found['failed']}"


def _described(case: Case) -> dict[str, Any]:
    weather = {} if case.weather is None else dataclasses.asdict(case.weather)
    return {
        "name": case.name,
        "weather": {name: value for name, value in weather.items() if value not in {0, math.inf}},
        "reference": case.reference or case.contenders[0].name,
        "contenders": {contender.name: _origin(contender) for contender in case.contenders},
        "goals": [_bounds(goal) for goal in case.goals],
    }


def _origin(contender: Contender) -> dict[str, Any]:
    return {"prepare": contender.prepare, "given": dict(contender.given), "threads": contender.threads}


def _bounds(goal: Goal) -> dict[str, Any]:
    said = dataclasses.asdict(goal)
    return {name: value for name, value in said.items() if value not in (math.inf, -math.inf)}
