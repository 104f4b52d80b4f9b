"""What a repository holds, for its API object. The rows are the images' room, which stands above this one: it is asked
through `settings.REPOSITORY_CONTENTS`, as the readers of events are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from django.conf import settings
from django.utils.module_loading import import_string


@dataclass(frozen=True)
class Contents:
    """Of the manifests that tags point to now."""

    media_types: tuple[str, ...] = ()
    content_types: tuple[str, ...] = ()
    """`image`, `helm`, `artifact`."""
    storage_size: int = 0
    """In bytes, compressed. Layers that several images share count in each."""


Reader = Callable[[Sequence[int]], Mapping[int, Contents]]


def read_contents(repository_ids: Sequence[int]) -> Mapping[int, Contents]:
    """Repository -> contents; empty ones are left out. One query for all of them."""
    return cast(Reader, import_string(settings.REPOSITORY_CONTENTS))(repository_ids)
