"""Is this the address of an S3 server? Asked before the client, which would not refuse it but break."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from .errors import BadPlace

_HOST = re.compile(r"[\w.-]+")
_PATH = re.compile(r"[\w./~-]*")


def check_endpoint(url: object, named: str) -> None:
    """Refuse what is not http(s)://HOST[:PORT].

    Parameters
    ----------
    url
        What was given.
    named
        What it was given as, for the message.

    Raises
    ------
    BadPlace
        If no server can have this address; the message holds no user name and no password.
    """
    if isinstance(url, str) and "@" in url:
        raise BadPlace(
            f"{named} holds a user name; give http(s)://HOST[:PORT], and credentials as AWS's tools do"
        )
    if not isinstance(url, str) or not _is_server(url):
        raise BadPlace(f"{named} {url!r} is no server's address; expected http://HOST[:PORT] or https://...")


def _is_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:  # an odd port, half a bracket
        return False
    if url != url.strip() or parts.query or parts.fragment or not _PATH.fullmatch(parts.path):
        return False
    return parts.scheme in ("http", "https") and host is not None and _is_host(host)


def _is_host(host: str) -> bool:
    """Tell whether this is a name, or a number that is an address."""
    if ":" in host or host.rpartition(".")[2].isdigit():
        try:
            ip_address(host)
        except ValueError:
            return False
        return True
    return _HOST.fullmatch(host) is not None and all(
        0 < len(label) < 64 for label in host.rstrip(".").split(".")
    )
