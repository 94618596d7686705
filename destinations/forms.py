"""What a person types for a destination: its name here, the target's own fields in the target's form."""

from django import forms

from destinations.models import Destination
from destinations.targets import TargetForm, all_targets


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

    @classmethod
    def of(cls, destination: Destination) -> "DestinationForm":
        return cls(initial={"description": destination.description, "metadata": destination.metadata})


def target_form(target: str, data: object = None, destination: Destination | None = None) -> TargetForm:
    """The form of one kind of target; of an existing destination it knows what is stored."""
    form_class = all_targets()[target].form_class
    if destination is None:
        return form_class(data)
    return form_class(data, stored=destination.config, stored_secrets=destination.secrets)
