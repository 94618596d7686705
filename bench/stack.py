"""The product as it runs, for one measurement: receiver, database, queue, web and workers as processes."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson
import psycopg

from tests.servers import ValkeyProcess

ROOT = Path(__file__).resolve().parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
START_SECONDS = 120.0
WEB_THREADS = 32


class Stack:
    """`server` is the URL of a PostgreSQL where databases may be made, empty for SQLite."""

    def __init__(self, server: str) -> None:
        self.data = Path(tempfile.mkdtemp(prefix="es-bench-"))
        self._server = server
        self._name = f"bench_{os.getpid()}"
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.receiver = ""

    def __enter__(self) -> Self:
        self._start("receiver", "-m", "bench.receiver", str(self.data / "port"))
        self._wait_for(lambda: (self.data / "port").exists() and bool((self.data / "port").read_text()))
        self.receiver = f"http://127.0.0.1:{(self.data / 'port').read_text()}"
        os.environ.update(self._environment())
        self._valkey = ValkeyProcess(self.data)
        self._valkey.__enter__()
        return self

    def _environment(self) -> dict[str, str]:
        database = ""
        if self._server:
            with psycopg.connect(self._server, autocommit=True) as connection:
                connection.execute(f'CREATE DATABASE "{self._name}"')
            database = self._server.rpartition("/")[0] + "/" + self._name
        return {
            "DATA_DIR": str(self.data),
            "DATABASE_URL": database,
            "REDIS_URL": f"unix://{self.data / 'valkey.sock'}?db=0",
            "DEMO": "true",
            "DEMO_AWS_URL": self.receiver,
            "DEMO_DATADOG_URL": self.receiver,
            "DEMO_AZURE_URL": self.receiver,
            "LOG_LEVEL": "ERROR",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }

    def start_product(self) -> None:
        command = ["-m", "granian", "config.wsgi:application", "--interface", "wsgi", "--no-ws", "--host", "127.0.0.1"]
        command += ["--port", str(self.port), "--workers", "1", "--blocking-threads", str(WEB_THREADS)]
        self._start("web", *command, "--log-level", "error")
        self._start("workers", "manage.py", "workers")
        self._wait_for(self._is_up)

    def _is_up(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _start(self, name: str, *arguments: str) -> None:
        self._children[name] = subprocess.Popen([sys.executable, *arguments], cwd=ROOT)

    def _wait_for(self, is_ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not is_ready():
            if time.monotonic() > deadline:
                raise TimeoutError("The stack did not start.")
            time.sleep(0.05)

    def received(self) -> dict[str, int]:
        with urllib.request.urlopen(f"{self.receiver}/count") as answer:
            counted: dict[str, int] = orjson.loads(answer.read())
        return counted

    def arrivals(self) -> dict[str, float]:
        with urllib.request.urlopen(f"{self.receiver}/arrivals") as answer:
            found: dict[str, float] = orjson.loads(answer.read())
        return found

    def cpu_seconds(self) -> dict[str, float]:
        """User and system time so far of each part, with its children; the database's back ends by its name."""
        parts = {name: _cpu_of_tree(child.pid) for name, child in self._children.items()}
        if self._server:
            parts["postgresql"] = sum(_cpu(pid) for pid in _pids() if self._name in _command(pid))
        return parts

    def worker_rss_mb(self) -> float:
        tree = _tree(self._children["workers"].pid)
        return max((_rss_kb(pid) for pid in tree), default=0) / 1024

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in ("web", "workers", "receiver"):
            if name in self._children:
                self._children[name].terminate()
        for child in self._children.values():
            child.wait(30)
        self._valkey.__exit__(None, None, None)
        if self._server:
            with psycopg.connect(self._server, autocommit=True) as connection:
                connection.execute(f'DROP DATABASE IF EXISTS "{self._name}" WITH (FORCE)')


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _cpu(pid: int) -> float:
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS if fields else 0.0


def _tree(root: int) -> list[int]:
    parents = {pid: int(fields[1]) for pid in _pids() if (fields := _stat(pid))}
    tree = [root]
    for pid in tree:
        tree += [child for child, parent in parents.items() if parent == pid]
    return tree


def _cpu_of_tree(root: int) -> float:
    return sum(_cpu(pid) for pid in _tree(root))


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def _rss_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0)
