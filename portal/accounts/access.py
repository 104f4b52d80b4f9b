"""Who may know of whom."""

from django.utils.translation import gettext_lazy as _

from portal.accounts.models import User
from portal.kit.errors import NotFound


def fetch_user(username: str) -> User:
    """Anybody may know that a person exists, as their page shows. One query. Raises NotFound."""
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise NotFound(_("There is no such user."))
    return user
