"""Which of a repository's tags a list shows, and in what order: read from the query string, nonsense ignored."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from portal.kit.errors import Text
from repositories.images.models import IndexEntry, ManifestKind, Tag
from repositories.images.referrers import ATTACHED

PLATFORMS = (
    "linux/amd64",
    "linux/arm64",
    "linux/arm/v7",
    "linux/arm/v6",
    "linux/386",
    "linux/ppc64le",
    "linux/riscv64",
    "linux/s390x",
    "windows/amd64",
)
"""What is offered. Those that a repository has would have to be counted; any other may stand in the address."""
PLATFORM_MOST = 200


@dataclass(frozen=True, slots=True)
class Order:
    """`by` as `kit.paging.keyset` takes it; each has an index. `column` is the head of the table that it sorts."""

    key: str
    label: Text
    by: str
    column: str

    @property
    def direction(self) -> str:
        """For aria-sort."""
        return "descending" if self.by.startswith("-") else "ascending"


ORDERS = (
    Order("newest", _("Newest first"), "-pushed_at", "pushed"),
    Order("oldest", _("Oldest first"), "pushed_at", "pushed"),
    Order("version", _("Highest version first"), "-version_key", "version"),
    Order("version-up", _("Lowest version first"), "version_key", "version"),
    Order("name", _("Name, A to Z"), "name", "name"),
    Order("name-down", _("Name, Z to A"), "-name", "name"),
    Order("size", _("Largest first"), "-size", "size"),
    Order("size-up", _("Smallest first"), "size", "size"),
)


@dataclass(frozen=True, slots=True)
class Filters:
    words: str = ""
    kind: str = ""
    platform: str = ""
    attached: bool = False
    """Also the tags that only hang something on an image, such as cosign's signatures."""
    order: Order = ORDERS[0]

    @classmethod
    def of(cls, query: Mapping[str, str], words: str) -> "Filters":
        kind, platform = query.get("kind", ""), query.get("platform", "")
        return cls(
            words=words,
            kind=kind if kind in ManifestKind.values else "",
            platform=platform if len(platform) <= PLATFORM_MOST and "\0" not in platform else "",
            attached=query.get("attached", "") == "1",
            order=next((order for order in ORDERS if order.key == query.get("order")), ORDERS[0]),
        )

    @property
    def narrow(self) -> bool:
        """Whether a list that is empty says nothing about the repository."""
        return bool(self.words or self.kind or self.platform)

    @property
    def platforms(self) -> list[str]:
        chosen = [self.platform] if self.platform and self.platform not in PLATFORMS else []
        return [*chosen, *PLATFORMS]

    @property
    def sorts(self) -> dict[str, dict[str, str]]:
        """For the heads of the table: the order that a click on it gives, and how it is sorted by it now."""
        found = {}
        for column in ("name", "size", "pushed"):
            first, other = (order for order in ORDERS if order.column == column)
            here = self.order.column == column
            found[column] = {
                "key": other.key if self.order is first else first.key,
                "state": self.order.direction if here else "none",
            }
        return found

    def apply(self, rows: QuerySet[Tag]) -> QuerySet[Tag]:
        if self.words:
            rows = rows.filter(name__icontains=self.words)
        if self.kind:
            rows = rows.filter(manifest__kind=self.kind)
        if self.platform:
            rows = rows.filter(_for(self.platform))
        return rows if self.attached else rows.exclude(ATTACHED)


def _for(platform: str) -> Q | Exists:
    """An image for the platform, or an index with an entry for it. Without a variant: for any of them."""
    os, _slash, rest = platform.partition("/")
    architecture, _slash, variant = rest.partition("/")
    wanted = {"os": os, "architecture": architecture} | ({"variant": variant} if variant else {})
    entries = IndexEntry.objects.filter(index=OuterRef("manifest"), **wanted)
    return Q(**{f"manifest__{column}": value for column, value in wanted.items()}) | Q(Exists(entries))
