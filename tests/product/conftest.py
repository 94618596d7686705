"""The whole product as `make run` starts it, with a person who signs in and presses buttons."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from socket import socket

import pytest

from tests.product.visitor import Visitor

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 120
STOP_SECONDS = 60


class Product:
    """`manage.py up` in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.log = directory / "up.log"
        with closing(socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DEMO", "DATABASE", "REDIS"))}
        self.environment = {**kept, "DATA_DIR": str(directory / "var"), "BASE_URL": self.url, "LOG_LEVEL": "INFO"}

    def start(self) -> None:
        before = len(self.output())
        with self.log.open("ab") as log:
            command = [sys.executable, "manage.py", "up", "--port", str(self.port)]
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        wait_until(lambda: "Ctrl-C stops everything" in self.output()[before:], START_SECONDS, self.output)

    def output(self) -> str:
        """All that it has printed, in every run so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    @property
    def password(self) -> str:
        return str(re.findall(r"with\s+([0-9a-f-]{19})", self.output())[-1])

    def manage(self, *arguments: str, code: int = 0) -> str:
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def stop(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)


def wait_until(is_so: object, seconds: float, explain: object = lambda: "") -> None:
    deadline = time.monotonic() + seconds
    while not is_so():  # type: ignore[operator]
        assert time.monotonic() < deadline, explain()  # type: ignore[operator]
        time.sleep(0.2)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    product = Product(tmp_path_factory.mktemp("product"))
    product.start()
    yield product
    if product.process.poll() is None:
        product.stop()


@pytest.fixture(scope="module")
def visitor(product: Product) -> Visitor:
    """The first owner, signed in with a password of their own."""
    visitor = Visitor(product.url)
    visitor.sign_in("owner@example.com", product.password)
    visitor.choose_password("correct horse battery staple")
    return visitor
