"""A part of an object as far as it has come: a body that is cut goes on where it ended."""

from __future__ import annotations

from typing import Any


class Reading:
    """A part of an object as far as it has come."""

    def __init__(self, store: Any, name: str, asked: dict[str, Any]) -> None:
        self.store = store
        self.name = name
        self.asked = asked
        self.parts: list[Any] = []
        self.began = False
        self.came = 0

    def go_on(self) -> None:
        """Ask for what is missing, in one request."""
        self.came = 0
        if self._whole():
            return
        answer = self.store.get(self.name, options=self.asked)
        self.began, (start, stop) = True, answer.range
        try:
            for part in answer.stream(min_chunk_size=1):  # a cut body leaves what came before the cut
                self.parts.append(part)
                self.came += len(part)
        except BaseException:
            same = {"if_match": answer.meta["e_tag"]} if answer.meta.get("e_tag") else {}
            self.asked = {**same, **self.asked, "range": (start + self.came, stop)}
            raise

    def _whole(self) -> bool:
        span = self.asked.get("range")
        return self.began and isinstance(span, tuple) and span[0] >= span[1]

    def content(self) -> bytes:
        """Return what has come."""
        return b"".join(self.parts)


def asked(start: int, length: int | None, etag: str | None) -> dict[str, Any]:
    """Return obstore's options of a request."""
    same = {"if_match": f'"{etag}"'} if etag and not etag.startswith("W/") else {}
    if start < 0:
        return {"range": {"suffix": -start}, **same}
    if length is not None:
        return {"range": (start, start + length), **same}
    return {"range": {"offset": start}, **same} if start else same
