"""A destination, saved or in a form, as API call, Terraform and YAML."""

from collections.abc import Mapping
from typing import Any

from common.as_code import Secret, Snippet, as_yaml, curl, terraform
from destinations.models import Destination
from destinations.targets import all_targets

UNSAVED = "new-destination"
SETTINGS = ("description", "metadata", "refuses_too_old")
# What the provider's schema does not have.
UNKNOWN_TO_TERRAFORM = {"refuses_too_old", "partition_key"}


def destination_as_code(destination: Destination) -> list[Snippet]:
    return snippets(
        slug=destination.target,
        config=destination.config,
        secrets=destination.secrets,
        settings={name: getattr(destination, name) for name in SETTINGS},
        pk=destination.pk,
        format_=destination.format,
    )


def snippets(
    *,
    slug: str,
    config: Mapping[str, str],
    secrets: Mapping[str, str],
    settings: Mapping[str, Any],
    pk: str = "",
    format_: str = "json",
) -> list[Snippet]:
    """Of `secrets` only the names are used, of `settings` those in SETTINGS.

    With a `pk` it is a change of that destination, else a new one.
    """
    resource = all_targets()[slug].resource(dict(config))
    target = {slug: _plain(resource, set(secrets), pk or UNSAVED)}
    given = {name: settings[name] for name in SETTINGS if name in settings}
    body = {**given, "format": format_, "target": target}
    method, path = ("PATCH", f"/event_destinations/{pk}") if pk else ("POST", "/event_destinations")
    return [
        curl(method, path, body),
        terraform("ngrok_event_destination", given["description"] or slug, _of_provider(body), pk),
        as_yaml("destinations", {"id": pk or UNSAVED, **given, "target": target}),
    ]


def _of_provider(value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _of_provider(item) if isinstance(item, Mapping) else item
        for name, item in value.items()
        if name not in UNKNOWN_TO_TERRAFORM
    }


def _plain(value: Mapping[str, Any], secrets: set[str], owner: str) -> dict[str, Any]:
    """Without what is unset; each secret as its reference, as an exported configuration has it."""
    return {
        name: _plain(item, secrets, owner)
        if isinstance(item, Mapping)
        else Secret(name, f"secret://{owner}/{name}")
        if name in secrets
        else item
        for name, item in value.items()
        if item is not None
    }
