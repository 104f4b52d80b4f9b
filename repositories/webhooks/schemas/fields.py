"""The fields of each event type's document. English: they are read by programs, and by people who write them."""

from typing import Any

from repositories.webhooks.catalog import PING

Schema = dict[str, Any]

DESCRIPTIONS = {
    "push": "A tag points to an image that it did not point to before: pushed, rolled back, or copied. A push of a "
    "multi-platform image is one event, with its platforms inside.",
    "tag.delete": "A tag was deleted. `tag` tells what it pointed to.",
    "tag.restore": "A deleted tag was brought back.",
    "image.delete": "An image was deleted by its digest. It can be restored for some days. Each tag that went with it "
    "has an event `tag.delete` of its own.",
    "image.restore": "A deleted image was kept after all, without its tags.",
    "repository.create": "A repository was created. Only a namespace's webhook can hear of it.",
    "repository.update": "Description or overview of a repository was changed.",
    "repository.visibility": "A repository became public or private.",
    "repository.archive": "A repository became read-only, or can be changed again.",
    "repository.delete": "A repository was deleted with its tags. Only a namespace's webhook can hear of it.",
    "star": "Somebody starred a repository, or took the star away.",
    "comment": "Somebody commented on a repository, or a comment was deleted.",
    "grant": "A team or a person got, or lost, a role on the repositories that a pattern names.",
    "member": "Somebody joined or left the organization or a team of it, or got another role. Only a namespace's "
    "webhook can hear of it.",
    PING: "Somebody tried the webhook. `tag` is the newest one that it would have told of; where there is none yet, "
    "tag and repository are called `ping`.",
}


def _text(description: str, /, **more: Any) -> Schema:
    return {"type": "string", "description": description, **more}


def _whole(description: str) -> Schema:
    return {"type": "integer", "minimum": 0, "description": description}


def _flag(description: str) -> Schema:
    return {"type": "boolean", "description": description}


def _moment(description: str, *, nullable: bool = False) -> Schema:
    return {"type": ["string", "null"] if nullable else "string", "format": "date-time", "description": description}


def _object(description: str, /, **properties: Schema) -> Schema:
    return {"type": "object", "description": description, "properties": properties, "required": list(properties)}


def _list(description: str, items: Schema, **more: Any) -> Schema:
    return {"type": "array", "description": description, "items": items, **more}


def _digest(description: str) -> Schema:
    return _text(description, pattern="^((sha256|sha512):[0-9a-f]+)?$")


def _url(description: str) -> Schema:
    return _text(description, format="uri")


def _common(event_type: str, causes: list[str]) -> dict[str, Schema]:
    return {
        "id": _text("The event. The same for every webhook, attempt and redelivery; also the header `webhook-id`."),
        "type": {"const": event_type, "description": "The event type, as it is chosen."},
        "cause": {"enum": causes, "description": "What happened exactly."},
        "time": _moment("When it happened: UTC, with milliseconds."),
        "summary": _text("One English sentence for people."),
        "url": _url("The page to look at: of the tag or image, else of the repository, else of the namespace."),
        "registry": _text("The host to pull from, with its port if it has one."),
        "actor": _object(
            "Who did it.",
            name=_text("A user, `organization:label` of an organization access token, or `system`. Empty: unknown."),
            credential={
                "enum": ["", "session", "password", "personal_access_token", "organization_access_token", "system"],
                "description": "By what they were known. Empty: unknown.",
            },
        ),
        "namespace": _object("Whose it is.", name=_text("User or organization."), url=_url("Its page.")),
    }


REPOSITORY = _object(
    "The repository as it is when the payload is made, which is a moment after the event.",
    full_name=_text("`namespace/name`."),
    namespace=_text("The part before the first slash."),
    name=_text("The rest; it may have slashes."),
    url=_url("Its page."),
    exists=_flag("False: it was deleted. Then what follows is empty, 0, or null."),
    description=_text("One line."),
    full_description=_text("The overview in Markdown, 25,000 characters at most.", maxLength=25_000),
    is_private=_flag("Whether only people with a role see it."),
    is_archived=_flag("Whether it is read-only."),
    star_count=_whole("Stars."),
    comment_count=_whole("Comments."),
    created_at=_moment("When it was created.", nullable=True),
)
PLATFORM = _object(
    "One platform of the image.",
    name=_text("As docker's `--platform` takes it, such as `linux/arm64/v8`."),
    os=_text("Operating system."),
    architecture=_text("Processor architecture."),
    variant=_text("Of the architecture; mostly empty."),
    digest=_digest("The digest of this platform's own manifest."),
    size=_whole("Compressed bytes; 0: not known."),
)
_IMAGE = {
    "digest": _digest("The digest of the manifest."),
    "pull_reference_by_digest": _text("What to pull to get exactly this image: `host/namespace/name@digest`."),
    "kind": {
        "enum": ["image", "index", "artifact", ""],
        "description": "`index`: a multi-platform image. Empty: not known any more.",
    },
    "media_type": _text("Of the manifest."),
    "artifact_type": _text("Of an artifact, such as a Helm chart: what it is. Else empty."),
    "size": _whole("Compressed bytes, of all platforms together; 0: not known."),
    "platforms": _list(
        "The first 100. Attestations are left out. Empty: none, or not known at this moment.", PLATFORM, maxItems=100
    ),
}
TAG = _object(
    "The tag, and the image that it points to; of a deletion, that it pointed to.",
    name=_text("The tag."),
    url=_url("Its page."),
    pull_reference=_text("What to pull: `host/namespace/name:tag`."),
    previous_digest=_digest("What the tag pointed to before, if it was moved. Else empty."),
    source=_text("Of a copy: where it came from, such as `acme/api:1.0`. Else empty."),
    **_IMAGE,
)
IMAGE = _object(
    "The image.",
    url=_url("Its page."),
    tags=_list("The tags that were deleted with it.", {"type": "string"}),
    **_IMAGE,
)
_PARTS: dict[str, dict[str, Schema]] = {
    "push": {"tag": TAG},
    "tag.delete": {"tag": TAG},
    "tag.restore": {"tag": TAG},
    "image.delete": {"image": IMAGE},
    "image.restore": {"image": IMAGE},
    "repository.update": {
        "changes": _list(
            "What was changed.",
            _object(
                "One field.",
                field={"enum": ["description", "full_description"], "description": "Which field."},
                old=_text("Before; the first 200 characters and … of a longer one."),
                new=_text("Since then, cut likewise; all of it is in `repository`."),
            ),
        )
    },
    "repository.visibility": {
        "visibility": _object(
            "Who sees it.",
            old={"enum": ["public", "private"], "description": "Before."},
            new={"enum": ["public", "private"], "description": "Since then."},
        )
    },
    "repository.archive": {
        "archive": _object("Whether it is read-only.", old=_flag("Before."), new=_flag("Since then."))
    },
    "star": {"star": _object("The star.", user=_text("Whose it is."), count=_whole("Stars of the repository now."))},
    "comment": {
        "comment": _object(
            "The comment. Text and author of a deleted one are empty.",
            id=_whole("Its number."),
            text=_text("Plain text, written by a person: escape it where you show it.", maxLength=2_000),
            author=_text("Who wrote it."),
            url=_url("The repository's page of comments."),
        )
    },
    "grant": {
        "grant": _object(
            "The right. Either `team` or `user` is set.",
            pattern=_text("Names of repositories in the namespace: `api`, `payments/*`, `*`."),
            team=_text("The team that has it, or empty."),
            user=_text("The person who has it, or empty."),
            role={"enum": ["", "read", "write", "admin"], "description": "Since then. Empty: taken away."},
            old_role={"enum": ["", "read", "write", "admin"], "description": "Before. Empty: none."},
            expires_at=_moment("When it ends by itself; null: never.", nullable=True),
        )
    },
    "member": {
        "member": _object(
            "The person.",
            user=_text("Who joined, left, or got another role."),
            role={
                "enum": ["", "member", "editor", "owner"],
                "description": "In the organization, since then. Empty: it is about a team, or they left.",
            },
            old_role={"enum": ["", "member", "editor", "owner"], "description": "Before, if it was told."},
            team=_text("The team that they joined or left; of a new member, the team that they were put into."),
            teams=_list("Of who left the organization: the teams that they were in.", {"type": "string"}),
        )
    },
    PING: {
        "tag": TAG,
        "webhook": _object("The webhook that was tried.", id=_whole("Its number."), name=_text("Its name.")),
    },
}
_WITHOUT_REPOSITORY = "member"
_PERHAPS_REPOSITORY = "grant"
CALLBACK = _text("Where a receiver may report a build's status, as with Docker Hub. Empty where no image was tagged.")


def properties(event_type: str, causes: list[str]) -> tuple[dict[str, Schema], set[str]]:
    """All of a document's properties, and the names of those that it may lack."""
    found = _common(event_type, causes)
    if event_type != _WITHOUT_REPOSITORY:
        found["repository"] = REPOSITORY
    found |= _PARTS.get(event_type, {})
    found["callback_url"] = CALLBACK
    return found, {"repository"} if event_type == _PERHAPS_REPOSITORY else set()
