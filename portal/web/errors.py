"""Answers to errors that no view caught."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.views.defaults import page_not_found

API_PREFIX = "/v2/"


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """A page; for the API, its envelope."""
    if request.path.startswith(API_PREFIX):
        return JsonResponse({"message": "object not found", "errinfo": {}}, status=404)
    return page_not_found(request, exception)


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """allauth asks for it by the name `handler429` in the URL configuration."""
    response = render(request, "429.html", status=429)
    response["Retry-After"] = "60"
    return response
