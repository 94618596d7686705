from django.urls import path

from subscriptions import backtest_views, code_views, composer_views, picker_views, revision_views, views

app_name = "subscriptions"

urlpatterns = [
    path("subscriptions/new/", composer_views.create, name="create"),
    path("subscriptions/new/preview/", composer_views.preview, name="preview"),
    path("subscriptions/new/as-code/", code_views.as_code_unsaved, name="as_code_unsaved"),
    path("subscriptions/backtests/<str:pk>/figures/", composer_views.figures, name="figures"),
    path("subscriptions/drafts/<str:pk>/", composer_views.draft, name="draft"),
    path("subscriptions/drafts/<str:pk>/restore/", composer_views.restore, name="restore_draft"),
    path("subscriptions/drafts/<str:pk>/sources/", picker_views.pick_sources, name="pick_sources"),
    path("subscriptions/drafts/<str:pk>/destinations/", picker_views.pick_destinations, name="pick_destinations"),
    path(
        "subscriptions/drafts/<str:pk>/destinations/new/<slug:target>/",
        picker_views.new_destination,
        name="new_destination",
    ),
    path("subscriptions/backtests/<str:pk>/", backtest_views.backtest, name="backtest"),
    path("subscriptions/backtests/<str:pk>/sample/", backtest_views.sample, name="backtest_sample"),
    path(
        "subscriptions/backtests/<str:pk>/samples/<str:event_id>/send_test/",
        backtest_views.send_sample,
        name="send_sample",
    ),
    path("subscriptions/<str:pk>/as-code/", code_views.as_code, name="as_code"),
    path("subscriptions/<str:pk>/edit/", composer_views.edit, name="edit"),
    path("subscriptions/<str:pk>/duplicate/", revision_views.duplicate, name="duplicate"),
    path("subscriptions/<str:pk>/revisions/", revision_views.revisions, name="revisions"),
    path("subscriptions/<str:pk>/revisions/<int:number>/", revision_views.revision, name="revision"),
    path("subscriptions/<str:pk>/revisions/<int:number>/roll_back/", revision_views.roll_back_to, name="roll_back"),
    path("subscriptions/<str:pk>/pause/", views.pause, name="pause"),
    path("subscriptions/<str:pk>/resume/", views.resume, name="resume"),
    path("subscriptions/<str:pk>/switch_off/", views.switch_off, name="switch_off"),
]
