"""What a deletion of many tags would do. Changes nothing."""

from dataclasses import dataclass, field, replace

from repositories.deletion import bulk_filter, preview
from repositories.deletion.bulk_filter import CHUNK, Selection
from repositories.images import immutability
from repositories.images.models import Tag
from repositories.models import Repository

EXACT = 200
"""So many tags are looked at layer by layer; of more, only tags are compared: 50,000 take half a second."""
SHOWN = 12


@dataclass(frozen=True, slots=True)
class BulkPreview:
    """`immutable` stay and are no part of `tags`. An image goes when no tag that stays points to it."""

    tags: int
    first: list[str] = field(default_factory=list)
    """Names of some of them."""
    immutable: int = 0
    first_immutable: list[str] = field(default_factory=list)
    images: int = 0
    kept: int = 0
    """Images that stay, since other tags or multi-platform images have them."""
    freed: int = 0
    """Bytes, once the images have left the registry and its garbage was collected."""
    is_exact: bool = True
    """False: `freed` is the most that it can be, and `images` and `kept` count what tags point to."""

    @property
    def more(self) -> int:
        return self.tags - len(self.first)

    @property
    def more_immutable(self) -> int:
        return self.immutable - len(self.first_immutable)


def of_selection(repository: Repository, selection: Selection) -> BulkPreview:
    """At most 20 queries, four for many tags."""
    chosen = bulk_filter.names(repository, selection)
    immutable = immutability.covered(repository, chosen)
    free = chosen - immutable
    told = BulkPreview(
        tags=len(free),
        first=sorted(free)[:SHOWN],
        immutable=len(immutable),
        first_immutable=sorted(immutable)[:SHOWN],
    )
    if len(free) > EXACT:
        return _roughly(repository, free, told)
    found = preview.of_tags(repository, sorted(free))
    return replace(told, images=len(found.gone), kept=len(found.kept), freed=found.freed, is_exact=found.is_exact)


def _roughly(repository: Repository, names: set[str], told: BulkPreview) -> BulkPreview:
    """From the tags alone, in one query. Layers that images share are counted in each."""
    going: dict[int, int] = {}
    staying: set[int] = set()
    rows = Tag.objects.filter(repository=repository).values_list("name", "manifest_id", "size")
    for name, manifest, size in rows.iterator(CHUNK):
        if name in names:
            going[manifest] = size
        else:
            staying.add(manifest)
    kept = going.keys() & staying
    return replace(
        told,
        images=len(going) - len(kept),
        kept=len(kept),
        freed=sum(size for manifest, size in going.items() if manifest not in kept),
        is_exact=False,
    )
