"""Revisions: what changed from one to another, and going back to an earlier one."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from accounts.audit import Actor
from destinations.models import Destination
from subscriptions.models import Revision, Subscription
from subscriptions.services import SourceSpec, update_subscription

Snapshot = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a difference: `kind` is add, del or empty for one that is in both."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """What changed under one name, as lines."""

    label: str
    lines: Sequence[Line]


def changes_between(before: Snapshot, after: Snapshot, places: Mapping[str, str]) -> list[Change]:
    """In the order of the composer; `places` are the names of destinations by ID."""
    found = [
        *_plain("Description", before, after, "description"),
        *_plain("Metadata", before, after, "metadata"),
        *_plain("State", before, after, "state"),
    ]
    old, new = ({source["type"]: source for source in each["sources"]} for each in (before, after))
    found += _lists("Sources", list(old), list(new))
    for name in new:
        if name in old:
            found += _changed(f"Filter of {name}", old[name]["filter"], new[name]["filter"], "every event")
            found += _lists(f"Fields of {name}", _fields(old[name]), _fields(new[name]))
        elif new[name]["filter"]:
            found += _changed(f"Filter of {name}", "", new[name]["filter"], "")
    names = [[places.get(pk, pk) for pk in each["destinations"]] for each in (before, after)]
    return [*found, *_lists("Destinations", *names)]


def _fields(source: Mapping[str, Any]) -> list[str]:
    return ["all fields"] if source["fields"] is None else list(source["fields"])


def _plain(label: str, before: Snapshot, after: Snapshot, name: str) -> Iterator[Change]:
    yield from _changed(label, before[name], after[name], "")


def _changed(label: str, before: str, after: str, nothing: str) -> Iterator[Change]:
    if before != after:
        old, new = ((text or nothing).splitlines() for text in (before, after))
        yield Change(label, [line for line in map(_line, difflib.ndiff(old, new)) if line])


def _line(text: str) -> Line | None:
    kind = {"+ ": "add", "- ": "del", "  ": ""}.get(text[:2])
    return None if kind is None else Line(kind, text[2:])


def _lists(label: str, before: Sequence[str], after: Sequence[str]) -> Iterator[Change]:
    gone = [Line("del", each) for each in before if each not in after]
    come = [Line("add", each) for each in after if each not in before]
    if gone or come:
        yield Change(label, [*gone, *come])


@transaction.atomic
def roll_back(*, subscription: Subscription, revision: Revision, actor: Actor) -> Subscription:
    """Take over an earlier revision as a new one; the state stays, and destinations that are gone are left out.

    Raises ValidationError when it could not be saved today, such as a filter on a field that is not filterable now.
    """
    kept = revision.snapshot
    places = Destination.objects.existing().filter(account=subscription.account, pk__in=kept["destinations"])
    return update_subscription(
        subscription=subscription,
        actor=actor,
        description=kept["description"],
        metadata=kept["metadata"],
        sources=[SourceSpec(source["type"], source["filter"], source["fields"]) for source in kept["sources"]],
        destinations=list(places),
    )
