"""Connections that all targets of a process share: one TLS context, a few connections to a host, and an end for every
exchange, whatever the other side does.

A TLS context holds some 140 authorities: 0.6 MB and 10 ms for each destination that had its own. And a time-out of a
socket is for one operation, so that who sends a byte now and then outlasts it for ever, and a host with eight addresses
takes it eight times: sockets here look at the end of the whole exchange before each operation.
"""

import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.ssl_ import create_urllib3_context

# Connections stay open to so many hosts; a worker sends one request at a time, a web process a few.
HOSTS = 200
PER_HOST = 4
# Where nobody says how long connecting may take.
CONNECT_SECONDS = 5.0


class _Ends(threading.local):
    at: float | None = None


_ends = _Ends()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """What this thread sends and receives inside is over after so long. Its operations raise TimeoutError then."""
    before, _ends.at = _ends.at, time.monotonic() + seconds
    try:
        yield
    finally:
        _ends.at = before


def seconds_left(most: float) -> float:
    """Raises TimeoutError when none are."""
    if _ends.at is None:
        return most
    left = _ends.at - time.monotonic()
    if left <= 0:
        raise TimeoutError("The exchange took too long.")
    return min(most, left)


def _limit(sock: socket.socket) -> None:
    usual = sock.gettimeout()
    if usual is not None and (left := seconds_left(usual)) < usual:
        sock.settimeout(left)


class _Socket(socket.socket):
    def recv_into(self, *given: Any, **named: Any) -> int:
        _limit(self)
        return super().recv_into(*given, **named)

    def sendall(self, *given: Any, **named: Any) -> None:
        _limit(self)
        super().sendall(*given, **named)


class _TlsSocket(ssl.SSLSocket):
    def recv_into(self, *given: Any, **named: Any) -> int:
        _limit(self)
        return super().recv_into(*given, **named)

    def send(self, *given: Any, **named: Any) -> int:
        # sendall goes by this, 16 kB at a time.
        _limit(self)
        return super().send(*given, **named)

    def do_handshake(self, *given: Any, **named: Any) -> None:
        _limit(self)
        super().do_handshake(*given, **named)


def open_socket(connection: HTTPConnection, host: str) -> socket.socket:
    """Connected to the first address of `host` that answers; all of them share the time. Raises urllib3's errors."""
    given = connection.timeout
    try:
        seconds = seconds_left(given if isinstance(given, int | float) else CONNECT_SECONDS)
        found = socket.getaddrinfo(host, connection.port, type=socket.SOCK_STREAM)
        return _connected(found, time.monotonic() + seconds, connection.socket_options or ())
    except socket.gaierror as error:
        raise NameResolutionError(connection.host, connection, error) from error
    except TimeoutError as error:
        raise ConnectTimeoutError(connection, f"Connection to {connection.host} timed out.") from error
    except OSError as error:
        raise NewConnectionError(connection, f"Failed to establish a new connection: {error}") from error


def _connected(found: Sequence[Any], ends_at: float, options: Sequence[Any]) -> socket.socket:
    failed: OSError = OSError("The name has no address.")
    for position, (family, kind, protocol, _, address) in enumerate(found):
        sock = _Socket(family, kind, protocol)
        try:
            for option in (*options, (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)):
                sock.setsockopt(*option)
            # One that is silent leaves its share to the others.
            sock.settimeout(max(ends_at - time.monotonic(), 0.001) / (len(found) - position))
            sock.connect(address)
        except OSError as error:
            sock.close()
            failed = error
        else:
            sock.settimeout(max(ends_at - time.monotonic(), 0.001))
            return sock
    raise failed


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return open_socket(self, self._dns_host)


class _TlsConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return open_socket(self, self._dns_host)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class SharedPools(urllib3.PoolManager):
    """Nothing is repeated, and TLS is checked against `authorities`, a file; those of this machine when empty."""

    def __init__(self, authorities: str = "") -> None:
        context = create_urllib3_context()
        context.sslsocket_class = _TlsSocket
        if authorities:
            context.load_verify_locations(authorities)
        else:
            context.load_default_certs()
        super().__init__(HOSTS, retries=False, maxsize=PER_HOST, ssl_context=context)
        self.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


@lru_cache(maxsize=4)
def shared_pools(authorities: str = "") -> SharedPools:
    """For addresses that are ours or a vendor's; see _guard for those that a customer gives."""
    return SharedPools(authorities)


# A connection serves one process.
os.register_at_fork(after_in_child=shared_pools.cache_clear)
