"""Real servers as child processes of the tests."""

import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from dashboard.embedded import answers, valkey_service

PATIENCE_SECONDS = 20


class ValkeyProcess:
    """The embedded queue, as `make run` starts it."""

    def __init__(self, directory: Path) -> None:
        self.socket = directory / "valkey.sock"
        self.url = f"unix://{self.socket}?db=0"

    def __enter__(self) -> Self:
        self.start()
        return self

    def start(self) -> None:
        directory = self.socket.parent
        command = [
            *valkey_service(self.socket).command,
            "--dir",
            str(directory),
            "--logfile",
            f"{directory}/valkey.log",
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not answers(self.url):
            assert time.monotonic() < deadline, "Valkey did not start."
            time.sleep(0.05)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(PATIENCE_SECONDS)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE_SECONDS)
