"""The WSGI application that granian serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

django = get_wsgi_application()

from events.quick_way import SingleEvents  # noqa: E402 - Django has to be set up before

application = SingleEvents(django)
