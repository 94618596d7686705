"""Signing in by the page."""

from django.test import Client

from tests.factories import PASSWORD

NEW_PASSWORD = "a quite different phrase"
CHANGE = "/settings/sign-in/password/"


def sign_in(client: Client, email: str, password: str = PASSWORD, **headers: str) -> None:
    client.post("/sign-in/", {"login": email, "password": password}, **headers)  # type: ignore[arg-type]


def is_signed_in(client: Client) -> bool:
    return client.get("/catalogue/").status_code == 200
