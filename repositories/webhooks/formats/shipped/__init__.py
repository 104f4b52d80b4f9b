"""Templates for receivers that have a format of their own: a person picks one, and may change it then."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from repositories.webhooks import catalog

Text = str | Promise


@dataclass(frozen=True, slots=True)
class Shipped:
    key: str
    label: Text
    description: Text
    url_hint: str
    """What a URL of the receiver looks like."""
    events: tuple[str, ...]
    """Event types that it can tell of."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers that the receiver needs; in ⟨…⟩ what only the person knows."""
    note: Text = ""
    """What to do on the receiver's side."""

    @property
    def text(self) -> str:
        return _read(self.key)


@cache
def _read(key: str) -> str:
    return (Path(__file__).parent / f"{key}.json.jinja").read_text("utf-8")


ALL = tuple(kind.name for kind in catalog.TYPES)
ARTIFACTS = ("push", "tag.delete", "tag.restore", "image.delete")

_SHIPPED = (
    Shipped(
        "slack",
        "Slack",
        _("A message in a channel, with the image and its platforms."),
        "https://hooks.slack.com/services/⟨workspace⟩/⟨app⟩/⟨secret⟩",
        ALL,
        note=_("Make an app with an incoming webhook for the channel, and paste the webhook's URL."),
    ),
    Shipped(
        "teams",
        "Microsoft Teams",
        _("An Adaptive Card in a channel or chat."),
        "https://⟨region⟩.logic.azure.com/workflows/⟨workflow⟩/triggers/manual/paths/invoke?⟨signature⟩",
        ALL,
        note=_("Make a workflow “When a Teams webhook request is received”, and paste its URL."),
    ),
    Shipped(
        "discord",
        "Discord",
        _("A message with an embed in a channel. It mentions nobody."),
        "https://discord.com/api/webhooks/⟨id⟩/⟨secret⟩",
        ALL,
        note=_("Make a webhook in the channel's settings under “Integrations”, and paste its URL."),
    ),
    Shipped(
        "github",
        "GitHub Actions (repository_dispatch)",
        _("Starts the workflows of a repository that are made for it: on: repository_dispatch: types: [moorage.push]"),
        "https://api.github.com/repos/⟨owner⟩/⟨repository⟩/dispatches",
        ALL,
        headers={
            "Accept": "application/vnd.github+json",
            "Authorization": "Bearer ⟨token⟩",
            "X-GitHub-Api-Version": "2022-11-28",
        },
        note=_(
            "The token needs write access to the repository's contents. Workflows read github.event.client_payload."
        ),
    ),
    Shipped(
        "harbor",
        "Harbor (PUSH_ARTIFACT, DELETE_ARTIFACT)",
        _("For receivers that are made for Harbor, such as Argo CD Image Updater, Kargo and Flux."),
        "https://⟨receiver⟩/⟨path⟩",
        ARTIFACTS,
        note=_("Harbor's “Auth Header” is the header Authorization here."),
    ),
)


def shipped() -> tuple[Shipped, ...]:
    """In the order in which they are offered."""
    return _SHIPPED
