"""What tests run under; a pytest plugin, so that it comes before Django reads its settings.

TEST_DATABASE_URL and TEST_REDIS_URL choose the services; without them SQLite and a Valkey child are used.
"""

import os
import tempfile
from pathlib import Path

DATA_DIR = Path(tempfile.mkdtemp(prefix="es-test-"))
# WhiteNoise warns of a missing one.
(DATA_DIR / "static").mkdir()

os.environ.update(
    {
        "DATA_DIR": str(DATA_DIR),
        "DATABASE_URL": os.environ.get("TEST_DATABASE_URL", ""),
        "REDIS_URL": os.environ.get("TEST_REDIS_URL", f"unix://{DATA_DIR}/valkey.sock?db=0"),
        "DEMO": "false",
        "BASE_URL": "http://127.0.0.1:8000",
        "LOG_LEVEL": "ERROR",
        "DJANGO_ALLOW_ASYNC_UNSAFE": "true",
    }
)
# A developer's own credentials and .env must not reach a test.
for name in [name for name in os.environ if name.startswith(("AWS_", "DEMO_"))]:
    del os.environ[name]
