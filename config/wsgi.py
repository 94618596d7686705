"""The WSGI application that granian serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

django = get_wsgi_application()

from common.processes import settle_memory  # noqa: E402 - Django has to be set up before
from events.quick_way import QuickWay  # noqa: E402

application = QuickWay(django)

settle_memory()
