"""Answers to errors that no view caught and Django has no default for."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """allauth asks for it by the name `handler429` in the URL configuration."""
    response = render(request, "429.html", status=429)
    response["Retry-After"] = "60"
    return response
