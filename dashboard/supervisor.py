"""Everything on one machine: queue, web, workers and, in demo mode, emulated targets, as children of one process.

Each child runs in a session of its own, so that Ctrl-C reaches only this process, which then stops them
in order: web first (nothing new comes in), then workers (they finish), then what they lean on.
The kernel stops them too when this process is killed.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from common.processes import die_with_parent

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.2
RESTART_SECONDS = 2.0


@dataclass(slots=True)
class Service:
    """One child: how it is started, how long it may take to stop, and whether it should be up right now.

    A quiet one keeps its standard output to itself; errors still show.
    """

    name: str
    command: Sequence[str]
    stop_seconds: float
    is_wanted: Callable[[], bool] = lambda: True
    is_quiet: bool = False
    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0

    def start(self) -> None:
        self.started_at = time.monotonic()
        # No threads run in this process, so a function between fork and exec is safe.
        self.process = subprocess.Popen(  # noqa: S603  # nosec B603
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if self.is_quiet else None,
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509
        )

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(self.stop_seconds)
        except subprocess.TimeoutExpired:
            log.warning("service_killed", service=self.name)
            self.process.kill()
            self.process.wait()
        self.process = None

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    def __init__(self) -> None:
        self.services: list[Service] = []
        self.is_stopping = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    def _on_signal(self, *_: object) -> None:
        # Only a flag: Ctrl-C may come twice, and at any line.
        self.is_stopping = True

    def start(self, service: Service) -> None:
        self.services.append(service)
        if service.is_wanted():
            service.start()

    def wait_for(self, what: str, is_ready: Callable[[], bool], seconds: float) -> bool:
        """Poll until ready; False when it was stopped meanwhile. Raises TimeoutError, naming what did not come."""
        deadline = time.monotonic() + seconds
        while not self.is_stopping:
            if is_ready():
                return True
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} did not start within {seconds:.0f} s; its messages stand above.")
            time.sleep(POLL_SECONDS)
        return False

    def watch(self) -> None:
        """Keep every wanted service up until a signal comes."""
        while not self.is_stopping:
            for service in self.services:
                self._tend(service)
            time.sleep(POLL_SECONDS)

    def _tend(self, service: Service) -> None:
        if not service.is_wanted():
            if service.process is not None:
                log.info("service_stopped", service=service.name)
                service.stop()
            return
        if service.is_running or time.monotonic() - service.started_at < RESTART_SECONDS:
            return
        if service.process is not None:
            log.warning("service_restarted", service=service.name, code=service.process.returncode)
        service.start()

    def stop(self) -> None:
        """In the reverse order of starting."""
        for service in reversed(self.services):
            service.stop()


def python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


def manage(*arguments: str) -> list[str]:
    return python(str(Path(__file__).resolve().parent.parent / "manage.py"), *arguments)
