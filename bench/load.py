"""Publishers: threads that send requests over connections they keep."""

import http.client
import threading
import time
from collections.abc import Callable, Sequence
from itertools import islice

import orjson

from events.simulator import generate

HTTP = "http_request_complete.v0"
REQUEST_EVENTS = 1000
DISTINCT_REQUESTS = 20
# Two clauses that somewhat more than half of the simulated traffic passes.
FILTER = 'ev.conn.server_port == 443 && ev.conn.server_name.endsWith(".acme.app")'
FIELDS = [
    "conn.client_ip",
    "conn.server_ip",
    "conn.server_name",
    "conn.server_port",
    "conn.start_ts",
    "http.request.body_length",
    "http.request.method",
    "http.request.url.path",
    "http.request.user_agent",
    "http.response.body_length",
    "http.response.status_code",
    "tls.version",
]


def make_bodies(events: int = REQUEST_EVENTS, count: int = DISTINCT_REQUESTS) -> list[bytes]:
    drawn = generate(seed=1, types=[HTTP])
    return [b"\n".join(map(orjson.dumps, islice(drawn, events))) for _ in range(count)]


class Publishers:
    """`token` publishes `bodies` in turn at `url`; `sent` has the moment and the event IDs of each answer."""

    def __init__(self, port: int, token: str, bodies: Sequence[bytes], threads: int) -> None:
        self._port, self._bodies, self._threads = port, bodies, threads
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
        self._lock = threading.Lock()
        self.accepted = 0
        self.sent: list[tuple[float, str]] = []

    def run(self, seconds: float, *, interval: float = 0.0) -> None:
        """Send until the time is over, each thread at most once in `interval`. Raises RuntimeError when refused."""
        ends_at = time.monotonic() + seconds
        errors: list[Exception] = []
        work: Callable[[int], None] = lambda number: self._publish(number, ends_at, interval, errors)  # noqa: E731
        threads = [threading.Thread(target=work, args=(number,)) for number in range(self._threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]

    def _publish(self, number: int, ends_at: float, interval: float, errors: list[Exception]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            while time.monotonic() < ends_at:
                started, at = time.monotonic(), time.time()
                connection.request("POST", "/api/events", self._bodies[number % len(self._bodies)], self._headers)
                answer = connection.getresponse()
                body = answer.read()
                if answer.status != 202:
                    errors.append(RuntimeError(f"{answer.status}: {body[:300]!r}"))
                    return
                receipt = orjson.loads(body)
                with self._lock:
                    self.accepted += receipt["accepted"]
                    self.sent.append((at, receipt["event_ids"][0]))
                number += 1
                if interval:
                    time.sleep(max(0.0, interval - (time.monotonic() - started)))
        except Exception as error:  # noqa: BLE001 - it is raised where the threads are awaited
            errors.append(error)
        finally:
            connection.close()
