from django.urls import path

from dashboard import design_views, notification_views, price_views, settings_views, subscription_views, views

app_name = "dashboard"

urlpatterns = [
    path("", views.overview, name="overview"),
    path("find/", views.find, name="find"),
    path("settings/", settings_views.account_settings, name="settings"),
    path("settings/notifications/", notification_views.notifications, name="notifications"),
    path("settings/prices/", price_views.prices, name="prices"),
    path("settings/prices/<slug:target>/", price_views.price, name="price"),
    path("settings/prices/<slug:target>/forget/", price_views.forget_price, name="forget_price"),
    path("design/", design_views.design, name="design"),
    path("favicon.ico", views.favicon, name="favicon"),
    path("healthz", views.healthz, name="healthz"),
]

# In the namespace of subscriptions (see config/urls.py).
subscription_pages = [
    path("subscriptions/", subscription_views.subscription_list, name="list"),
    path("subscriptions/change/", subscription_views.change_several, name="change_several"),
    path("subscriptions/<str:pk>/", subscription_views.detail, name="detail"),
    path("subscriptions/<str:pk>/delete/", subscription_views.delete, name="delete"),
]
