"""Every address of the product; each room lists its own."""

from django.contrib import admin
from django.urls import include, path

from config.api import api
from dashboard.urls import subscription_pages
from subscriptions.urls import urlpatterns as composing_pages

urlpatterns = [
    path("", include("accounts.urls")),
    path("", include("events.urls")),
    path("", include("destinations.urls")),
    # The pages that show what was carried for a subscription belong to a higher room, but to the same namespace.
    path("", include(([*composing_pages, *subscription_pages], "subscriptions"))),
    path("", include("delivery.urls")),
    path("", include("dashboard.urls")),
    path("admin/", admin.site.urls),
    path("api/", api.urls),
]
