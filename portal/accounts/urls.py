"""The account pages that allauth has not, and its sign-up, which we catch errors for. Included before allauth's own."""

from django.urls import path

from portal.accounts import views

urlpatterns = [
    path("signup/", views.SignupView.as_view(), name="account_signup"),
    path("email/resend/", views.resend_confirmation, name="confirmation_resend"),
    path("profile/", views.profile_settings, name="profile_settings"),
    path("namespace/", views.namespace_settings, name="namespace_settings"),
    path("tokens/", views.access_tokens, name="access_tokens"),
    path("tokens/new/", views.create_access_token, name="access_token_create"),
    path("tokens/<uuid:public_id>/switch/", views.switch_access_token, name="access_token_switch"),
    path("tokens/<uuid:public_id>/delete/", views.delete_access_token, name="access_token_delete"),
]
