"""Makes the person who pushes in benchmarks.push: `python -m benchmarks._push_seed NAME PASSWORD`."""

import sys

import django

django.setup()

from allauth.account.models import EmailAddress  # noqa: E402  models need the settings

from portal.accounts.actions import create_user  # noqa: E402


def main(name: str, password: str) -> None:
    user = create_user(username=name, email=f"{name}@example.org", password=password)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
