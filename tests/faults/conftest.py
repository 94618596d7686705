"""Workers as processes of their own, which may be killed, and a receiver that misbehaves on purpose."""

import gzip
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection
from pytest_django.fixtures import Settings
from redis import Redis

from common import wake
from delivery.models import Delivery
from destinations.models import Destination
from events.models import EventBatch

LEASE_SECONDS = 3
START_SECONDS = 60


class Receiver(ThreadingHTTPServer):
    """A Datadog that answers as `behave` says, given the API key of the request; it counts what it took by event ID."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.lock = threading.Lock()
        self.taken: Counter[str] = Counter()
        self.taken_by: dict[str, list[float]] = {}
        self.behave: Callable[[str], str] = lambda _: "take"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def take(self, key: str, body: bytes) -> None:
        ids = [entry["event"]["event_id"] for entry in json.loads(gzip.decompress(body))]
        with self.lock:
            self.taken.update(ids)
            self.taken_by.setdefault(key, []).extend([time.time()] * len(ids))

    def handle_error(self, request: object, client_address: object) -> None:
        """Broken connections are what this is about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        key = self.headers["DD-API-KEY"]
        getattr(self, f"_{self.server.behave(key)}")(key, body)

    def _answer(self, status: int, body: bytes = b"{}", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _take(self, key: str, body: bytes) -> None:
        self.server.take(key, body)
        self._answer(202)

    def _throttle(self, key: str, body: bytes) -> None:
        self._answer(429, Retry_After="1")

    def _fail(self, key: str, body: bytes) -> None:
        self._answer(500, b"<html>oh no</html>")

    def _garbage(self, key: str, body: bytes) -> None:
        self._answer(200, b"<html>a captive portal</html>")

    def _hang_up(self, key: str, body: bytes) -> None:
        """It took them, but nobody hears of it."""
        self.server.take(key, body)
        self.connection.shutdown(socket.SHUT_RDWR)

    def _hang(self, key: str, body: bytes) -> None:
        time.sleep(60)

    def log_message(self, *_: object) -> None:
        """Quiet."""


class Workers:
    """`manage.py workers` on the database and queue of this test."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = {**os.environ, **environment}
        self.start()

    def start(self) -> None:
        command = [sys.executable, "manage.py", "workers"]
        self._process = subprocess.Popen(command, cwd=django_settings.BASE_DIR, env=self._environment)
        deadline = time.monotonic() + START_SECONDS
        while not self.children():
            assert time.monotonic() < deadline, "The workers did not start."
            time.sleep(0.1)

    def children(self) -> list[int]:
        path = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return [int(pid) for pid in path.read_text().split()] if path.exists() else []

    def kill_one(self, draw: random.Random) -> bool:
        children = self.children()
        if children:
            os.kill(draw.choice(children), signal.SIGKILL)
        return bool(children)

    def kill_all(self) -> None:
        """The whole host dies."""
        for pid in [self._process.pid, *self.children()]:
            os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(40)


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    server = Receiver()
    settings.DEMO, settings.DEMO_DATADOG_URL = True, server.url
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def workers(
    transactional_db: None, redis: "Redis", queue_server: str, receiver: Receiver, settings: Settings
) -> Iterator[Workers]:
    settings.REDIS_URL = queue_server
    wake.connection.cache_clear()
    wake._silent_until = 0.0
    running = Workers(
        {
            "DATABASE_URL": _database_url(),
            "REDIS_URL": queue_server,
            "DATA_DIR": str(settings.DATA_DIR),
            "ENCRYPTION_KEYS": ",".join(settings.ENCRYPTION_KEYS),
            "SECRET_KEY": settings.SECRET_KEY,
            "DEMO": "true",
            "DEMO_DATADOG_URL": receiver.url,
            "DEMO_AWS_URL": receiver.url,
            "DEMO_AZURE_URL": receiver.url,
            "LEASE_SECONDS": str(LEASE_SECONDS),
            "LOG_LEVEL": "ERROR",
        }
    )
    yield running
    running.stop()
    wake.connection.cache_clear()


def _database_url() -> str:
    given = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite://{given['NAME']}"
    password = f":{given['PASSWORD']}" if given["PASSWORD"] else ""
    return f"postgresql://{given['USER']}{password}@{given['HOST']}:{given['PORT']}/{given['NAME']}"


def wait_until_settled(seconds: float) -> None:
    """Until nothing waits; the backoff of destinations is ended meanwhile, so that nobody sits it out."""
    deadline = time.monotonic() + seconds
    while EventBatch.objects.filter(routed_at=None).exists() or Delivery.objects.waiting().exists():
        assert time.monotonic() < deadline, "Something still waits."
        Destination.objects.exclude(retry_at=None).update(retry_at=None)
        time.sleep(0.5)
