"""The product's processes, which may be killed at any moment: web and workers, and publishers that go on meanwhile."""

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from socket import socket
from types import TracebackType
from typing import Any, Self

from django.conf import settings

# On a machine that is busy with other things.
START_SECONDS = 300.0
STOP_SECONDS = 60.0
REQUEST_SECONDS = 60.0
CHILDREN_LOG = "children.log"

MANAGE = "import sys; from django.core.management import execute_from_command_line; execute_from_command_line(sys.argv)"
# time-machine replaces the clock within the process that imports it, and so in the workers that it forks.
SKEWED = "import time_machine; time_machine.travel(__import__('time').time() + {seconds}, tick=True).start(); "


def wait_until(is_so: Callable[[], bool], seconds: float, problem: str) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, problem
        time.sleep(0.1)


class Process:
    """One child with its own children; `kill` is kill -9 of all of them, as when a host loses its power."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._command = [sys.executable, *command]
        self._environment = {**os.environ, **environment}
        self.start()

    def start(self) -> None:
        with Path(self._environment["DATA_DIR"], CHILDREN_LOG).open("ab") as log:
            command, directory = self._command, settings.BASE_DIR
            self._process = subprocess.Popen(command, cwd=directory, env=self._environment, stdout=log, stderr=log)
        wait_until(self.is_up, START_SECONDS, f"{self._command} did not start.")

    def is_up(self) -> bool:
        assert self._process.poll() is None, "It ended while it started."
        return bool(self.children())

    def children(self) -> list[int]:
        path = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return [int(pid) for pid in path.read_text().split()] if path.exists() else []

    def pids(self) -> list[int]:
        return [self._process.pid, *self.children()]

    def kill(self) -> None:
        for pid in self.pids():
            _kill(pid)
        self._process.wait(STOP_SECONDS)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(STOP_SECONDS)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


class Workers(Process):
    """`manage.py workers`; with a `skew` their clock is that many seconds ahead of everybody else's."""

    def __init__(self, environment: Mapping[str, str], skew: float = 0.0) -> None:
        code = (SKEWED.format(seconds=skew) if skew else "") + MANAGE
        super().__init__(["-c", code, "workers"], {**environment, "DJANGO_SETTINGS_MODULE": "config.settings"})

    def kill_one(self, draw: random.Random) -> bool:
        """One of the workers; the parent starts another."""
        children = self.children()
        if children:
            _kill(draw.choice(children))
        return bool(children)


class Web(Process):
    """The web process at a port of its own."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        with closing(socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        command = ["-m", "granian", "config.wsgi:application", "--interface", "wsgi", "--no-ws", "--log-level", "error"]
        command += ["--host", "127.0.0.1", "--port", str(self.port), "--workers", "1", "--blocking-threads", "8"]
        super().__init__(command, environment)

    def is_up(self) -> bool:
        if not super().is_up():
            return False
        try:
            return self.request("GET", "/healthz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=REQUEST_SECONDS)) as connection:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, answer.read()


class Publishers:
    """Threads that publish over HTTP until the block ends, whatever happens meanwhile.

    `acknowledged` has the ID of every event that was answered with 202; `refused` counts requests that were not.
    Requests with a single event and with several take turns, since they are stored in different ways.
    """

    def __init__(
        self, web: Web, token: str, event: Mapping[str, Any], *, threads: int = 2, pause: float = 0.05
    ) -> None:
        self._web, self._event, self._pause = web, json.dumps(event).encode(), pause
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"}
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(threads)]
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self.acknowledged: list[str] = []
        self.refused: list[int] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def publish(self, events: int) -> int:
        """One request; its status, or 0 when there was no answer."""
        body = b"\n".join([self._event] * events)
        try:
            status, answer = self._web.request("POST", "/api/events", body, self._headers)
        except (OSError, http.client.HTTPException):
            status, answer = 0, b""
        with self._lock:
            if status == 202:
                self.acknowledged += json.loads(answer)["event_ids"]
            else:
                self.refused.append(status)
        return status

    def _run(self, number: int) -> None:
        while not self._stopped.is_set():
            self.publish(1 if number % 2 else 20)
            number += 1
            self._stopped.wait(self._pause)
