"""Machines on a cable that can be cut, for tests."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import count

import pytest

from pipeline.bench.resilience.machines import NoMachine, joined, reached

_numbers = count()


@pytest.fixture
def machines():
    """Two machines beside this one."""
    with ExitStack() as stack:
        try:
            yield [stack.enter_context(joined(next(_numbers))) for _ in range(2)]
        except NoMachine as error:
            pytest.skip(f"no network namespace can be made here: {error}")


@pytest.fixture
def on_machines(machines, ssh_keys, monkeypatch):
    """Return what asks for a worker on each of the machines, by ssh."""

    def ask(**keys):
        return config.model_copy(update=keys)

    from cluster import keeper

    monkeypatch.setattr(keeper, "ASK", 1.0)
    with reached(machines, ssh_keys) as config:
        yield ask
