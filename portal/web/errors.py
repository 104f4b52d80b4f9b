"""Answers to errors that no view caught and Django has no default for."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views import defaults


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """allauth asks for it by the name `handler429` in the URL configuration."""
    response = render(request, "429.html", status=429)
    response["Retry-After"] = "60"
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """A fault of ours: the API answers it in its own format, a page with a page."""
    if request.path.startswith("/v2/"):
        message = _("Something went wrong.")
        return JsonResponse({"detail": message, "message": message}, status=500)
    return defaults.server_error(request)
