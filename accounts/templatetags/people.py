"""Words about people's sign-in."""

import re

from django import template
from django.conf import settings

register = template.Library()

BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
LONGEST_NAME = 60


@register.filter
def browser_name(user_agent: str) -> str:
    """`Firefox on Linux`; what else there is, by its first word (`curl/8.5.0`)."""
    browser = next((name for mark, name in BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in SYSTEMS if mark in user_agent), "")
    if browser:
        return f"{browser} on {system}" if system else browser
    first = re.split(r"[\s(]", user_agent.strip(), maxsplit=1)[0]
    return first[:LONGEST_NAME] or "Unknown program"


@register.simple_tag
def single_sign_on_name() -> str:
    return str(settings.OIDC_NAME)
