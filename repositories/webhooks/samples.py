"""Events that could have happened: what their actions would have recorded. Not saved."""

from typing import Any

from portal.events.models import Event
from repositories.images.models import Tag
from repositories.models import Repository
from repositories.webhooks import schemas
from repositories.webhooks.catalog import EventType

WHO = "alice"
MADE_UP = "example"
"""The repository's name where there is none yet."""

Told = dict[str, Any]


def sample_event(kind: EventType, namespace: str, repository: Repository | None, tag: Tag | None) -> Event:
    """Of the type's first action, about the tag if there is one, else as in `schemas.example`."""
    name = repository.full_name if repository else f"{namespace}/{MADE_UP}"
    target, old, new = _told(kind, name, tag)
    about = None if kind.name == "member" else repository.pk if repository else 0
    return Event(
        action=next(iter(kind.actions)),
        actor_name=(tag.pushed_by_name if tag else "") or WHO,
        credential="personal access token: sample",
        namespace=namespace,
        repository_id=about,
        target=target,
        old=old,
        new=new,
    )


def _told(kind: EventType, name: str, tag: Tag | None) -> tuple[str, Told, Told]:
    """Target, old and new values."""
    if kind.is_of_tag:
        return _of_tag(kind, name, tag)
    if kind.name.startswith("image."):
        digest = tag.manifest.digest if tag else schemas.example("push")["tag"]["digest"]
        size = tag.manifest.total_size if tag else schemas.example("push")["tag"]["size"]
        tags = {"tags": [tag.name if tag else "1.4.2"]} if kind.name == "image.delete" else {}
        return f"{name}@{digest}", {"digest": digest, "size": size} | tags, {}
    if kind.name == "member":
        return "bob", {}, {"role": "member"}
    return name, *_SAMPLES.get(kind.name, ({}, {}))


def _of_tag(kind: EventType, name: str, tag: Tag | None) -> tuple[str, Told, Told]:
    example = schemas.example("push")["tag"]
    told = {key: example[key] for key in ("digest", "media_type", "size")} | {"tag": example["name"]}
    if tag is not None:
        image = tag.manifest
        told = {"digest": image.digest, "media_type": image.media_type, "size": image.total_size, "tag": tag.name}
    target = f"{name}:{told['tag']}"
    if kind.name == "tag.delete":
        return target, {"tag": told["tag"], "digest": told["digest"]}, {}
    before = {"digest": tag.moved_from} if kind.name == "push" and tag is not None and tag.moved_from else {}
    return target, before, told


_SAMPLES: dict[str, tuple[Told, Told]] = {
    "repository.update": ({"description": "Payments"}, {"description": "Takes payments"}),
    "repository.visibility": ({"visibility": "private"}, {"visibility": "public"}),
    "repository.delete": ({"visibility": "private"}, {}),
    "comment": ({}, {"comment": 0}),
    "grant": ({}, {"pattern": "*", "team": "developers", "role": "write"}),
}
