"""Choosing one of many in a form: a select while there are few, else a text field with suggestions from the server.

What can be chosen is known by an object with `find`, `show` and `suggest`: delivery/choosing.py has subscriptions and
destinations, accounts/actors.py has people and keys.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django import forms
from django.forms.utils import flatatt
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

FEW = 50
SUGGESTED = 20
# A name and what may be added to it, such as an ID.
LONGEST = 300


class NotChosenError(Exception):
    """The text stands for no object, or for more than one; the message is a sentence for the person who typed it."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    value: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """What components/_choice.html shows: a select of `options`, or else a text field with `suggestions`."""

    name: str
    address: str
    value: str
    empty: str
    options: SafeString | None
    suggestions: Sequence[Suggestion]


class Chooser(Protocol):
    def find(self, text: str) -> Any:
        """The object that an ID or a suggestion stands for, None for an empty text; raises NotChosenError."""

    def show(self, name: str, chosen: str = "", *, empty: str = "Choose one") -> Shown:
        """For a field of this name; `chosen` is an ID or what was typed."""


class ChoiceInput(forms.TextInput):
    """A select, or a text field with suggestions."""

    chooser: Chooser
    empty = "Choose one"

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        own = self.build_attrs(self.attrs, attrs)
        shown = self.chooser.show(name, value or "", empty=self.empty)
        context = {"choice": shown, "id": own.pop("id", name), "attrs": flatatt(own)}
        return render_to_string("components/_choice.html", context)


class NamedChoice(forms.CharField):
    """Takes an ID or a name; `cleaned_data` has the object. A page that shows it again holds its ID."""

    widget = ChoiceInput
    found: Any = None

    def choose_from(self, chooser: Chooser, empty: str = ChoiceInput.empty) -> None:
        self.chooser = self.widget.chooser = chooser
        self.widget.empty = empty

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            self.found = self.chooser.find(text)
        except NotChosenError as refused:
            raise forms.ValidationError(str(refused)) from refused
        return self.found

    def prepare_value(self, value: Any) -> Any:
        return self.found.pk if self.found else value


def cleaned(text: str) -> str:
    """As a text field holds it: on one line, without spaces around it; nor what a database refuses."""
    return re.sub(r"[\r\n\0]", "", text).strip()[:LONGEST]
