"""Middleware that belongs to no app."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponsePermanentRedirect
from django.shortcuts import render
from django.urls import is_valid_path
from django.utils.http import escape_leading_slashes

from portal.kit.errors import MoorageError, RateLimited, Unavailable


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


class PageSlashes:
    """Lead from an address with a slash too many or too few to the page, before saying that nothing is there.

    Our own pages end without a slash, those of allauth and of the admin with one; and `/admin` alone looks like a
    namespace. Asks the URL configuration only, and only after a 404, so that it tells nothing about what exists. It
    takes a slash from an address that fits no pattern, and adds one only where that fits: so it cannot go in circles.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code != 404 or request.method not in {"GET", "HEAD"} or request.path.startswith("/v2/"):
            return response
        path = request.path_info
        if not path.endswith("/"):
            better = f"{path}/"
        elif request.resolver_match is None:
            better = path.rstrip("/")
        else:
            return response
        if not is_valid_path(better):
            return response
        query = request.META.get("QUERY_STRING", "")
        return HttpResponsePermanentRedirect(escape_leading_slashes(better + (f"?{query}" if query else "")))


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
        if isinstance(exception, RateLimited | Unavailable):
            response["Retry-After"] = str(exception.retry_after)
        return response
