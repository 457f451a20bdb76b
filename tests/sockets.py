"""The sockets that processes listen on."""

from __future__ import annotations

import psutil


def sockets(pids):
    """Return address and port of what these processes listen on."""
    return {
        (socket.laddr.ip, socket.laddr.port)
        for pid in pids
        for socket in psutil.Process(pid).net_connections("inet")
        if socket.status == psutil.CONN_LISTEN
    }


def listening(pids):
    """Return the addresses that these processes listen on."""
    return {address for address, _ in sockets(pids)}


def family(pid=None):
    """Return a process, by default this one, and all that it started and they did."""
    process = psutil.Process(pid)
    return {process.pid, *(one.pid for one in process.children(recursive=True))}
