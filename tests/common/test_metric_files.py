"""Processes come and go; their files do not grow in number, and no count falls."""

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

KEY = "PROMETHEUS_MULTIPROC_DIR"
COUNT = """
import os, sys
from common import metrics
metrics.accepted.inc()
{more}
"""
FORK = """
pid = os.fork()
metrics.accepted.inc()
if pid:
    os.waitpid(pid, 0)
"""
WAIT = "print(flush=True); sys.stdin.read()"


def command(more: str = "") -> list[str]:
    return [sys.executable, "-c", COUNT.format(more=more)]


def run(directory: Path, more: str = "") -> None:
    subprocess.run(command(more), env={**os.environ, KEY: str(directory)}, check=True, timeout=30)


def counted(directory: Path) -> float | None:
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(directory))  # type: ignore[no-untyped-call]
    return registry.get_sample_value("event_subscriptions_accepted_events_total")


def files(directory: Path) -> list[str]:
    return sorted(file.name for file in directory.glob("counter_*.db"))


def test_one_process_after_another_uses_the_same_files(tmp_path: Path) -> None:
    for _ in range(3):
        run(tmp_path)

    assert files(tmp_path) == ["counter_1.db"]
    assert counted(tmp_path) == 3


def test_processes_that_live_at_the_same_time_have_files_of_their_own(tmp_path: Path) -> None:
    environ = {**os.environ, KEY: str(tmp_path)}
    with subprocess.Popen(command(WAIT), env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout
        first.stdout.readline()
        run(tmp_path, FORK)
        assert files(tmp_path) == ["counter_1.db", "counter_2.db", "counter_3.db"]
        run(tmp_path)
        first.kill()
    run(tmp_path)

    assert len(files(tmp_path)) == 3
    assert counted(tmp_path) == 6


def test_a_file_that_was_torn_keeps_nobody_from_starting(tmp_path: Path) -> None:
    (tmp_path / "counter_1.db").write_bytes(b"\xff\x00\x00\x00" + b"\xff" * 100)

    run(tmp_path)

    assert counted(tmp_path) == 1
