"""The addresses at the API's own host (API_HOST): the API at the root, and nothing else."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path

from config.api import api

urlpatterns = [path("", api.urls)]


def _plain(status: HTTPStatus) -> Callable[..., HttpResponse]:
    """No page of the dashboard, whose addresses are not here; common.middleware answers in JSON."""

    def handler(request: HttpRequest, exception: Any = None) -> HttpResponse:
        return HttpResponse(status=status)

    return handler


handler400 = _plain(HTTPStatus.BAD_REQUEST)
handler403 = _plain(HTTPStatus.FORBIDDEN)
handler404 = _plain(HTTPStatus.NOT_FOUND)
handler500 = _plain(HTTPStatus.INTERNAL_SERVER_ERROR)
