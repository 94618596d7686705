"""allauth's views under our addresses; only those that the product uses. Nobody signs up by themselves."""

from allauth.account import views as allauth_views
from allauth.socialaccount.providers.openid_connect import views as openid_views
from django.urls import include, path, re_path

from accounts import audit_views, invitation_views, people_views, security_views, views

key_urls = [
    path("", views.api_keys, name="api_keys"),
    path("<str:key_id>/revoke/", views.revoke, name="revoke_api_key"),
]

people = [
    path("", people_views.people, name="people"),
    path("roles/", people_views.roles, name="roles"),
    path("<str:user_id>/role/", people_views.change_member, name="change_member"),
    path("<str:user_id>/remove/", people_views.remove, name="remove_member"),
    path("invitations/<str:invitation_id>/resend/", people_views.resend_invitation, name="resend_invitation"),
    path("invitations/<str:invitation_id>/revoke/", people_views.revoke_invitation, name="revoke_invitation"),
]

own_sign_in = [
    path("", security_views.sign_in_security, name="sign_in_security"),
    # allauth's name for the same page.
    path("", security_views.sign_in_security, name="mfa_index"),
    path("password/", security_views.change_password, name="change_password"),
    path("sessions/end/", security_views.end_sessions, name="end_sessions"),
    path("two-factor/", security_views.switch_on_two_factor, name="mfa_activate_totp"),
    path("two-factor/switch-off/", security_views.switch_off_two_factor, name="mfa_deactivate_totp"),
    path("recovery-codes/", security_views.recovery_codes, name="mfa_view_recovery_codes"),
    path("recovery-codes/new/", security_views.new_recovery_codes, name="mfa_generate_recovery_codes"),
    path("recovery-codes/download/", security_views.download_recovery_codes, name="mfa_download_recovery_codes"),
]

audit = [
    path("", audit_views.audit_trail, name="audit_trail"),
    path("actors/", audit_views.audit_actors, name="audit_actors"),
    path("export/", audit_views.export_audit_trail, name="export_audit_trail"),
    path("<int:pk>/", audit_views.audit_entry, name="audit_entry"),
]

urlpatterns = [
    path("sign-in/", views.sign_in, name="account_login"),
    path("sign-in/code/", security_views.code, name="mfa_authenticate"),
    path("sign-in/again/", security_views.password_again, name="account_reauthenticate"),
    path("sign-in/again/code/", security_views.code_again, name="mfa_reauthenticate"),
    re_path(r"^sign-in/(?P<provider_id>sso)/login/$", openid_views.login, name="openid_connect_login"),
    re_path(r"^sign-in/(?P<provider_id>sso)/login/callback/$", openid_views.callback, name="openid_connect_callback"),
    path("invitations/<str:token>/", invitation_views.invitation, name="invitation"),
    path("account/new/", people_views.new_account, name="new_account"),
    path("sign-out/", views.sign_out, name="account_logout"),
    path("account/choose-password/", views.choose_password, name="choose_password"),
    path("account/choose/", views.choose_account, name="choose_account"),
    path("account/theme/", views.set_theme, name="set_theme"),
    path("account/inactive/", allauth_views.account_inactive, name="account_inactive"),
    path("account/password/reset/", views.forgotten_password, name="account_reset_password"),
    path("account/password/reset/done/", allauth_views.password_reset_done, name="account_reset_password_done"),
    # allauth's own pattern has no place for the underscore of our IDs.
    re_path(
        r"^account/password/reset/key/(?P<uidb36>\w+)-(?P<key>.+)/$",
        views.new_password,
        name="account_reset_password_from_key",
    ),
    path(
        "account/password/reset/key/done/",
        allauth_views.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    path("settings/account/", people_views.edit_account, name="edit_account"),
    path("settings/people/", include(people)),
    path("settings/sign-in/", include(own_sign_in)),
    path("settings/audit/", include(audit)),
    path("settings/api-keys/", include((key_urls, "accounts"))),
]
