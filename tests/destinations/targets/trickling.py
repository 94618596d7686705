"""A server that sends a byte now and then, for as long as anybody reads."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PAUSE_SECONDS = 0.05
LONGEST_SECONDS = 10.0


@contextmanager
def trickling(beginning: bytes) -> Iterator[str]:
    """Its address. It sends `beginning` at once and then an endless header."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_serve, args=(listening, beginning), daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def _serve(listening: socket.socket, beginning: bytes) -> None:
    with suppress(OSError):
        while True:
            connected, _ = listening.accept()
            threading.Thread(target=_trickle, args=(connected, beginning), daemon=True).start()


def _trickle(connected: socket.socket, beginning: bytes) -> None:
    ends_at = time.monotonic() + LONGEST_SECONDS
    with suppress(OSError), connected:
        connected.sendall(beginning)
        while time.monotonic() < ends_at:
            connected.sendall(b"x")
            time.sleep(PAUSE_SECONDS)
