"""Events as the pages show them. Everything that needs thought is thought here, with two queries for a whole page."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from orgs.access import visible_organizations
from portal.accounts.actor import Actor, CredentialKind
from portal.accounts.names import NAME
from portal.events.models import Event
from portal.events.words import Text, word
from repositories.access import visible

BROWSERS = ("Edg", "OPR", "Firefox", "Chrome", "Safari")
"""The first that is named counts: each claims to be the ones behind it, too."""
ICONS = {"org": "users", "repo": "container", "user": "user", "namespace": "user", "audit": "scroll-text"}


@dataclass(frozen=True, slots=True)
class Change:
    """One value, before and after; None where there was none."""

    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class Who:
    """`url` only of people. Nobody and the system have no `name`."""

    name: str
    is_robot: bool
    url: str = ""


@dataclass(frozen=True, slots=True)
class ShownEvent:
    row: Event
    label: Text
    icon: str
    tone: str
    who: Who
    target_url: str
    changes: list[Change]
    client: str


def shown_events(actor: Actor, events: Sequence[Event]) -> list[ShownEvent]:
    """With links to what is still there and the actor may see. Two queries at most, whatever the number."""
    repositories = _repository_urls(actor, events)
    organizations = _organization_urls(actor, events)
    return [
        ShownEvent(
            row=event,
            label=word(event.action).label,
            icon=ICONS.get(event.action.partition(".")[0], "history"),
            tone=_tone(event.action),
            who=_who(event),
            target_url=repositories.get(event.repository_id or 0) or organizations.get(event.target, ""),
            changes=changes_of(event),
            client=short_client(event.client),
        )
        for event in events
    ]


def _repository_urls(actor: Actor, events: Sequence[Event]) -> dict[int, str]:
    keys = {event.repository_id for event in events if event.repository_id is not None}
    rows = visible(actor).filter(pk__in=keys) if keys else []
    return {row.pk: row.get_absolute_url() for row in rows}


def _organization_urls(actor: Actor, events: Sequence[Event]) -> dict[str, str]:
    """Where the organization itself is the target."""
    names = {event.namespace for event in events if event.action.startswith("org.") and event.target == event.namespace}
    rows = visible_organizations(actor).filter(namespace__name__in=names) if names else []
    return {row.name: row.get_absolute_url() for row in rows}


def _who(event: Event) -> Who:
    kind = event.credential.partition(":")[0]
    if kind == CredentialKind.ORGANIZATION_TOKEN:
        return Who(event.actor_name, is_robot=True)
    if kind == CredentialKind.SYSTEM or not event.actor_id:
        return Who("", is_robot=kind == CredentialKind.SYSTEM)
    url = reverse("namespace", args=[event.actor_name]) if NAME.fullmatch(event.actor_name) else ""
    return Who(event.actor_name, is_robot=False, url=url)


def _tone(action: str) -> str:
    if action in {"repo.access_refused", "user.login_failed"}:
        return "warning"
    return "danger" if action.endswith((".delete", ".remove", ".revoke", ".disable", ".expire")) else ""


def changes_of(event: Event) -> list[Change]:
    """Old beside new, by name, in the order in which they were told."""
    names = list(dict.fromkeys([*event.new, *event.old]))
    return [
        Change(
            name.replace("_", " "),
            _words(event.old[name]) if name in event.old else None,
            _words(event.new[name]) if name in event.new else None,
        )
        for name in names
    ]


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if value is None or value in ("", [], {}):
        return _("none")
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def short_client(client: str) -> str:
    """`Firefox 140`, `docker/28.2.2`: what tells clients apart at a glance. The whole text stands in the details."""
    if client.startswith("Mozilla/"):
        for name in BROWSERS:
            found = re.search(rf"\b{name}/(\d+)", client)
            if found:
                return f"{ {'Edg': 'Edge', 'OPR': 'Opera'}.get(name, name) } {found[1]}"
    return client.partition(" ")[0][:40]
