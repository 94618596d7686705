"""Audit events: the catalogue's example with IDs, people, times and labels of its own."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any

from ksuid import Ksuid

from events.catalog import EventType
from events.simulator.drawing import pick, timestamp
from events.simulator.variants import EXAMPLE_HOST, HOSTS, MACHINES, METADATA, VARIANTS

ID = re.compile(r"\b([a-z]+)_([0-9A-Za-z]{27})\b")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
ACTOR_COUNT = 8
FIRST_JOINED = datetime(2025, 2, 3, tzinfo=UTC)
SHARE_BY_KEY = 0.35
SHARE_OUTDATED_AGENT = 0.1
SHARE_FAILED_PROVISIONING = 0.2


class Disguise:
    """Replaces what identifies the example, the same old value by the same new one throughout an event."""

    def __init__(self, random: Random, moved: timedelta) -> None:
        self._random = random
        self._moved = moved
        self._host = pick(random.random, HOSTS)
        self._ids: dict[str, str] = {}

    def apply(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, list):
            return [self.apply(item) for item in value]
        if isinstance(value, dict):
            return {key: self.apply(item) for key, item in value.items()}
        return value

    def _text(self, text: str) -> str:
        if TIME.fullmatch(text):
            # Every time keeps its distance from the event.
            return (datetime.fromisoformat(text) + self._moved).strftime("%Y-%m-%dT%H:%M:%SZ")
        return ID.sub(self._id, text).replace(EXAMPLE_HOST, self._host)

    def _id(self, match: re.Match[str]) -> str:
        known = match[0]
        if known not in self._ids:
            created = Ksuid.from_base62(match[2]).datetime + self._moved
            is_person = match[1] == "usr"
            self._ids[known] = (
                pick(self._random.random, actors("usr"))
                if is_person
                else f"{match[1]}_{Ksuid(created, self._random.randbytes(Ksuid.PAYLOAD_LENGTH_IN_BYTES))}"
            )
        return self._ids[known]


@cache
def actors(prefix: str) -> tuple[str, ...]:
    """IDs of the users or API keys of the simulated account, the same in every run."""
    random = Random(prefix)  # noqa: S311  nothing secret  # nosec B311
    return tuple(
        f"{prefix}_{Ksuid(FIRST_JOINED + timedelta(days=30 * number), random.randbytes(Ksuid.PAYLOAD_LENGTH_IN_BYTES))}"  # nosec B311
        for number in range(ACTOR_COUNT)
    )


def audit_event(random: Random, event_type: EventType, at: int) -> dict[str, Any]:
    happened = datetime.fromtimestamp(at // 1000, UTC)
    example_at = datetime.fromisoformat(event_type.example_at).replace(microsecond=0)
    disguise = Disguise(random, happened - example_at)
    value = disguise.apply(event_type.example)
    for key, choices in ({"metadata": METADATA} | dict(VARIANTS[event_type.family])).items():
        value[key] = pick(random.random, choices)
    if event_type.family in ADJUSTMENTS:
        ADJUSTMENTS[event_type.family](random, value)
    principal = disguise.apply(event_type.example_principal)
    if principal["source"] == "Dashboard" and random.random() < SHARE_BY_KEY:  # nosec B311
        principal = {"id": pick(random.random, actors("ak")), "kind": "api_key", "source": "API"}
    return {"event_type": event_type.name, "event_timestamp": timestamp(at), "principal": principal, "object": value}


def _keep_one(random: Random, choices: dict[str, Any]) -> None:
    kept = pick(random.random, tuple(choices))
    for name in choices.keys() - {kept}:
        choices[name] = None


def _one_target(random: Random, value: dict[str, Any]) -> None:
    """The example shows all targets and ways to authenticate; a destination has one."""
    _keep_one(random, value["target"])
    for target in filter(None, value["target"].values()):
        if "auth" in target:
            _keep_one(random, target["auth"])


def _session(random: Random, value: dict[str, Any]) -> None:
    value["os"], value["arch"] = pick(random.random, MACHINES)
    value["user_agent"] = f"tunnel-agent/3.21.0 ({value['os']}; {value['arch']})"
    value["ingress_hostname"] = f"connect.{value['region']}.example.net"
    if random.random() >= SHARE_OUTDATED_AGENT:  # nosec B311
        value["deprecated"] = None
    if not value["stopped_at"]:
        value["error"] = ""


def _provisioning(random: Random, value: dict[str, Any]) -> None:
    if random.random() >= SHARE_FAILED_PROVISIONING:  # nosec B311
        value["certificate_management_status"]["provisioning_job"] = None


ADJUSTMENTS: Mapping[str, Callable[[Random, dict[str, Any]], None]] = {
    "Agent sessions": _session,
    "Domains": _provisioning,
    "Event destinations": _one_target,
}
