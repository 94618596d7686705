"""Where composing begins."""

from tests.factories import HTTP

NEW = f"/subscriptions/new/?type={HTTP}"
SLUG = "http_request_complete_v0"
