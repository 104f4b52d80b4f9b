"""What a document has by its type: the tag, the image, the comment, the grant, and so on."""

from portal.events.models import Event
from repositories.models import Comment, Repository
from repositories.webhooks.documents import images
from repositories.webhooks.documents.values import Document, number, page, text, texts

COMMENT_MAX = 2_000
"""Characters of a comment that are sent; people may not write more today."""


def of_event(
    event: Event, repository: Repository | None, name: str, kind: str, tag: str, *, ask_registry: bool
) -> Document:
    """One key, named after what it tells of; none for the creation and deletion of a repository."""
    if kind in {"push", "tag.delete", "tag.restore"}:
        manifest = images.find(event, repository, ask_registry=ask_registry)
        return {"tag": images.tag(event, name, tag, manifest)}
    if kind in {"image.delete", "image.restore"}:
        return {"image": images.image(event, name, images.find(event, repository, ask_registry=False))}
    if kind == "comment":
        return {"comment": _comment(event, name)}
    if kind == "grant":
        return {"grant": _grant(event)}
    if kind == "member":
        return {"member": _member(event)}
    return _of_repository(event, repository, kind)


def _of_repository(event: Event, repository: Repository | None, kind: str) -> Document:
    if kind == "repository.update":
        return {"changes": _changes(event)}
    if kind == "repository.visibility":
        return {"visibility": {"old": text(event.old, "visibility"), "new": text(event.new, "visibility")}}
    if kind == "repository.archive":
        archived = event.action == "repo.archive"
        return {"archive": {"old": not archived, "new": archived}}
    if kind == "star":
        return {"star": {"user": event.actor_name, "count": repository.star_count if repository else 0}}
    return {}


def _changes(event: Event) -> list[Document]:
    """The audit log keeps the first 200 characters of a long overview; all of it is in the repository."""
    return [{"field": name, "old": text(event.old, name), "new": text(event.new, name)} for name in sorted(event.new)]


def _comment(event: Event, name: str) -> Document:
    """Text and author of one that is gone stay empty: whoever deleted it wants no trace. One query."""
    key = number(event.new, "comment") or number(event.old, "comment")
    row = Comment.objects.filter(pk=key).select_related("author").first()
    return {
        "id": key,
        "text": row.text[:COMMENT_MAX] if row else "",
        "author": row.author.username if row else "",
        "url": page(f"/{name}/-/comments"),
    }


def _grant(event: Event) -> Document:
    """To a team or to a person. `role` is empty when it was taken away, `old_role` when there was none."""
    told = event.new or event.old
    return {
        "pattern": text(told, "pattern"),
        "team": text(told, "team"),
        "user": text(told, "user"),
        "role": text(event.new, "role"),
        "old_role": text(event.old, "role"),
        "expires_at": text(event.new, "expires_at") or None,
    }


def _member(event: Event) -> Document:
    """`team` and `teams` as the cause has it: the one that somebody joined or left, those that a member was in."""
    of_team = event.action.startswith("org.team.")
    return {
        "user": text(event.new, "member") or text(event.old, "member") if of_team else event.target,
        "role": text(event.new, "role"),
        "old_role": text(event.old, "role"),
        "team": event.target if of_team else text(event.new, "team"),
        "teams": texts(event.old, "teams"),
    }
