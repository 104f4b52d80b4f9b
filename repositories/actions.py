"""Everything that writes repositories, stars and comments. Grants are written in `repositories.grants`."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orgs.models import Organization
from portal.accounts.actor import Actor
from portal.accounts.models import Namespace
from portal.events.record import record
from portal.kit.errors import Conflict, Forbidden, Invalid, NotFound, RateLimited, Text, Unauthorized
from repositories import access, tag_rules
from repositories.access import Permission
from repositories.models import (
    COMMENT_MAX,
    FULL_DESCRIPTION_MAX,
    Comment,
    Grant,
    Immutability,
    Repository,
    Star,
    Visibility,
)
from repositories.names import validate_repository_name
from repositories.removed import NameHeld, keep_for_removal, name_is_held

COMMENTS_PER_MINUTE = 5


def create_repository(
    *,
    actor: Actor,
    namespace: str,
    name: str,
    visibility: str = "",
    description: str = "",
    full_description: str = "",
) -> Repository:
    """Create an empty repository; without a visibility, with the one that the namespace prefers.

    Raises Invalid (fields), Forbidden (the namespace, or public there), Unauthorized, Conflict (the name is taken) or
    NameHeld (a former repository's images are still being removed).
    """
    owner, found = _namespace_to_create_in(actor, namespace, name)
    if visibility == Visibility.PUBLIC and not found.publishes:
        reason = access.decide_publish(actor, owner).reason
        raise Forbidden(reason, fields={"visibility": [reason]})
    fields = {
        "visibility": visibility or _preferred_visibility(owner, found),
        "description": description.strip(),
        "full_description": full_description,
    }
    repository = Repository(namespace=owner, name=name, full_name=f"{owner.name}/{name}", **fields)
    _validate(repository)
    try:
        with transaction.atomic():
            repository.save(force_insert=True)
            # After the insert, which waits for a deletion that is under way, so that its end is seen here.
            if name_is_held(repository.full_name):
                raise NameHeld(fields={"name": [NameHeld.default]})
            new = {"name": repository.full_name, "visibility": repository.visibility}
            _record("repo.create", actor, repository, new=new)
            if found.by_rule:
                _make_creator_admin(actor, repository)
            # Last, so that a creation that waited for the deletion of its organization is undone.
            return access.require(actor, Permission.VIEW, repository)
    except IntegrityError as error:
        message = _("There is a repository of this name already.")
        raise Conflict(message, fields={"name": [message]}) from error


def _preferred_visibility(owner: Namespace, found: access.Creating) -> str:
    """The organization's default. Who may not publish makes a private one."""
    organization = Organization.objects.filter(namespace=owner).first()
    if organization is None or not found.publishes:
        return Visibility.PRIVATE
    return organization.default_visibility


def _make_creator_admin(actor: Actor, repository: Repository) -> None:
    """A member whom the organization lets create would else have no right on what they made. One query for people."""
    if actor.user_id is None or any(r.role == access.Role.ADMIN for r in access.reasons_of(actor, repository)):
        return
    grant = {"pattern": repository.name, "user": actor.name, "role": "admin"}
    Grant.objects.create(
        namespace_id=repository.namespace_id,
        pattern=repository.name,
        user_id=actor.user_id,
        role=Grant.Role.ADMIN,
        created_by_id=actor.user_id,
    )
    _record("repo.grant.create", actor, repository, new=grant)


def _namespace_to_create_in(actor: Actor, owner: str, name: str) -> tuple[Namespace, access.Creating]:
    namespace = Namespace.objects.filter(name=owner).first()
    found = access.Creating() if namespace is None else access.creating(actor, namespace, name)
    decision = access.decide_create_in(actor, f"{owner}/{name}", by_rule=found.by_rule, granted=found.granted)
    if namespace is not None and decision.allowed:
        return namespace, found
    if actor.is_anonymous:
        raise Unauthorized(_("Sign in to create a repository."))
    raise Forbidden(decision.reason, fields={"namespace": [decision.reason]})


def _validate(repository: Repository) -> None:
    """Raise Invalid with the sentences of every field that breaks a rule."""
    fields: dict[str, list[Text]] = {}
    try:
        repository.clean_fields(exclude=["namespace", "full_name", "name"])
    except ValidationError as error:
        fields.update({name: list(texts) for name, texts in error.message_dict.items()})
    if len(repository.full_description) > FULL_DESCRIPTION_MAX:  # a text column checks no length by itself
        too_long = _("The overview may have %(max)d characters.") % {"max": FULL_DESCRIPTION_MAX}
        fields["full_description"] = [too_long]
    try:
        validate_repository_name(repository.name)
    except ValidationError as error:
        fields["name"] = list(error.messages)
    if fields:
        raise Invalid(next(iter(fields.values()))[0], fields=fields)


def create_repository_on_push(*, actor: Actor, full_name: str) -> Repository:
    """The repository that a push names, made if need be. Called by the gateway, inside no transaction.

    Get-or-create on the unique constraint, so that two first pushes at once share one row. Raises NotFound or Forbidden
    when the actor may not push or create there: by the rule that also gave the token. NameHeld as `create_repository`.
    """
    namespace, _slash, name = full_name.partition("/")
    try:
        return access.fetch_repository(actor, namespace, name, Permission.PUSH)
    except NotFound:
        visibility = access.visibility_on_push(actor, full_name)
        if visibility is None:
            raise
    try:
        return create_repository(actor=actor, namespace=namespace, name=name, visibility=visibility)
    except NameHeld:
        raise
    except Conflict:
        return access.fetch_repository(actor, namespace, name, Permission.PUSH)


def update_description(
    *, actor: Actor, repository: Repository, description: str | None = None, full_description: str | None = None
) -> Repository:
    """Change what is given. Raises Invalid, NotFound, Forbidden."""
    new: dict[str, Any] = {"description": description, "full_description": full_description}
    return _update(actor, Permission.EDIT, repository, "repo.update", {k: v for k, v in new.items() if v is not None})


def change_visibility(*, actor: Actor, repository: Repository, visibility: str) -> Repository:
    """Make public or private. Takes effect for the next registry token. Raises Invalid, NotFound, Forbidden."""
    row = access.require(actor, Permission.CHANGE_VISIBILITY, repository)
    if visibility == Visibility.PUBLIC and row.visibility != visibility:
        decision = access.decide_publish(actor, row.namespace)
        if not decision.allowed:
            raise Forbidden(decision.reason)
    return _update(actor, Permission.CHANGE_VISIBILITY, repository, "repo.change_privacy", {"visibility": visibility})


def protect_tags(
    *,
    actor: Actor,
    repository: Repository,
    immutability: str,
    rules: Sequence[str] | None = None,
    exceptions: Sequence[str] | None = None,
) -> Repository:
    """Say which tags are immutable. Holds for every write that is checked from then on. None: they stay as they are.

    Raises Invalid (fields `immutability`, `rules`, `exceptions`), NotFound, Forbidden.
    """
    row = access.require(actor, Permission.PROTECT_TAGS, repository)
    if immutability not in Immutability.values:
        raise Invalid.field("immutability", _("Choose one of these."))
    new: dict[str, Any] = {"immutability": immutability}
    if rules is not None:
        new["immutable_rules"] = tag_rules.checked("rules", rules)
    if exceptions is not None:
        new["immutable_exceptions"] = tag_rules.checked("exceptions", exceptions)
    if immutability == Immutability.MATCHING and not new.get("immutable_rules", row.immutable_rules):
        raise Invalid.field("rules", _("Give at least one rule, or choose that all tags or none are immutable."))
    return _update(actor, Permission.PROTECT_TAGS, repository, "repo.immutable.tags.updated", new)


def archive_repository(*, actor: Actor, repository: Repository) -> Repository:
    """Make it read-only: it can be pulled, and nothing else. Twice is once. Raises NotFound, Forbidden."""
    return _archive(actor, repository, archived=True)


def unarchive_repository(*, actor: Actor, repository: Repository) -> Repository:
    """Bring it back as it was. Twice is once. Raises NotFound, Forbidden."""
    return _archive(actor, repository, archived=False)


def _archive(actor: Actor, repository: Repository, *, archived: bool) -> Repository:
    with transaction.atomic():
        row = access.require(actor, Permission.ARCHIVE, repository)
        if row.is_archived != archived:
            row.archived_at = timezone.now() if archived else None
            row.save(update_fields=["archived_at"])
            _record("repo.archive" if archived else "repo.unarchive", actor, row)
    return row


def _update(
    actor: Actor, permission: Permission, repository: Repository, action: str, new: dict[str, Any]
) -> Repository:
    with transaction.atomic():
        row = access.require(actor, permission, repository)
        old = {name: getattr(row, name) for name in new}
        changed = {name: value for name, value in new.items() if value != old[name]}
        for name, value in changed.items():
            setattr(row, name, value)
        _validate(row)
        if changed:
            row.save(update_fields=list(changed))
            shown = {name: _short(value) for name, value in changed.items()}
            _record(action, actor, row, old={name: _short(old[name]) for name in changed}, new=shown)
    return row


def _short(value: Any) -> Any:
    """An overview can be a quarter of a megabyte; the event keeps its beginning."""
    return value[:200] + "…" if isinstance(value, str) and len(value) > 200 else value


def delete_repository(*, actor: Actor, repository: Repository, typed_name: str) -> None:
    """Delete with its tags, stars, comments and webhooks. `typed_name` is the full name, typed as confirmation.

    Its name is free again when its manifests have left the registry, which a task sees to; their bytes go with the
    registry's garbage collection. Raises Invalid, NotFound, Forbidden.
    """
    with transaction.atomic():
        row = access.require(actor, Permission.DELETE, repository)
        if typed_name.strip() != row.full_name:
            raise Invalid.field("typed_name", _("Type the full name of the repository to delete it."))
        # A push waits here, or the rows that it adds meanwhile would keep the repository's from going.
        Repository.objects.select_for_update().filter(pk=row.pk).first()
        grants = Grant.objects.filter(namespace_id=row.namespace_id, pattern=row.name)
        granted = [
            f"{grant.team or grant.user}: {grant.get_role_display()}" for grant in grants.select_related("team", "user")
        ]
        old = {"name": row.full_name, "visibility": row.visibility, "grants": granted}
        _record("repo.delete", actor, row, old=old)
        keep_for_removal(row)
        grants.delete()  # else whoever makes a repository of this name would share it unknowingly
        row.delete()


def star_repository(*, actor: Actor, repository: Repository) -> None:
    """Star; starring twice is starring once. Raises NotFound, Forbidden, Unauthorized."""
    with transaction.atomic():
        row = access.require(actor, Permission.STAR, repository)
        _star, created = Star.objects.get_or_create(repository=row, user_id=_user_id(actor))
        if created:
            Repository.objects.filter(pk=row.pk).update(star_count=F("star_count") + 1)
            _record("repo.star", actor, row)


def unstar_repository(*, actor: Actor, repository: Repository) -> None:
    """Take the star away, if there is one. Raises NotFound, Forbidden, Unauthorized."""
    with transaction.atomic():
        row = access.require(actor, Permission.STAR, repository)
        deleted, _by_model = Star.objects.filter(repository=row, user_id=_user_id(actor)).delete()
        if deleted:
            Repository.objects.filter(pk=row.pk).update(star_count=F("star_count") - 1)
            _record("repo.unstar", actor, row)


def add_comment(*, actor: Actor, repository: Repository, text: str) -> Comment:
    """Comment in plain text. Raises Invalid, NotFound, Forbidden, Unauthorized, RateLimited."""
    text = text.strip()
    if not text:
        raise Invalid.field("text", _("Write a comment first."))
    if len(text) > COMMENT_MAX:
        raise Invalid.field("text", _("A comment may have %(max)d characters.") % {"max": COMMENT_MAX})
    with transaction.atomic():
        row = access.require(actor, Permission.COMMENT, repository)
        _limit_comments(actor)
        comment = Comment.objects.create(repository=row, author_id=_user_id(actor), text=text)
        Repository.objects.filter(pk=row.pk).update(comment_count=F("comment_count") + 1)
        _record("repo.comment", actor, row, new={"comment": comment.pk})
    return comment


def _user_id(actor: Actor) -> int:
    """Stars and comments are a person's: nobody was refused by access, and the system writes none."""
    if actor.user_id is None:
        raise TypeError("Only a person stars or comments.")
    return actor.user_id


def _limit_comments(actor: Actor) -> None:
    """Counted from the rows, so that the limit holds when Redis is away. One query."""
    since = timezone.now() - timedelta(minutes=1)
    if Comment.objects.filter(author_id=actor.user_id, created_at__gt=since).count() >= COMMENTS_PER_MINUTE:
        raise RateLimited(_("You have commented a lot within a minute. Please wait a little."))


def delete_comment(*, actor: Actor, repository: Repository, comment_id: int) -> None:
    """Delete a comment: its author and the repository's admin may. Raises NotFound, Forbidden."""
    with transaction.atomic():
        row = access.require(actor, Permission.VIEW, repository)
        comment = Comment.objects.filter(pk=comment_id, repository=row).first()
        if comment is None:
            raise NotFound(_("There is no such comment."))
        if not access.may_delete_comment(actor, comment, row):
            raise Forbidden(_("Only its author and the repository's admins may delete a comment."))
        comment.delete()
        Repository.objects.filter(pk=row.pk).update(comment_count=F("comment_count") - 1)
        _record("repo.comment.delete", actor, row, old={"comment": comment_id})


def _record(
    action: str,
    actor: Actor,
    repository: Repository,
    *,
    old: dict[str, Any] | None = None,
    new: dict[str, Any] | None = None,
) -> None:
    record(
        action,
        actor=actor,
        namespace=repository.namespace_name,
        repository_id=repository.pk,
        target=repository.full_name,
        old=old,
        new=new,
    )
