from django.urls import path

from delivery import (
    choosing_views,
    dead_letter_views,
    destination_views,
    event_views,
    held_views,
    observing,
    replay_views,
    views,
)

app_name = "delivery"

urlpatterns = [
    path("readyz", observing.readyz, name="readyz"),
    path("metrics", observing.prometheus, name="metrics"),
    path("destinations/<str:pk>/", destination_views.destination, name="destination"),
    path("destinations/<str:pk>/deliveries/", views.destination_deliveries, name="destination_deliveries"),
    path(
        "destinations/<str:pk>/dead-letters/",
        dead_letter_views.destination_dead_letters,
        name="destination_dead_letters",
    ),
    path("destinations/<str:pk>/resume/", held_views.resume, name="resume"),
    path("destinations/<str:pk>/discard/", held_views.discard, name="discard"),
    path("destinations/<str:pk>/delete/", held_views.delete, name="delete_destination"),
    path("choices/subscriptions/", choosing_views.choose_subscription, name="choose_subscription"),
    path("choices/destinations/", choosing_views.choose_destination, name="choose_destination"),
    path("deliveries/", views.delivery_list, name="deliveries"),
    path("deliveries/<int:pk>/", views.delivery_detail, name="delivery"),
    path("deliveries/<int:pk>/retry/", views.retry, name="retry"),
    path("deliveries/<int:pk>/retry_alike/", views.retry_alike, name="retry_alike"),
    path("events/", event_views.events, name="events"),
    path("events/<str:event_id>/", event_views.event, name="event"),
    path("replays/", replay_views.replay_list, name="replays"),
    path("replays/new/", replay_views.new_replay, name="new_replay"),
    path("replays/<int:pk>/", replay_views.running_replay, name="running_replay"),
    path("replays/<int:pk>/pause/", replay_views.pause, name="pause_replay"),
    path("replays/<int:pk>/resume/", replay_views.resume, name="resume_replay"),
    path("replays/<int:pk>/cancel/", replay_views.cancel, name="cancel_replay"),
    path("dead-letters/", dead_letter_views.dead_letter_list, name="dead_letters"),
    path("dead-letters/export/", dead_letter_views.export, name="export_dead_letters"),
    path("dead-letters/replay/", dead_letter_views.replay_many, name="replay_dead_letters"),
    path("dead-letters/<int:pk>/", dead_letter_views.dead_letter_detail, name="dead_letter"),
    path("dead-letters/<int:pk>/replay/", dead_letter_views.replay, name="replay"),
]
