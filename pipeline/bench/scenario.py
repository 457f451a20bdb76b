"""What is measured: jobs, the contenders that do each, and the goals that their figures must reach."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from storage.simulate.serve_apart import ServerApart
    from storage.simulate.weather import Weather

#: Seconds after which a contender is stopped.
LIMIT = 600.0


@dataclass(frozen=True)
class Contender:
    """One way to do a job; each time it does it, it does so in a new process."""

    name: str
    prepare: str
    """`package.module:function`. Called with the givens by keyword it imports, opens and makes ready, and
    returns the work: a function without arguments, which is measured. What the work returns are figures of
    its own; `check` is one that all contenders of a case must agree on."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """JSON values for `prepare`, beside those of the case and the ground."""
    repeats: int = 1_000
    """At most so many repeats: slow opponents need few."""
    limit: float = LIMIT
    """Seconds after which it is stopped."""
    python: str = ""
    """Interpreter that has what it needs; default ours."""
    threads: int = 1
    """Threads of BLAS and OpenMP."""


@dataclass(frozen=True)
class Of:
    """A figure of a contender."""

    contender: str
    figure: str = "wall"
    """`wall` and `cpu` (seconds), `memory` (growth of the peak, bytes), `bytes` and `requests` (that the
    server answered), or a figure of the contender's own."""


@dataclass(frozen=True)
class Goal:
    """A figure, in units or relative to other contenders' of the same repeat, and what it must reach."""

    says: str
    value: Of
    to: tuple[Of, ...] = ()
    """The largest of these is one."""
    unit: float = 1.0
    """Where there are none, this is one."""
    most: float = math.inf
    least: float = -math.inf


@dataclass(frozen=True)
class Case:
    """One job."""

    name: str
    contenders: tuple[Contender, ...]
    goals: tuple[Goal, ...] = ()
    reference: str = ""
    """The contender whose time is one in tables and plots; default the first."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """What `prepare` of each contender is given."""
    weather: Weather | None = None
    """How the server answers; default as it did before."""


@dataclass(frozen=True)
class Ground:
    """Where a scenario takes place: what was made for it."""

    given: Mapping[str, Any] = field(default_factory=dict)
    """What `prepare` of every contender is given."""
    server: ServerApart | None = None
    """Whose bytes and requests are counted."""


@dataclass(frozen=True)
class Scenario:
    """Some jobs on the same ground."""

    name: str
    probes: str
    """One sentence: what a reader learns from it."""
    size: Mapping[str, Any]
    """What the data are like, their seed among it."""
    cases: tuple[Case, ...]
    ground: Callable[[Path, Mapping[str, Any]], AbstractContextManager[Ground]]
    """Makes the data of a size in a folder, where they are not there yet, and keeps them within reach."""
    packages: tuple[str, ...] = ()
    """Distributions whose versions are recorded."""
    counted: Sequence[Mapping[str, str | float]] = ()
    """Rows of a table of what is counted, not run."""
    environment: Mapping[str, object] = field(default_factory=dict)
    """Further variables of the contenders' processes."""
