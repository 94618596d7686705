"""Selects of up to a thousand options: a template takes ten times as long for them."""

from collections.abc import Iterable
from typing import Any, cast

from django import forms
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

MOST_OPTIONS = 1000


def options_of(choices: Iterable[tuple[Any, str]], chosen: str = "") -> SafeString:
    """As HTML, from (value, label)."""
    rows = ((value, " selected" if str(value) == chosen else "", label) for value, label in choices)
    return format_html_join("", '<option value="{}"{}>{}</option>', rows)


class LongSelect(forms.Select):
    """Takes the place of Django's select of one value without groups."""

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        own = self.build_attrs(self.attrs, {**(attrs or {}), "name": name})
        chosen = next(iter(self.format_value(value)), "")
        return format_html("<select{}>{}</select>", flatatt(own), options_of(cast(Any, self.choices), str(chosen)))
