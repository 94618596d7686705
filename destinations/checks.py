"""System checks: every target has its form template, and demo addresses stay in demo mode."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.template import TemplateDoesNotExist
from django.template.loader import get_template

from destinations.setup.hosted import partition_at
from destinations.targets import all_targets


@register
def targets_have_templates(**_: Any) -> list[CheckMessage]:
    return [
        Error(f"The target {slug} has no template {name}.", id="destinations.E001")
        for slug in all_targets()
        if not _exists(name := f"destinations/targets/{slug}_form.html")
    ]


@register
def emulators_only_in_demo_mode(**_: Any) -> list[CheckMessage]:
    if settings.DEMO:
        return []
    names = ("DEMO_AWS_URL", "DEMO_DATADOG_URL", "DEMO_AZURE_URL")
    return [
        Error(f"{name} is set, but DEMO is not: customers' records would go to an emulator.", id="destinations.E002")
        for name in names
        if getattr(settings, name)
    ]


@register
def templates_lie_in_s3(**_: Any) -> list[CheckMessage]:
    return [
        Error(
            f"CLOUDFORMATION_TEMPLATES_URLS holds {url}, but CloudFormation opens only https addresses of S3.",
            hint="It looks like https://BUCKET.s3.REGION.amazonaws.com/FOLDER.",
            id="destinations.E003",
        )
        for url in settings.CLOUDFORMATION_TEMPLATES_URLS
        if not partition_at(url)
    ]


def _exists(template: str) -> bool:
    try:
        get_template(template)
    except TemplateDoesNotExist:
        return False
    return True
