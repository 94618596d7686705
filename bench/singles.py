"""A publisher of single events that leaves the cores to the product: raw sockets, requests made beforehand.

`python -m bench.singles '{"port": …, "token": …, "seconds": …, "connections": …}'` keeps one request under way on
each connection and prints one JSON object: requests accepted, when it began, its CPU seconds, and how long answers
took.
"""

import json
import resource
import select
import socket
import sys
import time
from typing import Any

from bench.load import make_bodies

DISTINCT_EVENTS = 200
ACCEPTED = b"HTTP/1.1 202"
RECEIVE_BYTES = 65_536


def make_requests(token: str) -> list[bytes]:
    head = (
        "POST /api/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: "
    )
    bodies = make_bodies(events=1, count=DISTINCT_EVENTS)
    return [f"{head}{len(body)}\r\n\r\n".encode() + body for body in bodies]


class Publisher:
    def __init__(self, port: int, token: str, connections: int) -> None:
        self._requests = make_requests(token)
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._sent_at: dict[int, float] = {}
        self._received: dict[int, bytes] = {}
        self._sent = 0
        self.took: list[float] = []
        for _ in range(connections):
            each = socket.create_connection(("127.0.0.1", port))
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets[each.fileno()] = each
            self._poll.register(each.fileno(), select.EPOLLIN)

    def run(self, seconds: float) -> None:
        """Send until the time is over, then wait for the answers under way. Raises RuntimeError when refused."""
        ends_at = time.monotonic() + seconds
        for number in self._sockets:
            self._send(number)
        while self._sent_at:
            for number, _ in self._poll.poll():
                if self._receive(number) and time.monotonic() < ends_at:
                    self._send(number)

    def _send(self, number: int) -> None:
        self._sent_at[number] = time.monotonic()
        self._sockets[number].sendall(self._requests[self._sent % len(self._requests)])
        self._sent += 1

    def _receive(self, number: int) -> bool:
        """Whether the answer is complete: its head and its body come in pieces of their own."""
        answer = self._received.pop(number, b"") + self._sockets[number].recv(RECEIVE_BYTES)
        if not answer.startswith(ACCEPTED):
            raise RuntimeError(repr(answer[:500]))
        if not answer.endswith(b"}"):
            self._received[number] = answer
            return False
        self.took.append(time.monotonic() - self._sent_at.pop(number))
        return True


def main(options: dict[str, Any]) -> None:
    publisher = Publisher(options["port"], options["token"], options["connections"])
    began_at, before = time.time(), _cpu_seconds()
    publisher.run(options["seconds"])
    took = sorted(publisher.took)
    answer = {
        "accepted": len(took),
        "began_at": began_at,
        "cpu_s": _cpu_seconds() - before,
        "p50_ms": 1000 * took[len(took) // 2],
        "p99_ms": 1000 * took[len(took) * 99 // 100],
    }
    sys.stdout.write(json.dumps(answer) + "\n")


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
