"""What a person types for a destination: its name here, the target's own fields in the target's form."""

from datetime import timedelta
from typing import Any

from django import forms

from destinations.models import Destination
from destinations.targets import Target, TargetForm, all_targets


class DestinationForm(forms.Form):
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

    def __init__(self, target: type[Target], data: Any = None, destination: Destination | None = None) -> None:
        names = ("description", "metadata", "refuses_too_old")
        stored = {name: getattr(destination, name) for name in names} if destination else None
        super().__init__(data, initial=stored)
        if target.oldest is None:
            del self.fields["refuses_too_old"]
            return
        self.fields["refuses_too_old"].help_text = (
            f"{target.label} takes nothing older than {in_words(target.oldest)}. Without this, such a record gets the "
            "time of sending, and keeps its own inside; with it, it becomes a dead letter."
        )


def target_form(target: str, data: object = None, destination: Destination | None = None) -> TargetForm:
    """The form of one kind of target; of an existing destination it knows what is stored."""
    form_class = all_targets()[target].form_class
    if destination is None:
        return form_class(data)
    return form_class(data, stored=destination.config, stored_secrets=destination.secrets)


def in_words(age: timedelta) -> str:
    """ "18 hours", "14 days"."""
    return f"{age.days} days" if age >= timedelta(days=2) else f"{age // timedelta(hours=1)} hours"
