"""Icons of Heroicons. A builtin library: no template has to load it.

The package's own tags copy, change and write an XML tree for each use, of which a page has a hundred; here each icon is
written once.
"""

from functools import lru_cache

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from heroicons.templatetags import heroicons

register = template.Library()
# More than there are icons and sizes in our templates.
KEPT = 512


@register.simple_tag
@lru_cache(KEPT)
def heroicon_micro(name: str, size: int | None = 16, **attrs: str) -> SafeString:
    return SafeString(heroicons.heroicon_micro(name, size=size, **attrs))  # nosec B703 - made of our own files


@register.simple_tag
@lru_cache(KEPT)
def heroicon_mini(name: str) -> SafeString:
    return SafeString(heroicons.heroicon_mini(name))  # nosec B703


@register.simple_tag
@lru_cache(KEPT)
def heroicon_outline(name: str) -> SafeString:
    return SafeString(heroicons.heroicon_outline(name))  # nosec B703


@register.simple_tag
@lru_cache(KEPT)
def icon_symbol(name: str) -> SafeString:
    """A micro icon to be used many times in the page: put it into the block `symbols`, then use `icon`."""
    svg = heroicon_micro(name, size=None, id=f"i-{name}")
    return mark_safe(svg.replace("<svg", "<symbol").replace("</svg>", "</symbol>"))  # noqa: S308  # nosec B308, B703


@register.simple_tag
@lru_cache(KEPT)
def icon(name: str) -> SafeString:
    """A use of `icon_symbol`: 60 bytes instead of 600."""
    return format_html('<svg width="16" height="16" aria-hidden="true"><use href="#i-{}"/></svg>', name)
