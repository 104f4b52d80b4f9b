"""Middleware that belongs to no app."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from portal.kit.errors import MoorageError, RateLimited


class HubSlashes:
    """Serve the API with and without a trailing slash, for every method, without a redirect.

    Docker Hub's clients use both forms, and a redirect would turn their PATCH into a GET. The API's routes are declared
    without the slash.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info.startswith("/v2/") and request.path_info != "/v2/":
            request.path_info = request.path_info.rstrip("/")
        return self.get_response(request)


class ErrorPages:
    """Turn an error that a page's view raised into its page. Forms catch Invalid themselves."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, MoorageError):
            return None
        template = "404.html" if exception.status == 404 else "error.html"
        context = {"message": exception.message, "status": exception.status, "code": exception.code}
        response = render(request, template, context, status=exception.status)
        if isinstance(exception, RateLimited):
            response["Retry-After"] = str(exception.retry_after)
        return response
