from django.urls import path

from events import views

app_name = "events"

urlpatterns = [
    path("catalogue/", views.catalogue, name="catalogue"),
    path("catalogue/filters/", views.filter_reference, name="filter_reference"),
    path("catalogue/<str:name>/", views.event_type, name="event_type"),
]
