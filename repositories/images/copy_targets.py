"""Where an image can be copied to."""

from django.utils.translation import gettext_lazy as _

from portal.accounts.actor import Actor
from portal.kit.errors import Forbidden, Invalid, NotFound
from repositories.access import LEAST_ROLE, Permission, decide, fetch_repository, visible
from repositories.images.models import Tag
from repositories.models import Repository

OFFERED = 20


def targets_for(actor: Actor, words: str = "") -> list[str]:
    """Full names of repositories that the actor may push to, whose name has the words in it. One query."""
    least = {"role__gte": LEAST_ROLE[Permission.PUSH]}
    rows = visible(actor).filter(archived_at=None, **least)
    if words:
        rows = rows.filter(full_name__icontains=words)
    found = rows.order_by("full_name")[:OFFERED]
    return [row.full_name for row in found if decide(actor, Permission.PUSH, row).allowed]


def fetch_target(actor: Actor, full_name: str) -> Repository:
    """The repository that was typed, for who may push there. One query.

    Raises NotFound or Forbidden with the field `repository`.
    """
    namespace, _slash, name = full_name.strip().partition("/")
    try:
        return fetch_repository(actor, namespace.lower(), name, Permission.PUSH)
    except (NotFound, Forbidden) as error:
        raise type(error)(error.message, fields={"repository": [error.message]}) from error


def expect_free(repository: Repository, tag: str, *, digest: str) -> None:
    """Raise Invalid (field `tag`) when the tag points to another image, which a copy would take from it. One query."""
    held = Tag.objects.filter(repository=repository, name=tag).values_list("manifest__digest", flat=True).first()
    if held not in (None, digest):
        words = {"tag": tag, "digest": str(held)[:19]}
        raise Invalid.field("tag", _("There is a tag %(tag)s already: it points to %(digest)s.") % words)
