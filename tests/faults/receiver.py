"""A receiver that misbehaves on purpose: Datadog and Kinesis at one address, told apart by the key of the request."""

import base64
import gzip
import json
import random
import re
import socket
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

AWS_KEY = re.compile(r"Credential=(\w+)/")
REFUSALS = ("ProvisionedThroughputExceededException", "InternalFailure")
HANG_SECONDS = 60.0


class Receiver(ThreadingHTTPServer):
    """Answers as `behave` says for the key of the request, and counts what it took by key and event ID.

    `take` is the healthy answer. For the others see the methods of `_Handler`.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.behave: Callable[[str], str] = lambda _: "take"
        self.taken: dict[str, Counter[str]] = defaultdict(Counter)
        self.first_at: dict[str, dict[str, float]] = defaultdict(dict)
        # How often each key was answered in each way.
        self.answered: dict[str, Counter[str]] = defaultdict(Counter)
        self._lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def event_ids(self) -> set[str]:
        return {event_id for taken in self.taken.values() for event_id in taken}

    def take(self, key: str, ids: list[str]) -> None:
        now = time.time()
        with self._lock:
            self.taken[key].update(ids)
            for event_id in ids:
                self.first_at[key].setdefault(event_id, now)

    def note(self, key: str, how: str) -> None:
        with self._lock:
            self.answered[key][how] += 1

    def close(self) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Broken connections are what this is about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_GET(self) -> None:
        """Datadog's check of a key."""
        self._answer(200, b'{"valid": true}')

    def do_POST(self) -> None:
        self._is_aws = "X-Amz-Target" in self.headers
        found = AWS_KEY.search(self.headers.get("Authorization", ""))
        self._key = found[1] if found else self.headers["DD-API-KEY"]
        how = self.server.behave(self._key)
        self.server.note(self._key, how)
        if how == "close_mid_body":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._ids = _kinesis_ids(body) if self._is_aws else _datadog_ids(body)
        getattr(self, f"_{how}")()

    def _take(self) -> None:
        self.server.take(self._key, self._ids)
        self._answer(*self._success())

    def _throttle(self) -> None:
        self._answer(429, Retry_After="1")

    def _fail(self) -> None:
        self._answer(500, b"<html>oh no</html>")

    def _garbage(self) -> None:
        """A captive portal."""
        self._answer(200, b"<html>Please sign in</html>")

    def _forbid(self) -> None:
        self._answer(403, b'{"errors": [{"status": "403", "title": "Forbidden"}]}')

    def _half_answer(self) -> None:
        """It took them, and broke down while it said so."""
        self.server.take(self._key, self._ids)
        status, body = self._success()
        self._answer(status, body[: len(body) // 2], promised=len(body))
        self.connection.shutdown(socket.SHUT_RDWR)

    def _hang_up(self) -> None:
        """It took them, but nobody hears of it."""
        self.server.take(self._key, self._ids)
        self.connection.shutdown(socket.SHUT_RDWR)

    def _hang(self) -> None:
        time.sleep(HANG_SECONDS)

    def _slow(self) -> None:
        time.sleep(0.3)
        self._take()

    def _refuse_some(self) -> None:
        """A 200 that names the records that it did not take."""
        is_taken = [random.random() < 0.5 for _ in self._ids]
        self.server.take(self._key, [event_id for event_id, taken in zip(self._ids, is_taken, strict=True) if taken])
        self._answer(200, _kinesis_answer(is_taken))

    def _success(self) -> tuple[int, bytes]:
        return (200, _kinesis_answer([True] * len(self._ids))) if self._is_aws else (202, b"{}")

    def _answer(self, status: int, body: bytes = b"{}", promised: int | None = None, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("x-amzn-RequestId", "a-request")
        self.send_header("Content-Length", str(promised or len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


def _datadog_ids(body: bytes) -> list[str]:
    return [entry["event"]["event_id"] for entry in json.loads(gzip.decompress(body))]


def _kinesis_ids(body: bytes) -> list[str]:
    return [json.loads(base64.b64decode(entry["Data"]))["event_id"] for entry in json.loads(body)["Records"]]


def _kinesis_answer(is_taken: list[bool]) -> bytes:
    results = [
        {"ShardId": "shardId-000000000000", "SequenceNumber": "1"}
        if taken
        else {"ErrorCode": random.choice(REFUSALS), "ErrorMessage": "Not now."}
        for taken in is_taken
    ]
    return json.dumps({"FailedRecordCount": is_taken.count(False), "Records": results}).encode()
