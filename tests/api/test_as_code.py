"""What the dashboard shows as code does what it says: the shell's call, Terraform's text, the document."""

import json
import os
import re
import subprocess
from html import unescape
from typing import Any

import pytest
import yaml
from django.test import Client
from django.urls import reverse

from accounts.models import Account
from common.as_code import Snippet
from destinations.as_code import destination_as_code
from destinations.models import Destination
from subscriptions.as_code import subscription_as_code
from subscriptions.models import Subscription
from subscriptions.services import SourceSpec
from tests.api.calling import TARGETS, Api
from tests.factories import AUDIT, HTTP, make_destination, make_subscription

pytestmark = pytest.mark.django_db

# Whatever a shell, Terraform or YAML could take for something else.
NASTY = '"It\'s" $HOME `id` $(id) ${var.x} %{if} \\n: # yes\nBODY — é'
SECRET_NAMES = ("api_key", "aws_secret_access_key", "client_secret")


def by_slug(snippets: list[Snippet]) -> dict[str, str]:
    return {snippet.slug: snippet.text for snippet in snippets}


def run_curl(text: str, api: Api, **environment: str) -> Any:
    """The call as a shell makes it, with curl replaced by a function that tells what it was given."""
    told = 'curl() { printf "%s\\n" "$@"; printf "\\0"; cat; }\n'
    environment = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "NGROK_API_KEY": api.token, **environment}
    done = subprocess.run(["bash", "-c", told + text], capture_output=True, text=True, check=True, env=environment)
    arguments, _, body = done.stdout.partition("\0")
    assert f"Authorization: Bearer {api.token}" in arguments
    method, url = arguments.split("\n")[2:4]
    return api.call(method, url.partition("/api")[2], body)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: next(iter(target)))
def test_the_call_of_a_destination_changes_it_to_what_it_is(api: Api, target: dict[str, Any]) -> None:
    made = api.destination(target, format="JSON", description=NASTY, metadata=NASTY)
    destination = Destination.objects.get()
    text = by_slug(destination_as_code(destination))["curl"]

    in_terraform = by_slug(destination_as_code(destination))["terraform"]
    assert not {"refuses_too_old", "partition_key"} & set(in_terraform.split())
    assert run_curl(text, api).json() == made
    again = Destination.objects.get()
    assert (again.secrets, again.revision) == (destination.secrets, 1)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: next(iter(target)))
def test_the_document_of_a_destination_plans_no_change(api: Api, target: dict[str, Any]) -> None:
    api.destination(target, description=NASTY, metadata=NASTY)
    text = by_slug(destination_as_code(Destination.objects.get()))["yaml"]

    assert api.post("/event_configuration/plan", yaml.safe_load(text)).json() == {"changes": []}
    assert not [value for value in Destination.objects.get().secrets.values() if value in text]


def test_a_subscription_is_the_same_in_every_language(api: Api, account: Account) -> None:
    filter_ = 'ev.conn.server_name == "a$b`c`"'
    sources = [SourceSpec(HTTP, filter_, ["conn.server_name"]), SourceSpec(AUDIT)]
    subscription = make_subscription(account, make_destination(account), sources=sources, description=NASTY)
    texts = by_slug(subscription_as_code(subscription))

    assert run_curl(texts["curl"], api).status_code == 200
    assert api.post("/event_configuration/plan", yaml.safe_load(texts["yaml"])).json() == {"changes": []}
    assert Subscription.objects.get().revision == 1
    assert f"filter = {json.dumps(filter_)}" in texts["terraform"]
    assert 'fields = ["conn.server_name"]' in texts["terraform"]
    assert texts["terraform"].count("  sources {") == 2


def test_terraform_imports_what_exists_and_takes_secrets_from_variables(account: Account) -> None:
    destination = make_destination(account, description="Prod ${x} SIEM")
    text = by_slug(destination_as_code(destination))["terraform"]

    assert f'  to = ngrok_event_destination.prod_x_siem\n  id = "{destination.pk}"' in text
    assert 'description = "Prod $${x} SIEM"' in text
    assert "      api_key = var.api_key" in text
    assert re.search(r'variable "api_key" \{\n  type      = string\n  sensitive = true\n\}', text)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: next(iter(target)))
def test_no_language_holds_a_secret(api: Api, target: dict[str, Any]) -> None:
    api.destination(target)
    destination = Destination.objects.get()

    for text in by_slug(destination_as_code(destination)).values():
        assert not [value for value in destination.secrets.values() if value in text]
        for name in destination.secrets:
            assert name in SECRET_NAMES
            assert name in text.lower()


def shown(page: Any) -> dict[str, str]:
    assert page.status_code == 200, page.content.decode()
    found = re.findall(r'id="(\w+)-text"[^>]*>(.*?)</pre>', page.content.decode(), re.DOTALL)
    return {slug: unescape(text) for slug, text in found}


def test_the_form_of_a_new_destination_is_shown_as_code_and_makes_it(owner_client: Client, api: Api) -> None:
    key = "abcdef0123456789abcdef0123456789"
    form = {"description": "There", "target-site": "datadoghq.eu", "target-service": "edge", "target-api_key": key}
    page = owner_client.post(reverse("destinations:as_code_unsaved", args=["datadog"]), form)
    texts = shown(page)

    assert key not in page.content.decode()
    assert not Destination.objects.exists()
    made = run_curl(texts["curl"], api, API_KEY=key)
    assert made.status_code == 201
    assert Destination.objects.get().secrets == {"api_key": key}
    document = {**yaml.safe_load(texts["yaml"]), "secrets": {"secret://new-destination/api_key": key}}
    assert [each["action"] for each in api.post("/event_configuration/plan", document).json()["changes"]] == ["create"]


def test_the_form_of_a_saved_destination_is_shown_with_what_was_typed(owner_client: Client, account: Account) -> None:
    destination = make_destination(account)
    form = {
        "description": "Here",
        "target-site": "datadoghq.eu",
        "target-service": "new",
        "destination": destination.pk,
    }

    texts = shown(owner_client.post(reverse("destinations:as_code_unsaved", args=["datadog"]), form))

    assert f"-X PATCH 'http://127.0.0.1:8000/api/event_destinations/{destination.pk}'" in texts["curl"]
    assert '"service": "new"' in texts["curl"]
    assert Destination.objects.get().config["service"] == "edge"


def test_a_form_with_faults_says_what_to_mend(owner_client: Client) -> None:
    destination = owner_client.post(reverse("destinations:as_code_unsaved", args=["datadog"]), {"description": ""})
    subscription = owner_client.post(reverse("subscriptions:as_code_unsaved"), {"description": ""})

    for page in (destination, subscription):
        assert page.status_code == 422
        assert "before this can be written as code" in page.content.decode()


def test_the_composer_is_shown_as_code_and_makes_the_subscription(
    owner_client: Client, api: Api, account: Account
) -> None:
    slug = HTTP.replace(".", "_")
    form = {
        "description": "Requests",
        "source": HTTP,
        f"{slug}-mode": "cel",
        f"{slug}-text": "ev.conn.server_port == 443",
        f"{slug}-fields": ["conn.server_name", "conn.server_port"],
        "destination": make_destination(account).pk,
    }
    texts = shown(owner_client.post(reverse("subscriptions:as_code_unsaved"), form))

    assert not Subscription.objects.exists()
    assert run_curl(texts["curl"], api).status_code == 201
    source = Subscription.objects.get().sources.get()
    assert (source.filter, source.fields) == ("ev.conn.server_port == 443", ["conn.server_name", "conn.server_port"])


def test_pages_and_forms_lead_to_their_code(owner_client: Client, viewer_client: Client, account: Account) -> None:
    destination = make_destination(account)
    subscription = make_subscription(account, destination)
    places = {
        reverse("delivery:destination", args=[destination.pk]): reverse("destinations:as_code", args=[destination.pk]),
        reverse("subscriptions:detail", args=[subscription.pk]): reverse(
            "subscriptions:as_code", args=[subscription.pk]
        ),
    }
    forms = {
        reverse("destinations:create", args=["datadog"]): reverse("destinations:as_code_unsaved", args=["datadog"]),
        reverse("destinations:configuration", args=[destination.pk]): reverse(
            "destinations:as_code_unsaved", args=["datadog"]
        ),
        reverse("subscriptions:create"): reverse("subscriptions:as_code_unsaved"),
        reverse("subscriptions:edit", args=[subscription.pk]): reverse("subscriptions:as_code_unsaved"),
    }

    for page, address in places.items():
        for client in (owner_client, viewer_client):
            assert f'href="{address}"' in client.get(page).content.decode()
            assert set(shown(client.get(address))) == {"curl", "terraform", "yaml"}
    for page, address in forms.items():
        assert f'formaction="{address}"' in owner_client.get(page).content.decode()
