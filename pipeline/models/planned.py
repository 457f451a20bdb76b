"""The weights a run was planned with: no machine may compute with others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .weights import WeightsMissing

if TYPE_CHECKING:
    from collections.abc import Mapping


def insist_same(what: str, found: Mapping[str, str], planned: Mapping[str, str]) -> None:
    """Refuse other weights than those a plan was made with, as a machine may have.

    Parameters
    ----------
    what
        Whose weights, for the message.
    found, planned
        Their identities, here and when the run was planned.

    Raises
    ------
    WeightsMissing
        Naming what differs.
    """
    differ = [name for name in {**planned, **found} if found.get(name) != planned.get(name)]
    if differ:
        here, then = (
            ", ".join(f"{name} ({one[name][:12]})" for name in differ if name in one) or "not there"
            for one in (found, planned)
        )
        raise WeightsMissing(
            f"the weights of {what} on this machine are {here}, the run was planned with {then}; put the "
            "same on every machine"
        )
