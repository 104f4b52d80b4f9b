from django import forms
from django.utils.translation import gettext_lazy as _

from repositories.webhooks.rules import NAME_MAX


class WebhookForm(forms.Form):
    """The action checks the URL: what it may name depends on the operator's settings."""

    name = forms.CharField(
        label=_("Name"),
        max_length=NAME_MAX,
        help_text=_("What it is for, such as “deploy to staging”."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    url = forms.CharField(
        label=_("URL"),
        max_length=2_000,
        help_text=_("We send a POST with JSON to it after each push of a tag, in Docker Hub's format."),
        widget=forms.URLInput(attrs={"autocomplete": "off", "placeholder": "https://ci.example.org/hooks/…"}),
    )
