"""A PostgreSQL of the tests' own, which may be stopped, killed and cut off, from the binaries of this machine."""

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path
from socket import socket
from types import TracebackType
from typing import Any, Self

import psycopg

from tests.faults.processes import wait_until

INSTALLED = Path("/usr/lib/postgresql")
# PostgreSQL refuses to run as root.
UNPRIVILEGED = "nobody"
STOP_SECONDS = 60.0


def binaries() -> Path | None:
    """Where initdb and postgres lie; None where PostgreSQL is not installed."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    return max((path.parent for path in INSTALLED.glob("*/bin/initdb")), default=None)


class Postgres:
    """A cluster in a directory of its own, at a port of its own."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._directory = Path(tempfile.mkdtemp(prefix="es-pg-"))
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:
            shutil.chown(self._directory, UNPRIVILEGED)
            self._user = {"user": UNPRIVILEGED, "extra_groups": []}
        with closing(socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        self.url = f"postgresql://postgres@127.0.0.1:{self._port}/postgres"

    def __enter__(self) -> Self:
        data = self._directory / "data"
        command = [str(self._programs / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        subprocess.run(
            [*command, "--locale=C", "--no-sync"], check=True, capture_output=True, cwd=self._directory, **self._user
        )
        self.start()
        return self

    def start(self) -> None:
        # What a killed process wrote is in the kernel's hands, so nothing has to reach the disk here.
        options = {
            "listen_addresses": "127.0.0.1",
            "port": self._port,
            "unix_socket_directories": self._directory,
            "fsync": "off",
            "max_connections": 50,
        }
        command = [str(self._programs / "postgres"), "-D", str(self._directory / "data")]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._directory, **self._user)
        wait_until(self._answers, STOP_SECONDS, "PostgreSQL did not start.")

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """Cuts all connections."""
        self._end(signal.SIGINT)

    def restart(self) -> None:
        self.stop()
        self.start()

    def crash(self) -> None:
        """Die without a checkpoint, and recover."""
        self._end(signal.SIGQUIT)
        self.start()

    def _end(self, number: int) -> None:
        self._process.send_signal(number)
        self._process.wait(STOP_SECONDS)

    def cut_connections(self) -> int:
        """End every other connection; returns how many those were."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            ended = connection.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
            return int(ended.fetchone()[0])  # type: ignore[index]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(signal.SIGQUIT)
        shutil.rmtree(self._directory)
