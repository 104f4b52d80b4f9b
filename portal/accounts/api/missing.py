"""What no path of the API matches."""

from rest_framework.request import Request

from portal.accounts.api.base import ApiView
from portal.kit.errors import NotFound


class Missing(ApiView):
    """404 in the API's own format, for every method, instead of a page."""

    schema = None

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        raise NotFound
