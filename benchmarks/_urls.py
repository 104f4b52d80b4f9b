"""The machines' paths, and beside them a view that returns a constant: what everything is compared with."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from portal.machine_urls import urlpatterns as machine_urls

BODY = b'{"token": "' + b"x" * 1000 + b'"}'


def constant(request: HttpRequest) -> HttpResponse:
    return HttpResponse(BODY, content_type="application/json")


urlpatterns = [path("constant", constant), *machine_urls]
