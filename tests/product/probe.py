"""Looks into the running product's database and emulators from outside, in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class Probe:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def _ask(self, question: str, *arguments: str) -> Any:
        command = [sys.executable, "-m", "tests.product.answers", question, *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=dict(self._environment), capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def arrived(self, target: str) -> dict[str, Any]:
        """Records at a target by event ID and subscription-independent content."""
        return self._ask("arrived")[target]  # type: ignore[no-any-return]

    def arrived_ids(self) -> dict[str, set[str]]:
        return {target: set(records) for target, records in self._ask("arrived").items()}

    def expected_records(self) -> dict[str, dict[str, Any]]:
        """What the subscriptions select of all stored events, computed apart from the product's own engine."""
        return self._ask("expected")  # type: ignore[no-any-return]

    def waiting(self) -> int:
        return int(self._ask("waiting"))

    def failing(self) -> int:
        return int(self._ask("failing"))

    def audit_events(self, object_id: str) -> list[dict[str, Any]]:
        return self._ask("audit_events", object_id)  # type: ignore[no-any-return]

    def configuration_form(self, destination: str) -> dict[str, str]:
        return self._ask("configuration_form", destination)  # type: ignore[no-any-return]
