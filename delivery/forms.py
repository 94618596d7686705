"""What a person chooses for a replay."""

import re
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from accounts.models import Account
from common.choice import NamedChoice
from common.ids import is_id
from delivery.choosing import choosings
from delivery.replay_scope import MAX_EVENT_IDS, MAX_RATE, Wanted

DEFAULT_RATE = 500
FORMAT = "%Y-%m-%dT%H:%M"


class ReplayForm(forms.Form):
    """Of a subscription to a destination: a time range, or single events by their IDs."""

    subscription = NamedChoice(help_text="Its filter and fields as they are now decide what is sent.")
    destination = NamedChoice(label="To")
    start = forms.DateTimeField(
        label="Accepted from", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=FORMAT)
    )
    end = forms.DateTimeField(
        label="Up to", widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=FORMAT)
    )
    event_ids = forms.CharField(
        label="Event IDs",
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "class": "mono", "spellcheck": "false"}),
        help_text="Only these events, whatever the filter says; one a line.",
    )
    filter = forms.CharField(
        label="Another filter",
        required=False,
        max_length=16_000,
        widget=forms.TextInput(attrs={"class": "mono", "spellcheck": "false", "autocomplete": "off"}),
        help_text="CEL, in place of the subscription's own.",
    )
    events_per_second = forms.IntegerField(
        label="Rate", min_value=1, max_value=MAX_RATE, initial=DEFAULT_RATE, help_text="Records a second, at most."
    )

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.account = account
        for choosing in choosings(account):
            field = self.fields[choosing.noun]
            if isinstance(field, NamedChoice):
                field.choose_from(choosing)
        for name in ("start", "end"):
            self.fields[name].required = False

    def clean_event_ids(self) -> tuple[str, ...]:
        given = tuple(dict.fromkeys(part for part in re.split(r"[\s,]+", self.cleaned_data["event_ids"]) if part))
        wrong = [part for part in given if not is_id(part, "ev")]
        if wrong:
            raise forms.ValidationError(f"{wrong[0][:60]} is not an event ID: ev_ and 27 letters and digits.")
        if len(given) > MAX_EVENT_IDS:
            raise forms.ValidationError(f"{len(given):,} events are named; {MAX_EVENT_IDS:,} is the most.")
        return given

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not cleaned.get("event_ids"):
            for name in ("start", "end"):
                if not cleaned.get(name) and name not in self.errors:
                    self.add_error(name, "Enter a time, or name single events.")
        return cleaned

    def wanted(self) -> Wanted:
        chosen = self.cleaned_data
        start, end = self._whole_time() if chosen["event_ids"] else (chosen["start"], chosen["end"])
        return Wanted(
            subscription=chosen["subscription"],
            destination=chosen["destination"],
            start=start,
            end=end,
            filter=chosen["filter"].strip(),
            event_ids=chosen["event_ids"],
            events_per_second=chosen["events_per_second"],
        )

    def _whole_time(self) -> tuple[datetime, datetime]:
        now = timezone.now()
        return now - timedelta(days=self.account.payload_retention_days), now
