"""A destination, saved or in a form, as API call, Terraform and YAML."""

from collections.abc import Mapping
from typing import Any

from common.as_code import Secret, Snippet, as_yaml, curl, terraform
from destinations.models import Destination
from destinations.targets import all_targets

UNSAVED = "new-destination"


def destination_as_code(destination: Destination) -> list[Snippet]:
    return snippets(
        slug=destination.target,
        config=destination.config,
        secrets=destination.secrets,
        texts={"description": destination.description, "metadata": destination.metadata},
        pk=destination.pk,
        format_=destination.format,
    )


def snippets(
    *,
    slug: str,
    config: Mapping[str, str],
    secrets: Mapping[str, str],
    texts: Mapping[str, str],
    pk: str = "",
    format_: str = "json",
) -> list[Snippet]:
    """Of `secrets` only the names are used. With a `pk` it is a change of that destination, else a new one."""
    resource = all_targets()[slug].resource(dict(config))
    target = {slug: _plain(resource, set(secrets), pk or UNSAVED)}
    body = {**texts, "format": format_, "target": target}
    method, path = ("PATCH", f"/event_destinations/{pk}") if pk else ("POST", "/event_destinations")
    return [
        curl(method, path, body),
        terraform("ngrok_event_destination", texts["description"] or slug, body, pk),
        as_yaml("destinations", {"id": pk or UNSAVED, **texts, "target": target}),
    ]


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
