"""Workers that went away and the tasks that they had, as the scheduler tells it.

A scheduler keeps its last thousand notes (`distributed.admin.low-level-log-length`), and notes each question
that it is asked: on a busy one a death is soon forgotten. So it is heard at once. A client hears all things
in the order in which they happen: when a task's end is known, so are the deaths that went before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distributed import Client


class Deaths:
    """What workers had when they went away, in order, since this was made.

    Parameters
    ----------
    client
        Connected, and with no other who listens to everything that its scheduler notes.
    """

    def __init__(self, client: Client) -> None:
        self._had: list[tuple[str, ...]] = []
        client.subscribe_topic("all", self._hear)

    def _hear(self, event: tuple[float, Any]) -> None:
        _, said = event
        if isinstance(said, dict) and said.get("action") == "remove-worker":
            self._had.append(tuple(map(str, said.get("processing-tasks", ()))))

    def __len__(self) -> int:
        return len(self._had)

    def since(self, number: int) -> list[str]:
        """Return the tasks that workers took with them, after so many deaths; once for each worker."""
        return [key for had in self._had[number:] for key in had]

    def alone(self, key: str) -> bool:
        """Tell whether most of the workers that died with a task had no other."""
        return 2 * sum(set(had) == {key} for had in self._had) > sum(key in had for had in self._had)
