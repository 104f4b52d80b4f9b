"""What only operators ask for: any repository by its name, and how much of it is held."""

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from portal.accounts.actor import SYSTEM, Actor
from portal.kit.errors import NotFound
from repositories.access import visible
from repositories.models import Repository
from repositories.sync import access
from repositories.sync.models import Difference


def fetch_any(actor: Actor, full_name: str) -> Repository | None:
    """Whosever it is: an operator answers for all. None for an empty name. One query.

    Raises NotFound, Unauthorized.
    """
    access.require_operator(actor)
    if not full_name:
        return None
    found = visible(SYSTEM).filter(full_name=full_name).first()
    if found is None:
        raise NotFound(_("There is no repository of that name."))
    return found


def held_tags(repository: Repository | None) -> int:
    """Of the repository, or of all: the number that `reads.held_plan` shows. One query."""
    return _held(repository).count()


def held_names(repository: Repository | None, *, most: int) -> list[str]:
    """Such as `acme/app:1.0`, the first so many. One query."""
    rows = _held(repository).order_by("repository__full_name", "tag")
    return [f"{name}:{tag}" for name, tag in rows.values_list("repository__full_name", "tag")[:most]]


def _held(repository: Repository | None) -> QuerySet[Difference]:
    rows = Difference.objects.filter(state=Difference.State.HELD, kind=Difference.Kind.MISSING_TAG)
    return rows.filter(repository=repository) if repository else rows


def plan_changed(held: int) -> str:
    """For a person who decided about other numbers."""
    told = _("The plan has changed: %(held)d tags are held now. Read it again. Nothing was done.")
    return str(told) % {"held": held}
