"""Components that stand in the rows of tables. A builtin library: no template has to load it.

A template takes ten times as long to include another one as to run a tag, and a table has hundreds of these. The
templates of the same name in templates/components/ describe them.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Protocol

from django import template
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString

from common.templatetags.icons import heroicon_micro, icon
from common.templatetags.words import short_id

register = template.Library()
# Of pills there are few kinds, of chips about as many as event types.
KEPT = 1024


@register.simple_tag
@lru_cache(KEPT)
def pill(tone: str, icon_name: str, word: str, *, shared: bool = False) -> SafeString:
    drawn = icon(icon_name) if shared else heroicon_micro(icon_name)
    return format_html('<span class="pill {}">{}{}</span>', escape(tone), drawn, escape(word))


@register.simple_tag
@lru_cache(KEPT)
def chip(text: str) -> SafeString:
    """One that leads nowhere."""
    return format_html('<span class="chip" title="{0}"><span>{0}</span></span>', escape(text))


@register.simple_tag
def copied_id(value: str, *, full: bool = False) -> SafeString:
    short = short_id(value)
    return format_html(
        '<span class="id"><code title="{0}">{1}</code>'
        '<button type="button" class="copy needs-js" data-copy-text="{0}" aria-label="Copy {2}">{3}</button></span>',
        value,
        value if full else short,
        short,
        icon("clipboard-document"),
    )


class Bars(Protocol):
    """All bars of a kind as one SVG path."""

    @property
    def kind(self) -> str: ...
    @property
    def path(self) -> str: ...


@register.simple_tag
def sparkline(bars: Iterable[Bars]) -> SafeString:
    paths = format_html_join("", '<path class="m-{}" d="{}"/>', ((each.kind, each.path) for each in bars))
    return format_html(
        '<svg class="spark" viewBox="0 0 112 24" width="112" height="24" aria-hidden="true">{}</svg>', paths
    )
