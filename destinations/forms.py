"""What a person types for a destination: its name here, the target's own fields in the target's form."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django import forms
from django.utils import timezone

from destinations.models import Destination
from destinations.targets import TargetForm, all_targets


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

    @classmethod
    def of(cls, destination: Destination, data: Mapping[str, Any] | None = None) -> "DestinationForm":
        """What is stored, with `data` typed over it."""
        stored = {
            "description": destination.description,
            "metadata": destination.metadata,
            "expires_on": destination.credentials_expire_on,
        }
        return cls(data, initial=stored)

    def values(self, fields: TargetForm) -> dict[str, Any]:
        """What is saved beside the target's own; of what has no credentials, such as a role, nothing ends."""
        ends = self.cleaned_data["expires_on"] if fields.secrets() else None
        return {
            "description": self.cleaned_data["description"],
            "metadata": self.cleaned_data["metadata"],
            "credentials_expire_on": ends,
        }


def target_form(target: str, data: object = None, destination: Destination | None = None) -> TargetForm:
    """The form of one kind of target; of an existing destination it knows what is stored."""
    form_class = all_targets()[target].form_class
    if destination is None:
        return form_class(data)
    return form_class(data, stored=destination.config, stored_secrets=destination.secrets)
