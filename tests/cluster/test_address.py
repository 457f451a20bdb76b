"""A scheduler that is not there, or is none: what is said of it. One that is there: `test_scheduler_file`."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from threading import Thread

import pytest

from cluster import Address, ClusterConfigError, ClusterNotStarted, connect


@contextmanager
def listening(says=b""):
    """Somebody who listens and says something that no scheduler says; yields the address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        callers = []

        def serve():
            while True:
                try:
                    caller, _ = server.accept()
                    callers.append(caller)
                    caller.sendall(says)
                except OSError:
                    return

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)
        for caller in callers:
            caller.close()


def asked(address, **options):
    connect(Address(address=address, options={"timeout": 0.3, **options})).__enter__()


def test_where_nobody_listens_that_is_said():
    with pytest.raises(ClusterNotStarted, match=r"within 0\.3 s \(Connection refused\); see that it runs"):
        asked("tcp://127.0.0.1:1")


def test_who_listens_and_is_silent_is_given_up():
    with (
        listening() as address,
        pytest.raises(ClusterNotStarted, match="who listens there does not answer as a scheduler"),
    ):
        asked(address)


def test_who_speaks_of_something_else_is_no_scheduler():
    with (
        listening(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n") as address,
        pytest.raises(ClusterNotStarted, match="is no dask scheduler, or one of another version"),
    ):
        asked(address, timeout="10s")


def test_who_listens_for_the_encrypted_needs_keys():
    with (
        listening() as address,
        pytest.raises(
            ClusterConfigError, match=r"no keys to connect with; name them in \[cluster\.options\]"
        ),
    ):
        asked(address.replace("tcp", "tls"))


@pytest.mark.parametrize(
    ("address", "options", "said"),
    [
        ("tls://127.0.0.1:1", {"security": {"tls_ca": "x"}}, r"security can't be used .*tls_ca_file"),
        (
            "tls://127.0.0.1:1",
            {"security": dict.fromkeys(("tls_ca_file", "tls_client_cert", "tls_client_key"), "/absent")},
            r"security can't be used .*No such file",
        ),
        (
            "tcp://127.0.0.1:1",
            {"timeout": "fast"},
            "options of 'address': timeout = 'fast'; expected seconds",
        ),
        ("tcp://127.0.0.1:1", {"timeout": -1}, "timeout = -1; expected seconds"),
    ],
)
def test_options_that_can_not_be_used_are_told(address, options, said):
    with pytest.raises(ClusterConfigError, match=said):
        asked(address, **options)
