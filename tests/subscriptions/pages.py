"""Asking for pages of subscriptions."""

from django.test import Client
from django.urls import reverse

from subscriptions.models import Subscription

LIST = "/subscriptions/"


def address(name: str, subscription: Subscription) -> str:
    return reverse(f"subscriptions:{name}", args=[subscription.pk])


def html_of(client: Client, page: str) -> str:
    response = client.get(page)
    assert response.status_code == 200
    return response.content.decode()
