"""What holds a manifest: a tag that points to it, or an index of its repository that names it."""

from django.db.models import Exists, OuterRef, Q

from repositories.images.models import IndexEntry, Tag


def held() -> Q:
    """A condition on manifests, in the statement that it is part of. Costs no query of its own."""
    tagged = Tag.objects.filter(manifest=OuterRef("pk"))
    named = IndexEntry.objects.filter(digest=OuterRef("digest"), index__repository=OuterRef("repository"))
    return Q(Exists(tagged)) | Q(Exists(named))
