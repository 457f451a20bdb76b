"""One thing looked at: what was found, whether it will do, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Check:
    """One thing looked at."""

    name: str
    ok: bool
    found: str
    cure: str = ""
    code: int = 0
    """Exit code of a run that would fail by it."""

    def as_json(self) -> dict[str, Any]:
        """Return the check's entry of ``doctor --json``."""
        return {"name": self.name, "ok": self.ok, "found": self.found, "cure": self.cure}


def failed(name: str, error: BaseException) -> Check:
    """Return what an error says about a thing."""
    text = " ".join(str(error).split()) or type(error).__name__
    found, _, cure = text.rpartition("; ")
    code = int(getattr(error, "exit_code", 1))
    return Check(name, ok=False, found=found or text, cure=cure if found else "", code=code)


def examine(name: str, look: Callable[[], str]) -> Check:
    """Look at one thing: what it returns was found, what it raises is wrong."""
    try:
        return Check(name, ok=True, found=look())
    except Exception as error:  # noqa: BLE001  (every failure is what doctor is there to tell)
        return failed(name, error)
