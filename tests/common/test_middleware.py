import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.utils import timezone

from common.middleware import local_time_zone


@pytest.mark.parametrize(
    ("cookie", "expected"),
    [
        ("Europe%2FBerlin", "Europe/Berlin"),
        ("Europe/Berlin", "Europe/Berlin"),
        ("", "UTC"),
        ("../../etc/passwd", "UTC"),
        ("Nowhere/Land", "UTC"),
        ("\0", "UTC"),
    ],
)
def test_times_are_shown_in_the_zone_of_the_cookie(cookie: str, expected: str) -> None:
    seen: list[str] = []

    def view(_: HttpRequest) -> HttpResponse:
        seen.append(timezone.get_current_timezone_name())
        return HttpResponse()

    request = HttpRequest()
    request.COOKIES["tz"] = cookie

    local_time_zone(view)(request)

    assert seen == [expected]


def test_every_page_forbids_what_is_not_ours(db: None) -> None:
    policy = Client().get("/sign-in/").headers["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    "address",
    ["/settings/audit/?actor=%00", "/settings/people/%00/remove/", "/destinations/%00/", "/find/?q=a%00b", "/%00"],
)
def test_a_nul_in_an_address_is_nothing(owner_client: Client, address: str) -> None:
    response = owner_client.get(address)

    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()
