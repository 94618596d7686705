"""The page of components."""

from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import User

COMPONENTS = Path(settings.BASE_DIR) / "templates/components"
# Of every page, or empty without messages.
ELSEWHERE = {
    "_bar",
    "_failures",
    "_field_error",
    "_head",
    "_mark",
    "_messages",
    "_nav_links",
    "_person_menu",
    "_suggested",
}


def test_it_is_for_staff_and_for_demonstrations(owner_client: Client, owner: User, settings: Settings) -> None:
    assert owner_client.get("/design/").status_code == 404

    settings.DEMO = True
    assert owner_client.get("/design/").status_code == 200
    settings.DEMO = False
    User.objects.filter(pk=owner.pk).update(is_staff=True)
    assert owner_client.get("/design/").status_code == 200


@pytest.mark.parametrize("name", sorted({path.stem for path in COMPONENTS.glob("_*.html")} - ELSEWHERE))
def test_it_shows_every_component(owner_client: Client, settings: Settings, name: str) -> None:
    settings.DEMO = True

    response = owner_client.get("/design/")

    assert f"components/{name}.html" in {template.name for template in response.templates}


def test_the_chart_has_its_states(owner_client: Client, settings: Settings) -> None:
    settings.DEMO = True

    assert "<table" in owner_client.get("/design/?as=table").content.decode()
    assert "No records in the last 24 hours." in owner_client.get("/design/?chart=empty").content.decode()
