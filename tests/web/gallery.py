"""The page of all components, at /-/gallery: for the browser tests, and to look at while drawing."""

import datetime
from pathlib import Path

from django import forms
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import path
from django.utils import timezone

from portal.urls import handler429, urlpatterns as real

__all__ = ["handler429", "urlpatterns"]


class GalleryForm(forms.Form):
    name = forms.CharField(help_text="Lower-case letters, digits and separators.")
    description = forms.CharField(required=False, max_length=100)
    secret = forms.CharField(widget=forms.PasswordInput)
    visibility = forms.ChoiceField(
        widget=forms.RadioSelect,
        choices=[("private", "Private\nOnly you and the people you add."), ("public", "Public\nEverybody.")],
    )
    level = forms.ChoiceField(choices=[("a", "Read-only"), ("b", "Read and write")])
    mails = forms.BooleanField(label="Send me a mail", required=False, help_text="At most one a day.")
    notes = forms.CharField(widget=forms.Textarea, required=False)


def gallery(request: HttpRequest) -> HttpResponse:
    form = GalleryForm({"name": "My..App", "visibility": "private", "secret": "x", "level": "a"})
    form.add_error("name", "Use lower-case letters only.")
    context = {
        "form": form,
        "moment": timezone.now() - datetime.timedelta(minutes=3),
        "crumbs": [{"label": "alice", "url": "/alice"}, {"label": "myfirstapp", "url": "/a/b"}, {"label": "Tags"}],
        "tabs": [
            {"label": "Overview", "url": "/a", "icon": "book-open"},
            {"label": "Tags", "url": "/b", "icon": "tag", "active": True, "count": 12},
            {"label": "Webhooks", "url": "/c", "icon": "webhook"},
            {"label": "Settings", "url": "/e", "icon": "settings"},
        ],
        "names": ["alice/myfirstapp", "acme/payments/api", "bob/nginx"],
        "tags": [
            {"name": "latest", "digest": "sha256:" + "0123" * 16, "platform": "linux/amd64", "size": 48120345},
            {
                "name": "0.0.1",
                "digest": "sha256:" + "fedc" * 16,
                "platform": "linux/amd64, linux/arm64",
                "size": 2811969,
            },
        ],
    }
    source = Path(__file__).with_suffix(".html").read_text()
    return HttpResponse(engines["django"].from_string(source).render(context, request))


urlpatterns = [path("-/gallery", gallery), *real]
