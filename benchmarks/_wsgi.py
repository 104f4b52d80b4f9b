"""The product's own application, with the constant view beside it on the same short way."""

import warnings

from django.conf import settings

warnings.simplefilter("ignore")  # the static files are not collected here

from portal.wsgi import application  # noqa: E402

settings.MACHINE_URLCONF = "benchmarks._urls"

__all__ = ["application"]
