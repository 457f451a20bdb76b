"""The sockets that processes listen on."""

from __future__ import annotations

import psutil


def listening(pids):
    """Return the addresses that these processes listen on."""
    return {
        socket.laddr.ip
        for pid in pids
        for socket in psutil.Process(pid).net_connections("inet")
        if socket.status == psutil.CONN_LISTEN
    }
