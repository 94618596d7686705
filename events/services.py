"""Issuing publisher keys."""

from accounts.models import hash_token, make_token
from events.models import PublisherKey


def issue_token(key: PublisherKey) -> str:
    """Save a new key and return its token, which is not kept."""
    token = make_token()
    key.token_hash = hash_token(token)
    key.save()
    return token
