"""Reading the audit trail: filters, the difference an entry made, and its export."""

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils import timezone

from accounts.actors import Actors, values_of
from accounts.models import Account, AuditEntry
from common.choice import NamedChoice

EXPORT_CHUNK = 500
NAMES = ("description", "name", "email")
WAYS = {"system": "Command line", "api_key": "API"}


class TrailForm(forms.Form):
    """The filters of the page, from its query string. What is not valid filters nothing and says so."""

    actor = NamedChoice(label="Who", required=False)
    action = forms.ChoiceField(label="What", required=False)
    object = forms.CharField(
        label="Object",
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off", "placeholder": "ID"}),
    )
    since = forms.DateField(label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label="To", required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.account = account
        actor = self.fields["actor"]
        if isinstance(actor, NamedChoice):
            actor.choose_from(Actors(account), "Anybody")
        types = sorted(self._types(self.data.get("action")))
        self.fields["action"].choices = [("", "Anything"), *((each, words_of(each)) for each in types)]  # type: ignore[attr-defined]

    def _types(self, asked_for: str | None) -> set[str]:
        """Those of the newest entries, and what is asked for if an older one has it."""
        found = values_of(self.account, "event_type")
        own = AuditEntry.objects.filter(account=self.account)
        if asked_for and asked_for not in found and own.filter(event_type=asked_for).exists():
            found.add(asked_for)
        return found

    def entries(self) -> QuerySet[AuditEntry]:
        """Newest first is left to the caller; days are those of the person's time zone."""
        found = AuditEntry.objects.filter(account=self.account)
        wanted = self.cleaned_data if self.is_valid() else {}
        if wanted.get("actor"):
            found = found.filter(actor_id=wanted["actor"].pk)
        for name, lookup in (("action", "event_type"), ("object", "object_id")):
            if wanted.get(name):
                found = found.filter(**{lookup: wanted[name].strip()})
        if wanted.get("since"):
            found = found.filter(at__gte=_start_of(wanted["since"]))
        if wanted.get("until"):
            found = found.filter(at__lt=_start_of(wanted["until"] + timedelta(days=1)))
        return found


def _start_of(day: Any) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def words_of(event_type: str) -> str:
    """`API key created` for `api_key_created.v0`."""
    words = event_type.partition(".")[0].replace("_", " ").capitalize()
    return words.replace("Api key", "API key").replace("Ip ", "IP ").replace("Tls ", "TLS ").replace("Ssh ", "SSH ")


def name_of_object(entry: AuditEntry) -> str:
    """What the object was called then, empty for what has no name."""
    value = entry.after or entry.before or {}
    return next((str(value[name]) for name in NAMES if value.get(name)), "")


def way_of(entry: AuditEntry) -> str:
    """Dashboard, Administration, API or Command line."""
    return WAYS.get(entry.actor.get("kind", ""), str(entry.actor.get("source", "")))


@dataclass(frozen=True, slots=True)
class Line:
    """A line of before and after together; `kind` is add, del, or empty for what stayed."""

    kind: str
    text: str


def difference(before: Any, after: Any) -> list[Line]:
    old, new = _lines(before), _lines(after)
    kinds = {"+ ": "add", "- ": "del", "  ": ""}
    return [Line(kinds[line[:2]], line[2:]) for line in difflib.ndiff(old, new) if line[:2] in kinds]


def _lines(value: Any) -> list[str]:
    return [] if value is None else json.dumps(value, indent=2, ensure_ascii=False).splitlines()


def export_lines(entries: QuerySet[AuditEntry]) -> Iterator[bytes]:
    """One JSON object a line, oldest first."""
    for entry in entries.order_by("pk").iterator(chunk_size=EXPORT_CHUNK):
        yield json.dumps(entry_resource(entry), ensure_ascii=False).encode() + b"\n"


def entry_resource(entry: AuditEntry) -> dict[str, Any]:
    return {
        "id": entry.pk,
        "at": entry.at.isoformat(),
        "actor": entry.actor,
        "event_type": entry.event_type,
        "object_id": entry.object_id,
        "ip": entry.ip,
        "user_agent": entry.user_agent,
        "before": entry.before,
        "after": entry.after,
    }
