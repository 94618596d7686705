"""What a person types for a destination: its name here, the target's own fields in the target's form."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from destinations.models import Destination
from destinations.targets import Target, TargetForm, all_targets
from destinations.targets._partition_key import OF_ENVELOPE
from events.catalog import catalog


class ExpiryForm(forms.Form):
    """Until when credentials work; empty when nobody knows, or they have no end."""

    expires_on = forms.DateField(
        label="Last day of the credentials",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="We warn 30, 7 and 1 days before. Empty when they have no end.",
    )

    def clean_expires_on(self) -> date | None:
        on: date | None = self.cleaned_data["expires_on"]
        # What is stored may have passed meanwhile; that must not keep a person from saving the rest.
        if on and on < timezone.localdate() and on != self.initial.get("expires_on"):
            raise forms.ValidationError(over_words(on))
        return on


def over_words(on: date) -> str:
    return f"{on.day} {on:%b %Y} is over. Give the last day on which they work."


class DestinationForm(ExpiryForm):
    description = forms.CharField(
        label="Name", max_length=255, help_text="How you will recognise it, such as Checkout traffic to SIEM."
    )
    metadata = forms.CharField(
        label="Metadata",
        max_length=4096,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Anything of your own; kept and returned as it is.",
    )
    refuses_too_old = forms.BooleanField(label="Refuse records that are too old", required=False)

    def __init__(
        self, target: type[Target], data: Mapping[str, Any] | None = None, destination: Destination | None = None
    ) -> None:
        """`data` is what was typed over what is stored of the destination."""
        names = ("description", "metadata", "refuses_too_old")
        stored = {name: getattr(destination, name) for name in names} if destination else {}
        super().__init__(data, initial={**stored, "expires_on": destination and destination.credentials_expire_on})
        if target.oldest is None:
            del self.fields["refuses_too_old"]
            return
        self.fields["refuses_too_old"].help_text = (
            f"{target.label} takes nothing older than {in_words(target.oldest)}. Without this, such a record gets the "
            "time of sending, and keeps its own inside; with it, it becomes a dead letter."
        )

    def values(self, fields: TargetForm) -> dict[str, Any]:
        """What is saved beside the target's own; of what has no credentials, such as a role, nothing ends."""
        given = {name: value for name, value in self.cleaned_data.items() if name != "expires_on"}
        return {**given, "credentials_expire_on": self.cleaned_data["expires_on"] if fields.secrets() else None}


def target_form(target: str, data: object = None, destination: Destination | None = None) -> TargetForm:
    """The form of one kind of target; of an existing destination it knows what is stored."""
    form_class = all_targets()[target].form_class
    stored = {"stored": destination.config, "stored_secrets": destination.secrets} if destination else {}
    form = form_class(data, **stored)
    for name in form_class.event_fields:
        form.fields[name].validators.append(check_event_field)
    return form


def check_event_field(path: str) -> None:
    """Whether any event type has it, with a single value. Raises ValidationError."""
    fields = (event_type.field(path) for event_type in catalog().values())
    if path not in OF_ENVELOPE and not any(field and not field.type.endswith(">") for field in fields):
        raise forms.ValidationError(f"No event type has a field {path}. The catalogue lists them.")


def in_words(age: timedelta) -> str:
    """ "18 hours", "14 days"."""
    return f"{age.days} days" if age >= timedelta(days=2) else f"{age // timedelta(hours=1)} hours"
