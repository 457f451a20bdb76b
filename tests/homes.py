"""Homes of weights on this machine: a web server that knows ranges and can cut off, and a small hub."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMIT = "c0ffee" * 6 + "c0de"


@dataclass
class Home:
    """What the server offers, and what it was asked."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    """By path."""
    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """Of the hub: files by path, by "owner/name"."""
    lies: dict[str, bytes] = field(default_factory=dict)
    """Bodies that are sent in place of what the hub says."""
    cuts: list[int] = field(default_factory=list)
    """After how many bytes the next bodies are cut off."""
    kind: str = "application/octet-stream"
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Method, path and range of each request."""

    def content(self, path: str) -> bytes | None:
        """Return what lies at a path."""
        owner, name, *rest = path.split("/", 4) + [""] * 5
        if rest[0] == "resolve":
            return self.repositories.get(f"{owner}/{name}", {}).get(path.split("/", 4)[4])
        return self.files.get(path)


class Answers(BaseHTTPRequestHandler):
    """Answers as a web server does, and as the hub does."""

    protocol_version = "HTTP/1.1"
    home: Home

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        path = self.path.split("?")[0].lstrip("/")
        self.home.asked.append((self.command, path, self.headers.get("Range")))
        if path.startswith("api/models/"):
            self._list(path)
            return
        content = self.home.content(path)
        if content is None:
            self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
            return
        tag = f'"{hashlib.sha256(content).hexdigest()}"'
        headers = {
            "ETag": tag,
            "X-Repo-Commit": COMMIT,
            "Content-Type": self.home.kind,
            "Accept-Ranges": "bytes",
        }
        if body:
            content = self.home.lies.get(path, content)
        begin, total = 0, len(content)
        said = self.headers.get("Range")
        if said and self.headers.get("If-Range", tag) == tag:
            begin = int(said.removeprefix("bytes=").split("-")[0])
            if begin >= total:
                self._send(416, b"", {})
                return
            headers["Content-Range"] = f"bytes {begin}-{total - 1}/{total}"
        self._send(206 if begin else 200, content[begin:], headers, body=body)

    def _list(self, path: str) -> None:
        repository = "/".join(path.split("/")[2:4])
        files = self.home.repositories.get(repository)
        if files is None:
            self._send(404, b"", {"X-Error-Code": "RepoNotFound"})
            return
        siblings = [{"rfilename": name, "size": len(content)} for name, content in files.items()]
        for one, content in zip(siblings, files.values(), strict=True):
            if not one["rfilename"].endswith((".json", ".txt")):  # large ones are known by their sha256
                sha256 = hashlib.sha256(content).hexdigest()
                one["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 1}
        said = {"id": repository, "sha": COMMIT, "siblings": siblings, "tags": [], "downloads": 0}
        self._send(200, json.dumps(said).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, content: bytes, headers: dict[str, str], *, body: bool = True) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if not body:
            return
        cut = self.home.cuts.pop(0) if self.home.cuts and content and status in (200, 206) else None
        self.wfile.write(content[:cut])
        if cut is not None:
            self.close_connection = True


@pytest.fixture
def home() -> Iterator[Home]:
    """A home of weights, and what it was asked."""
    made = Home()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Answers,), {"home": made}))
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()
