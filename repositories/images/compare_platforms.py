"""Which image of a multi-platform one is compared with which. Pure, for manifests whose entries were read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from django.utils.translation import gettext_lazy as _

from portal.kit.errors import Text
from repositories.images.models import Manifest, ManifestKind
from repositories.images.reads import entries_of

USUAL = "linux/amd64"
"""What is compared when nobody says otherwise and both have it."""


@dataclass(frozen=True, slots=True)
class Platform:
    """One platform with its digest on either side; None on the side that lacks it."""

    name: str
    old: str | None
    new: str | None

    @property
    def state(self) -> Literal["same", "added", "removed", "changed"]:
        if self.old == self.new:
            return "same"
        if self.old is None:
            return "added"
        return "removed" if self.new is None else "changed"


@dataclass(frozen=True, slots=True)
class Choice:
    """`old` and `new` are the digests to compare, or None where there is no pair; `note` says why."""

    platforms: Sequence[Platform]
    platform: str
    old: str | None
    new: str | None
    note: Text = ""


def choose(old: Manifest, new: Manifest, wanted: str = "") -> Choice:
    """The pair of one platform: the one that is `wanted`, else linux/amd64, else the first that both have."""
    before, after = _images_of(old), _images_of(new)
    if old.kind != ManifestKind.INDEX and new.kind != ManifestKind.INDEX:
        return Choice(_platforms(before, after), "", old.digest, new.digest)
    platforms = _platforms(*_paired(old, new, before, after))
    both = [platform for platform in platforms if platform.old and platform.new]
    if wanted:
        found = next((platform for platform in both if platform.name == wanted), None)
        if found is None:
            return Choice(platforms, wanted, None, None, _lacking(wanted, platforms))
        return Choice(platforms, wanted, found.old, found.new)
    chosen = next((platform for platform in both if platform.name == USUAL), both[0] if both else None)
    if chosen is None:
        return Choice(platforms, "", None, None, _("They have no platform in common."))
    return Choice(platforms, chosen.name, chosen.old, chosen.new)


def _lacking(wanted: str, platforms: Sequence[Platform]) -> Text:
    if any(platform.name == wanted for platform in platforms):
        return _("Only one of them has the platform %(platform)s.") % {"platform": wanted}
    return _("Neither of them has the platform %(platform)s.") % {"platform": wanted}


def _images_of(manifest: Manifest) -> dict[str, str]:
    """Platform -> digest. Of two entries for one platform the first counts, as for docker."""
    if manifest.kind != ManifestKind.INDEX:
        return {manifest.platform: manifest.digest}
    found: dict[str, str] = {}
    for entry in entries_of(manifest):
        name = " ".join(part for part in (entry.platform, entry.os_version) if part) or entry.digest[:19]
        found.setdefault(name, entry.digest)
    return found


def _paired(
    old: Manifest, new: Manifest, before: dict[str, str], after: dict[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """A single image whose platform is not known, or an artifact, stands opposite the other's usual platform."""
    if old.kind != ManifestKind.INDEX and not old.platform:
        before = {_usual(after): old.digest}
    if new.kind != ManifestKind.INDEX and not new.platform:
        after = {_usual(before): new.digest}
    return before, after


def _usual(images: dict[str, str]) -> str:
    return USUAL if USUAL in images else next(iter(images), "")


def _platforms(before: dict[str, str], after: dict[str, str]) -> list[Platform]:
    names = [name for name in dict.fromkeys([*before, *after]) if name]
    return [Platform(name, before.get(name), after.get(name)) for name in names]
