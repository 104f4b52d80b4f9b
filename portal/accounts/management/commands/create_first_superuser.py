"""The operator's way in, on a fresh installation."""

import json
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand

from portal.accounts.actions import create_first_superuser


class Command(BaseCommand):
    help = "Makes a superuser with a random password, if there is none, and prints both once as a line of JSON."

    def handle(self, *args: object, **options: object) -> None:
        made = create_first_superuser(mail_domain=urlsplit(settings.PUBLIC_URL).hostname or "localhost")
        if made is not None:
            user, password = made
            self.stdout.write(json.dumps({"username": user.username, "password": password}))
