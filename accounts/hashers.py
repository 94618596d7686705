"""How passwords are hashed."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2idHasher(Argon2PasswordHasher):
    """Argon2id at 19 MiB, two passes, one lane.

    Django's own figures take 100 MiB and eight threads for each sign-in, which a handful of guessers at once
    could use to fill a host. Source: the OWASP Password Storage Cheat Sheet (cheatsheetseries.owasp.org).
    """

    time_cost = 2
    memory_cost = 19_456
    parallelism = 1
