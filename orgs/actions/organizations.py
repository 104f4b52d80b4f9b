"""Organizations: create, describe, set the rules, delete."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from orgs import access
from orgs.access import OrgPermission
from orgs.models import MemberRole, Membership, Organization
from portal.accounts.actor import Actor
from portal.accounts.models import CreateOnPush, Namespace, OrganizationAccessToken
from portal.accounts.names import validate_namespace
from portal.events.record import record
from portal.kit.errors import Conflict, Invalid, Text

NAMES_SHOWN = 3
"""Of the repositories that stand in the way of a deletion."""


def create_organization(
    *,
    actor: Actor,
    name: str,
    full_name: str = "",
    description: str = "",
    link: str = "",
    company: str = "",
    location: str = "",
) -> Organization:
    """Create an organization whose owner is the actor. Its name is a namespace's, and never changes.

    Raises Invalid (fields), Conflict when the name is taken, also by a request at the same moment, Forbidden when the
    actor's address is not confirmed, Unauthorized for nobody.
    """
    user_id = access.require_create_organization(actor)
    _validate_name(name)
    texts = {"full_name": full_name, "description": description, "link": link, "company": company, "location": location}
    organization = Organization(**{field: text.strip() for field, text in texts.items()})
    _validate(organization, list(texts))
    try:
        with transaction.atomic():
            organization.namespace = Namespace.objects.create(name=name)
            organization.save(force_insert=True)
            Membership.objects.create(organization=organization, user_id=user_id, role=MemberRole.OWNER)
            record("org.create", actor=actor, namespace=name, target=name, new={"name": name, "owner": actor.name})
    except IntegrityError as error:
        message = _("“%(name)s” is taken. Choose another name.") % {"name": name}
        raise Conflict(message, fields={"name": [message]}) from error
    organization.member_role = MemberRole.OWNER
    return organization


def _validate_name(name: str) -> None:
    try:
        validate_namespace(name)
    except ValidationError as error:
        raise Invalid(error.messages[0], fields={"name": error.messages}) from error


def _validate(organization: Organization, names: list[str]) -> None:
    """Raise Invalid with the sentences of every one of the fields that breaks a rule."""
    skipped = [field.name for field in organization._meta.fields if field.name not in names]  # noqa: SLF001  documented
    fields: dict[str, list[Text]] = {}
    try:
        organization.clean_fields(exclude=skipped)
    except ValidationError as error:
        fields = {name: list(texts) for name, texts in error.message_dict.items()}
    if "link" in names and organization.link and not organization.link.startswith(("http://", "https://")):
        fields["link"] = [_("Write a web address that begins with https:// or http://.")]
    if fields:
        raise Invalid(next(iter(fields.values()))[0], fields=fields)


def update_profile(
    *,
    actor: Actor,
    organization: Organization,
    full_name: str | None = None,
    description: str | None = None,
    link: str | None = None,
    company: str | None = None,
    location: str | None = None,
) -> Organization:
    """Change what is given of what others see. Raises Invalid, NotFound, Forbidden."""
    texts = {"full_name": full_name, "description": description, "link": link, "company": company, "location": location}
    new = {name: text.strip() for name, text in texts.items() if text is not None}
    return _update(actor, OrgPermission.EDIT_PROFILE, organization, new)


def update_rules(
    *,
    actor: Actor,
    organization: Organization,
    base_permission: int | None = None,
    who_creates: str | None = None,
    who_publishes: str | None = None,
) -> Organization:
    """Change what is given of the rules. They count for the next token and the next page.

    Raises Invalid, NotFound, Forbidden.
    """
    rules = {"base_permission": base_permission, "who_creates": who_creates, "who_publishes": who_publishes}
    return _update(actor, OrgPermission.EDIT_RULES, organization, _given(rules))


def update_defaults(
    *,
    actor: Actor,
    organization: Organization,
    default_visibility: str | None = None,
    create_on_push: str | None = None,
) -> Organization:
    """Change what is given of how repositories are made. Raises Invalid, NotFound, Forbidden."""
    if create_on_push is not None and create_on_push not in CreateOnPush.values:
        choices = ", ".join(CreateOnPush.values)
        raise Invalid.field("create_on_push", _("Choose one of: %(values)s.") % {"values": choices})
    with transaction.atomic():
        visibility = _given({"default_visibility": default_visibility})
        row = _update(actor, OrgPermission.EDIT_DEFAULTS, organization, visibility)
        old = row.namespace.create_on_push
        if create_on_push is not None and create_on_push != old:
            row.namespace.create_on_push = create_on_push
            row.namespace.save(update_fields=["create_on_push"])
            _record_update(actor, row, {"create_on_push": old}, {"create_on_push": create_on_push})
    return row


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _update(
    actor: Actor, permission: OrgPermission, organization: Organization, new: Mapping[str, Any]
) -> Organization:
    """One event for what changed; none when nothing did. Two queries, two more to change."""
    with transaction.atomic():
        row = access.require(actor, permission, organization)
        old = {name: getattr(row, name) for name in new}
        changed = {name: value for name, value in new.items() if value != old[name]}
        for name, value in changed.items():
            setattr(row, name, value)
        _validate(row, list(changed))
        if changed:
            row.save(update_fields=list(changed))
            _record_update(actor, row, {name: old[name] for name in changed}, changed)
    return row


def _record_update(actor: Actor, row: Organization, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    record("org.settings.update", actor=actor, namespace=row.name, target=row.name, old=old, new=new)


def delete_organization(*, actor: Actor, organization: Organization, typed_name: str) -> None:
    """Delete the organization with its members, teams, grants, invitations and access tokens. Its name stays held.

    Raises Invalid when the typed name differs, Conflict while there are repositories in it, NotFound, Forbidden.
    """
    with transaction.atomic():
        row = access.require(actor, OrgPermission.DELETE, organization)
        if typed_name.strip() != row.name:
            raise Invalid.field(
                "typed_name", _("Type “%(name)s”, the organization's name, to delete it.") % {"name": row.name}
            )
        namespace = Namespace.objects.select_for_update().get(pk=row.namespace_id)  # waits for who creates in it now
        _refuse_with_repositories(namespace)
        tokens = OrganizationAccessToken.objects.filter(namespace=namespace)
        old = {
            "members": list(row.memberships.order_by("user__username").values_list("user__username", flat=True)),
            "teams": list(row.teams.order_by("name").values_list("name", flat=True)),
            "access_tokens": list(tokens.order_by("id").values_list("label", flat=True)),
        }
        record("org.delete", actor=actor, namespace=row.name, target=row.name, old=old)
        tokens.delete()
        namespace.grants.all().delete()
        row.delete()


def _refuse_with_repositories(namespace: Namespace) -> None:
    """All of them count, whether the actor sees them or not: owners see every one."""
    count = namespace.repositories.count()
    if not count:
        return
    names = list(namespace.repositories.order_by("full_name").values_list("full_name", flat=True)[:NAMES_SHOWN])
    some = ", ".join(names) + ("…" if count > NAMES_SHOWN else "")
    if count == 1:
        raise Conflict(
            _("Nothing was deleted: there is a repository in it (%(names)s). Delete it first.") % {"names": some}
        )
    raise Conflict(
        _("Nothing was deleted: there are %(count)d repositories in it (%(names)s). Delete them first.")
        % {"count": count, "names": some}
    )
