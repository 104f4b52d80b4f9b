"""What happens to what hangs on a repository that is deleted here, and in the registry. The rooms that do it stand
above this one: they are asked by name, through `settings.REPOSITORY_REMOVED` and `settings.REPOSITORY_NAME_HELD`.
"""

from collections.abc import Callable
from typing import cast

from django.conf import settings
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from portal.kit.errors import Conflict
from repositories.models import Repository


class NameHeld(Conflict):
    """The registry still holds images of a former repository of this name."""

    default = _(
        "A repository of this name was deleted, and its images have not left the registry yet. "
        "Please try again in a moment."
    )


def keep_for_removal(repository: Repository) -> None:
    """Remember what the registry is to delete, and drop what may be many rows. In the transaction that deletes the
    repository, which holds its row.
    """
    for name in settings.REPOSITORY_REMOVED:
        cast(Callable[[Repository], None], import_string(name))(repository)


def name_is_held(full_name: str) -> bool:
    """Whether nobody may make a repository of this name yet. One query."""
    return cast(Callable[[str], bool], import_string(settings.REPOSITORY_NAME_HELD))(full_name)
