"""Where a scheduler is reached."""

from __future__ import annotations

from urllib.parse import urlsplit


def split_address(address: str) -> tuple[str, str, int]:
    """Return scheme, host and port of a scheduler's address, or raise `ValueError` saying what is missing."""
    try:
        parts = urlsplit(address)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        scheme, host, port = "", None, None
    if scheme not in ("tcp", "tls") or not host or not port:
        raise ValueError(f"{address!r} is no scheduler address; expected tcp://HOST:PORT or tls://HOST:PORT")
    return scheme, host, port
