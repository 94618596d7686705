"""Reading the audit trail: filters, names of who acted, the difference an entry made, and its export."""

import difflib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Account, APIKey, AuditEntry, User

EXPORT_CHUNK = 500
# A list of all who ever acted would read millions of entries.
CHOICES_FROM = 5_000
SYSTEM_NAME = "The system"
NAMES = ("description", "name", "email")
WAYS = {"system": "Command line", "api_key": "API"}


class TrailForm(forms.Form):
    """The filters of the page, from its query string. What is not valid filters nothing and says so."""

    actor = forms.ChoiceField(label="Who", required=False)
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
        actors = names_of(self._choices_of("actor_id", self.data.get("actor")))
        types = sorted(self._choices_of("event_type", self.data.get("action")))
        by_name = sorted(actors.items(), key=lambda item: item[1].lower())
        self.fields["actor"].choices = [("", "Anybody"), *by_name]  # type: ignore[attr-defined]
        self.fields["action"].choices = [("", "Anything"), *((each, words_of(each)) for each in types)]  # type: ignore[attr-defined]

    def _choices_of(self, column: str, asked_for: str | None) -> set[str]:
        """What stands in a column of this account's newest entries, and what is asked for if an older one has it."""
        own = AuditEntry.objects.filter(account=self.account)
        newest = own.order_by("-pk").values("pk")[:CHOICES_FROM]
        found = set(AuditEntry.objects.filter(pk__in=newest).order_by().values_list(column, flat=True).distinct())
        if asked_for and asked_for not in found and own.filter(**{column: asked_for}).exists():
            found.add(asked_for)
        return found

    def entries(self) -> QuerySet[AuditEntry]:
        """Newest first is left to the caller; days are those of the person's time zone."""
        found = AuditEntry.objects.filter(account=self.account)
        wanted = self.cleaned_data if self.is_valid() else {}
        for name, lookup in (("actor", "actor_id"), ("action", "event_type"), ("object", "object_id")):
            if wanted.get(name):
                found = found.filter(**{lookup: wanted[name].strip()})
        if wanted.get("since"):
            found = found.filter(at__gte=_start_of(wanted["since"]))
        if wanted.get("until"):
            found = found.filter(at__lt=_start_of(wanted["until"] + timedelta(days=1)))
        return found


def _start_of(day: Any) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def names_of(actor_ids: Iterable[str]) -> dict[str, str]:
    """The names of people and keys by ID, in two queries; the ID itself for what is gone."""
    ids = set(actor_ids)
    names = {each: SYSTEM_NAME if each == "system" else each for each in ids}
    names |= {user.pk: str(user) for user in User.objects.filter(pk__in=ids)}
    names |= {key.pk: f"API key {key}" for key in APIKey.objects.filter(pk__in=ids)}
    return names


def words_of(event_type: str) -> str:
    """`API key created` for `api_key_created.v0`."""
    words = event_type.partition(".")[0].replace("_", " ").capitalize()
    return words.replace("Api key", "API key").replace("Ip ", "IP ").replace("Tls ", "TLS ").replace("Ssh ", "SSH ")


def name_of_object(entry: AuditEntry) -> str:
    """What the object was called then, empty for what has no name."""
    value = entry.after or entry.before or {}
    return next((str(value[name]) for name in NAMES if value.get(name)), "")


def way_of(entry: AuditEntry) -> str:
    """Dashboard, API or Command line."""
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
