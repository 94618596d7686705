"""Children that are started, restarted, stopped in order, and never left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from dashboard.management.commands.up import _use_port
from dashboard.supervisor import Service, Supervisor

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
PATIENCE_SECONDS = 10


def eventually(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def supervisor() -> Supervisor:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    made = Supervisor()
    for number, handler in handlers.items():
        signal.signal(number, handler)
    return made


def test_a_service_that_is_not_wanted_is_stopped_and_comes_back(supervisor: Supervisor, tmp_path: Path) -> None:
    off = tmp_path / "off"
    service = Service("sleeper", SLEEPER, stop_seconds=5, is_wanted=lambda: not off.exists())
    supervisor.start(service)
    assert service.is_running

    off.touch()
    supervisor._tend(service)
    assert service.process is None
    off.unlink()
    service.started_at = 0.0
    supervisor._tend(service)

    eventually(lambda: service.is_running)
    supervisor.stop()
    eventually(lambda: not service.is_running)


def test_a_service_that_ended_is_started_again_but_not_in_a_rush(supervisor: Supervisor) -> None:
    service = Service("short", [sys.executable, "-c", ""], stop_seconds=5)
    supervisor.start(service)
    eventually(lambda: not service.is_running)
    first = service.process

    supervisor._tend(service)
    assert service.process is first, "It has only just been started."
    service.started_at = 0.0
    supervisor._tend(service)

    assert service.process is not first
    supervisor.stop()


def test_a_stubborn_service_is_killed(supervisor: Supervisor) -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    service = Service("stubborn", [sys.executable, "-c", code], stop_seconds=0.3)
    supervisor.start(service)
    time.sleep(0.5)
    process = service.process
    assert process is not None

    supervisor.stop()

    assert process.returncode == -signal.SIGKILL


def test_what_does_not_start_in_time_is_named(supervisor: Supervisor) -> None:
    with pytest.raises(TimeoutError, match="The queue did not start"):
        supervisor.wait_for("The queue", lambda: False, 0.1)


def test_children_die_with_a_killed_parent(tmp_path: Path) -> None:
    code = (
        "import sys, time; from dashboard.supervisor import Service;"
        f"s = Service('sleeper', {SLEEPER!r}, 5); s.start(); print(s.process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())

    parent.kill()
    parent.wait()
    parent.stdout.close()

    eventually(lambda: not _is_alive(child))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # An orphan that nobody has collected yet is dead all the same.
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.parametrize(
    ("given", "address"), [("", "http://127.0.0.1:8530"), ("https://e.example", "https://e.example")]
)
def test_the_sample_is_made_with_the_address_that_is_served(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, given: str, address: str
) -> None:
    settings.BASE_URL, settings.API_URL = given or "http://127.0.0.1:8000", f"{given or 'http://127.0.0.1:8000'}/api"
    monkeypatch.setenv("BASE_URL", given)

    _use_port(8530)

    assert (settings.BASE_URL, settings.API_URL, os.environ["BASE_URL"]) == (address, f"{address}/api", address)
