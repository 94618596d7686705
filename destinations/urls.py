from django.urls import path

from destinations import code_views, credential_views, trial_views, views
from destinations.setup import views as setup_views

app_name = "destinations"

urlpatterns = [
    path("destinations/", views.destination_list, name="list"),
    path("destinations/new/", views.choose_target, name="choose_target"),
    path("destinations/new/<slug:target>/", views.create, name="create"),
    path("destinations/new/<slug:target>/send_test/", trial_views.send_test_unsaved, name="send_test_unsaved"),
    path("destinations/new/<slug:target>/set-up/", setup_views.set_up_new, name="set_up_new"),
    path("destinations/new/<slug:target>/as-code/", code_views.as_code_unsaved, name="as_code_unsaved"),
    path("destinations/tests/<int:run>/", trial_views.test_run, name="test_run"),
    path("destinations/<str:pk>/as-code/", code_views.as_code, name="as_code"),
    path("destinations/<str:pk>/configuration/", views.configuration, name="configuration"),
    path("destinations/<str:pk>/credentials/", credential_views.credentials, name="credentials"),
    path("destinations/<str:pk>/credentials/expiry/", credential_views.save_expiry, name="save_expiry"),
    path("destinations/<str:pk>/credentials/rotate/", credential_views.rotate, name="rotate"),
    path("destinations/<str:pk>/set-up/", setup_views.set_up, name="set_up"),
    path("destinations/<str:pk>/send_test/", trial_views.send_test, name="send_test"),
    path("destinations/<str:pk>/arrived/", trial_views.arrived, name="arrived"),
    path("destinations/<str:pk>/pause/", views.pause, name="pause"),
    path("destinations/<str:pk>/retry/", views.retry, name="retry"),
]
